"""A power cut after every system call of append, flush, checkpoint and migrate.

Each of them is done once, with every write, sync, truncation and deletion recorded. From that follows what may be on
the disk after any of them (see `platter`), and each such disk is recovered by fresh services.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.lab import platter, strace
from tests.lab.chance import chance
from tests.lab.checker import Violation, check
from tests.lab.faults import Fault, Result
from tests.lab.faults.syscalls import OPERATIONS, Operation
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.load import Client
from tests.lab.platter import Call, Luck, Platter
from tests.lab.records import Record

_LUCK: tuple[Luck, ...] = ("none", "some")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What an operation did to the files of a bench, and what the people were told meanwhile."""

    operation: Operation
    bench: Bench
    before: Path
    """A folder with the files as they were at the beginning."""
    calls: Sequence[Call]
    prepared: Sequence[Record]
    """The history before the beginning."""
    records: Sequence[Record]
    """The history since then."""

    def history(self, point: int) -> list[Record]:
        """The history up to a system call: the operation under way then was asked for and not answered."""
        answers = sum(call.name == "sendto" for call in self.calls[:point])
        known = list(self.prepared)
        for record in self.records:
            if record.kind in ("acknowledge", "refused"):
                answers -= 1
            if answers < 0:
                break
            known.append(record)
        return known


def record(bench: Bench, operation: Operation, variant: str = "real") -> Recording:
    """Do an operation once, and take down all that it does."""
    before = bench.folder / "before"
    before.mkdir()
    options = ["-y", "-xx", "-s", "1000000", "-e", f"trace={','.join(platter.TRACED)}"]
    with bench.victim(channels=1, variant=variant, debounce_delay=3600) as victim:
        client = Client(bench.recorder, victim.channels[0])
        operation.prepare(client, bench)
        for file in bench.folder.glob("*.db*"):
            (before / file.name).write_bytes(file.read_bytes())
        told = len(bench.recorder.records)
        with strace.attached(victim.pid, bench.folder / "strace.log", *options, until_death=True) as trace:
            operation.act(client, bench)
            victim.kill()
    calls = list(platter.calls(trace.lines, bench.folder))
    history = bench.recorder.records
    return Recording(
        operation=operation,
        bench=bench,
        before=before,
        calls=calls,
        prepared=history[:told],
        records=history[told:],
    )


def cut(recording: Recording, point: int, luck: Luck) -> list[Violation]:
    """Recover from what may be on the disk after that many system calls, and say what is wrong."""
    disk = Platter(recording.before)
    for call in recording.calls[:point]:
        disk.apply(call)
    records = recording.history(point)
    with tempfile.TemporaryDirectory(dir=recording.bench.folder) as folder:
        disk.after_power_cut(Path(folder), luck)
        recovered, flushed = recording.bench.recover(records, Path(folder))
    return check(records, recovered) + (check(records, flushed) if flushed != recovered else [])


def run(laboratory: Laboratory, dose: int) -> Result:
    with ExitStack() as stack, ThreadPoolExecutor(2) as two:
        benches = [
            stack.enter_context(laboratory.bench(empty=operation.empty, updated=operation.updated))
            for operation in OPERATIONS
        ]
        recordings = list(two.map(record, benches, OPERATIONS))
        every = [(r, point, luck) for r in recordings for point in range(len(r.calls) + 1) for luck in _LUCK]
        chosen = chance().sample(every, min(dose, len(every)))
        found = list(two.map(lambda what: cut(*what), chosen))
        return Result(
            done=len(chosen),
            acknowledged=sum(bench.recorder.acknowledged for bench in benches),
            violations=[violation for violations in found for violation in violations],
            failures=[failure for bench in benches for failure in bench.failures],
            figures={f"system calls of {r.operation.name}": float(len(r.calls)) for r in recordings},
        )


FAULT = Fault(
    name="power",
    says="power cut after every system call of append, flush, checkpoint, migrate",
    holds="acknowledged lost: 0, integrity check ok",
    full=2000,
    short=40,
    run=run,
    setups=(Setup.SQLITE,),
)
