"""The disk fails under the engine: fsync answers EIO for a while, or there is no space left.

An fsync that failed must never be followed by "saved". No space is a limit on the size of files, lowered on the
living victim and raised again: what the journal can't take is refused aloud, and taken again when there is space.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.lab import strace
from tests.lab.chance import chance
from tests.lab.checker import Violation
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.load import FIELDS, FORMS, Client
from tests.lab.nursery import Victim
from tests.lab.waiting import wait_until

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
    resource.prlimit(victim.pid, resource.RLIMIT_FSIZE, (size + chance().randrange(8_000), most))
    try:
        yield
    finally:
        resource.prlimit(victim.pid, resource.RLIMIT_FSIZE, (most, most))


HARMS: tuple[Harm, ...] = (failing_syncs, no_space)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    acknowledged: int
    refused: int
    back: float
    violations: list[Violation]
    failures: list[str]


def run(laboratory: Laboratory, dose: int) -> Result:
    jobs = [(harm, number) for harm in HARMS for number in range(dose)]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as side_by_side:
        outcomes = list(side_by_side.map(lambda job: _once(laboratory, job[0], job[1]), jobs))
    longest = max(outcome.back for outcome in outcomes)
    return Result(
        done=dose,
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
        violations=[violation for outcome in outcomes for violation in outcome.violations],
        failures=[failure for outcome in outcomes for failure in outcome.failures],
        too_slow=[f"it took {longest:.1f} s until edits were accepted again"] if longest > _BACK_SECONDS else [],
        figures={
            "edits refused, each with the reason": float(sum(outcome.refused for outcome in outcomes)),
            "edits accepted again after, at most, s": round(longest, 2),
        },
    )


def _once(laboratory: Laboratory, harm: Harm, number: int) -> _Outcome:
    """Edit, do harm, edit, end the harm, edit; then `kill -9`, so that what was refused in memory only is gone."""
    failures: list[str] = []
    delay = 0.05 if number % 2 else 3600  # a flush in between makes room again, so all may be taken in time
    with laboratory.bench(sessions=3, purges=False) as bench:
        with bench.victim(channels=1, debounce_delay=delay) as victim:
            client = Client(bench.recorder, victim.channels[0])
            _edits(bench, client, chance().randrange(1, 8))
            with harm(bench, victim):
                noticed = [_is_noticed(bench, client) for _ in range(_HARMED_EDITS)]
            if harm is failing_syncs and not all(noticed):
                failures.append(f"{noticed.count(False)} edits were taken, though nothing could be synced")
            if harm is no_space and delay > 1 and not any(noticed):
                failures.append("it was full and nobody noticed, so nothing was shown")
            refused = len(client.refusals)
            failures += [f"a refusal that names no reason: {r}" for r in client.refusals if "disk" not in r]
            back = wait_until(lambda: _edits(bench, client, 1), "edits are accepted again")
            _edits(bench, client, 3)
            if not client.flush():
                failures.append(f"the flush after the harm was refused: {client.refusals[-1]}")
            victim.kill()
        violations = bench.check()
        return _Outcome(
            acknowledged=bench.recorder.acknowledged,
            refused=refused,
            back=back,
            violations=violations,
            failures=[f"{harm.__name__}: {failure}" for failure in [*failures, *bench.failures]],
        )


def _is_noticed(bench: Bench, client: Client) -> bool:
    """Edit. Whether that was refused, or went into the database because the journal took it not."""
    return not _edits(bench, client, 1) or bool(client.ask("status")["journal_error"])


def _edits(bench: Bench, client: Client, count: int) -> bool:
    """So many edits. True if the last was accepted."""
    return [client.edit(chance().choice(bench.load.sessions), FORMS[0], chance().choice(FIELDS)) for _ in range(count)][
        -1
    ]


FAULT = Fault(
    name="disk",
    says="fsync EIO for a while; no space for a while",
    holds="no false acknowledgement; the error is visible; goes on without restart",
    full=50,
    short=3,
    run=run,
    setups=(Setup.SQLITE, Setup.POSTGRES),
    elsewhere="DURABILITY=database writes nothing on the machine that could fail; the database's disk is PostgreSQL's",
)
