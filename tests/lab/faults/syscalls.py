"""`kill -9` at every system call by which append, flush, checkpoint and migrate change files.

Each of them is done once in peace, to count its system calls, and then once for each of them with a kill at that
one, which must have hit. Where the database is PostgreSQL, what is sent to it counts as well, and so do the answers to
the people.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from tests.lab import strace
from tests.lab.chance import chance
from tests.lab.checker import Violation
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.load import FIELDS, FORMS, Client
from tests.lab.nursery import VictimGoneError
from tests.lab.strace import Point

_PAGE = 4096 + 24
_CHECKPOINT_PAGES = 1000
"""With so many pages in the write-ahead log, SQLite copies them into the database."""

_ALL = 1000
"""More than an operation of any setup has, and what a fifth of the full dose is: PostgreSQL's share."""
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something the engine does to files. What `prepare` does is not disturbed."""

    name: str
    act: Callable[[Client, Bench], object]
    prepare: Callable[[Client, Bench], object] = lambda _client, _bench: None
    empty: bool = False
    """The database has no table at the beginning."""
    updated: bool = False
    """The code has a revision that the database lacks (see `Laboratory.bench`)."""
    setups: tuple[Setup, ...] = tuple(Setup)


def append(client: Client, _bench: Bench) -> None:
    """The first edits of a process, so the journal is made here too."""
    client.edit("one", FORMS[0], FIELDS[0])
    client.save("one", FORMS[0])
    client.remove("one", FORMS[0], FIELDS[1])
    client.snapshot("two", FORMS[1])
    client.edit("one", FORMS[0], FIELDS[0])


def flush(client: Client, _bench: Bench) -> None:
    client.flush()
    client.edit("one", FORMS[0], FIELDS[0])
    client.purge("two")
    client.flush()


def fill_the_log(client: Client, bench: Bench) -> None:
    """Write until the next few edits will trigger a checkpoint."""
    append(client, bench)
    log = bench.folder / "journal.db-wal"
    for number in itertools.count():
        missing = _CHECKPOINT_PAGES - log.stat().st_size // _PAGE
        if missing < 5:
            return
        client.ask("fill", session="long", paths=[f"filler/{number % 2}"], length=min(40_000, (missing - 3) * 2_000))


def close(client: Client, _bench: Bench) -> None:
    """The last flush, in a thread of its own; the checkpoint when the journal is closed; then a new beginning."""
    client.do("close")
    client.edit("one", FORMS[0], FIELDS[0])


def store(client: Client, bench: Bench) -> None:
    """Sessions in the database, and edits of them that wait."""
    append(client, bench)
    client.flush()
    append(client, bench)


def migrate(client: Client, bench: Bench) -> None:
    client.do("migrate", code=str(bench.code))


OPERATIONS = (
    Operation(name="append", act=append),
    Operation(name="flush", act=flush, prepare=append),
    Operation(name="checkpoint", act=append, prepare=fill_the_log, setups=(Setup.SQLITE,)),
    Operation(name="close", act=close, prepare=append),
    Operation(name="migrate from nothing", act=migrate, empty=True),
    Operation(name="migrate", act=migrate, prepare=store, updated=True),
)


def run(laboratory: Laboratory, dose: int) -> Result:
    """From `_ALL` on the dose is every system call there is, otherwise as many, at random."""
    operations = [operation for operation in OPERATIONS if laboratory.setup in operation.setups]
    with ThreadPoolExecutor(2) as two:
        counted = list(two.map(lambda operation: _once(laboratory, operation, None), operations))
        points = {operation: outcome.points for operation, outcome in zip(operations, counted, strict=True)}
        chosen = _in_turns(points, None if dose >= _ALL else dose)
        outcomes = list(two.map(lambda aim: _aimed(laboratory, *aim), chosen))
    return Result(
        done=sum(outcome.hit for outcome in outcomes),
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
        violations=[violation for outcome in (*counted, *outcomes) for violation in outcome.violations],
        failures=[failure for outcome in (*counted, *outcomes) for failure in outcome.failures],
        figures={f"system calls of {operation.name}": float(len(found)) for operation, found in points.items()},
    )


def _in_turns(points: Mapping[Operation, Sequence[Point]], most: int | None) -> list[tuple[Operation, Point]]:
    """The system calls of all operations; or so many, of each as many, at random."""
    mixed = [
        chance().sample([(operation, point) for point in found], len(found)) for operation, found in points.items()
    ]
    in_turns = itertools.chain.from_iterable(itertools.zip_longest(*mixed))
    return list(itertools.islice(filter(None, in_turns), most))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    points: Sequence[Point]
    hit: bool
    acknowledged: int
    violations: list[Violation]
    failures: list[str]


def _aimed(laboratory: Laboratory, operation: Operation, point: Point) -> _Outcome:
    """Do an operation with a kill at this system call; again, if this time it had not as many."""
    for _ in range(_ATTEMPTS):
        outcome = _once(laboratory, operation, point)
        if outcome.hit or outcome.violations or outcome.failures:
            return outcome
    missed = f"{operation.name}: nothing was killed at {point.name} number {point.number} in {_ATTEMPTS} attempts"
    return replace(outcome, failures=[missed])


def _once(laboratory: Laboratory, operation: Operation, aim: Point | None) -> _Outcome:
    """Do an operation, with a kill at a system call, or in peace."""
    watched = strace.CHANGES if laboratory.setup is Setup.SQLITE else (*strace.CHANGES, "sendto")
    options = ["-e", f"trace={','.join(watched)}"]
    if aim is not None:
        options += ["-e", f"inject={aim.name}:signal=KILL:when={aim.number}"]
    with laboratory.bench(empty=operation.empty, updated=operation.updated) as bench:
        with bench.victim(channels=1, debounce_delay=3600) as victim:
            client = Client(bench.recorder, victim.channels[0])
            operation.prepare(client, bench)
            client.ask("ready")  # a thread that begins later would count as one born during the trace
            output, only = bench.folder / "strace.log", None if aim is None else aim.thread
            with strace.attached(victim.pid, output, *options, until_death=True, only=only) as trace:
                with suppress(VictimGoneError):
                    operation.act(client, bench)
                victim.signal(signal.SIGKILL)
        points, hidden = strace.points(trace)
        violations = bench.check()
        failures = [f"{operation.name}, killed at {aim}: {failure}" for failure in bench.failures]
        if hidden:
            failures.append(f"{operation.name}: {hidden} system calls can't be aimed at: threads work side by side")
        return _Outcome(
            points=points,
            hit=aim in points,
            acknowledged=bench.recorder.acknowledged,
            violations=violations,
            failures=failures,
        )


FAULT = Fault(
    name="syscalls",
    says="SIGKILL at every write/fsync system call of append, flush, checkpoint, migrate",
    holds="acknowledged lost: 0, integrity check ok",
    full=5 * _ALL,
    exhaustive=True,
    short=25,
    run=run,
)
