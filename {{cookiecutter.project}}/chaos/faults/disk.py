"""The disk fails under the engine: fsync answers EIO for a while, or there is no space left.

An fsync that failed must never be followed by "saved". No space is a limit on the size of files, lowered on the
living victim and raised again: what the journal can't take is refused aloud, and taken again when there is space.
"""

from __future__ import annotations

import random
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from chaos import strace
from chaos.checker import Violation
from chaos.faults import Fault, Result
from chaos.laboratory import Bench, Laboratory, Setup
from chaos.load import FIELDS, FORMS, Client
from chaos.nursery import Victim
from chaos.waiting import wait_until

_BACK_SECONDS = 10.0
_HARMED_EDITS = 12
_SIDE_BY_SIDE = 2
_SYNCS = "fsync,fdatasync"

Harm = Callable[[Bench, Victim], AbstractContextManager[None]]


@contextmanager
def failing_syncs(bench: Bench, victim: Victim) -> Iterator[None]:
    """Every fsync and fdatasync fails, as on a dying disk."""
    options = ("-e", f"trace={_SYNCS}", "-e", f"inject={_SYNCS}:error=EIO")
    with strace.attached(victim.pid, bench.folder / f"strace-{victim.pid}.log", *options):
        yield


@contextmanager
def no_space(bench: Bench, victim: Victim) -> Iterator[None]:
    """No file may grow beyond what the journal's log has now, or a little more."""
    log = bench.folder / "journal.db-wal"
    size = log.stat().st_size if log.exists() else 0
    _, most = resource.prlimit(victim.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(victim.pid, resource.RLIMIT_FSIZE, (size + random.randrange(8_000), most))
    try:
        yield
    finally:
        resource.prlimit(victim.pid, resource.RLIMIT_FSIZE, (most, most))


HARMS: tuple[Harm, ...] = (failing_syncs, no_space)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    acknowledged: int
    refused: int
    noticed: bool
    """An edit was refused, or went into the database because the journal took none."""
    back: float
    violations: list[Violation]
    failures: list[str]


def run(laboratory: Laboratory, dose: int) -> Result:
    jobs = [(harm, number) for harm in HARMS for number in range(dose)]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as side_by_side:
        outcomes = list(side_by_side.map(lambda job: _once(laboratory, job[0], job[1]), jobs))
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    shown = {harm for outcome, (harm, _) in zip(outcomes, jobs, strict=True) if outcome.noticed}
    failures += [
        f"{harm.__name__}: the engine noticed nothing, so nothing was shown" for harm in HARMS if harm not in shown
    ]
    return Result(
        done=dose,
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
        violations=[violation for outcome in outcomes for violation in outcome.violations],
        failures=failures,
        figures={
            "edits refused, each with the reason": float(sum(outcome.refused for outcome in outcomes)),
            "edits accepted again after, at most, s": round(max(outcome.back for outcome in outcomes), 2),
        },
    )


def _once(laboratory: Laboratory, harm: Harm, number: int) -> _Outcome:
    """Edit, do harm, edit, end the harm, edit; then `kill -9`, so that what was refused in memory only is gone."""
    failures: list[str] = []
    delay = 0.05 if number % 2 else 3600
    with laboratory.bench(sessions=3, purges=False) as bench:
        with bench.victim(channels=1, debounce_delay=delay) as victim:
            client = Client(bench.recorder, victim.channels[0])
            _edits(bench, client, random.randrange(1, 8))
            with harm(bench, victim):
                _edits(bench, client, _HARMED_EDITS)
                noticed = bool(client.refusals or client.ask("status")["journal_error"])
            refused = len(client.refusals)
            failures += [f"a refusal that names no reason: {r}" for r in client.refusals if "disk" not in r]
            back = wait_until(lambda: _edits(bench, client, 1), "edits are accepted again", seconds=3 * _BACK_SECONDS)
            _edits(bench, client, 3)
            if not client.flush():
                failures.append(f"the flush after the harm was refused: {client.refusals[-1]}")
            victim.kill()
        if back > _BACK_SECONDS:
            failures.append(f"it took {back:.1f} s until edits were accepted again")
        violations = bench.check()
        return _Outcome(
            acknowledged=bench.recorder.acknowledged,
            refused=refused,
            noticed=noticed,
            back=back,
            violations=violations,
            failures=[f"{harm.__name__}: {failure}" for failure in [*failures, *bench.failures]],
        )


def _edits(bench: Bench, client: Client, count: int) -> bool:
    """So many edits. True if the last was accepted."""
    return [client.edit(random.choice(bench.load.sessions), FORMS[0], random.choice(FIELDS)) for _ in range(count)][-1]


FAULT = Fault(
    name="disk",
    says="fsync EIO for a while; no space for a while",
    holds="no false acknowledgement; the error is visible; goes on without restart",
    full=50,
    short=3,
    run=run,
    setups=(Setup.SQLITE, Setup.POSTGRES),
)
