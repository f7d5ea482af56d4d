"""A process was stopped while it read the journal: its read pins the log, which can't be emptied any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial

import apsw

from core.storage.journal import MAX_WAL_BYTES
from tests.lab.chance import chance
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.load import FIELDS, FORMS, Client
from tests.lab.waiting import wait_until

_FILLER, _FILLER_LENGTH, _FILLERS = "filler", 200_000, 8
_CROWD = 32
"""So many write so much at the same moment: the journal takes them together, as one commit."""
_BURST_BYTES = _CROWD * _FILLERS * _FILLER_LENGTH
_EDITS = 10
"""Between two bursts."""
_AGAIN_SECONDS = 10.0
"""So long after the reader is gone the journal must be in use again."""


def run(laboratory: Laboratory, dose: int) -> Result:
    """`dose` is how many times as much is written as the log may hold.

    The database gets nothing until half of it is written, as after an outage: then all that waits is removed at once.
    """
    failures, largest, bursts = list[str](), 0, max(2, dose * MAX_WAL_BYTES // _BURST_BYTES)
    with ExitStack() as stack:
        bench = stack.enter_context(laboratory.bench(sessions=4, purges=False))
        victim = stack.enter_context(bench.victim(channels=_CROWD, debounce_delay=3600))
        crowd = [Client(bench.recorder, channel) for channel in victim.channels]
        pool, client, log = stack.enter_context(ThreadPoolExecutor(_CROWD)), crowd[0], bench.folder / "journal.db-wal"
        client.edit(bench.load.sessions[0], FORMS[0], FIELDS[0])
        # This process is the one that reads; to the victim it makes no difference why it doesn't go on.
        with closing(apsw.Connection(str(bench.folder / "journal.db"))) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM entry").fetchall()
            for burst in range(bursts):
                failures += filter(None, pool.map(partial(_fill, burst), range(_CROWD), crowd))
                largest = max(largest, log.stat().st_size)
                for _ in range(_EDITS):
                    client.edit(chance().choice(bench.load.sessions), FORMS[0], chance().choice(FIELDS))
                if burst >= bursts // 2:
                    client.ask("flush")  # which can't remove all: it says so, and is tried again
                largest = max(largest, log.stat().st_size)
            reader.execute("ROLLBACK")

        def in_use_again() -> bool:
            client.edit(bench.load.sessions[0], FORMS[0], FIELDS[0])
            client.flush()
            return client.ask("status")["journal_error"] is None and log.stat().st_size < MAX_WAL_BYTES // 2

        again = wait_until(in_use_again, "the journal takes edits and its log is short")
        for number in range(_CROWD):
            client.purge(f"{_FILLER}-{number}")
        victim.kill()
        violations = bench.check()
        failures += [*bench.failures, *(r for r in client.refusals if not r.startswith("flush:"))]
    if largest > MAX_WAL_BYTES:
        failures.append(f"the log grew to {largest / 2**20:.1f} MB")
    late = [f"it took {again:.1f} s until the journal was in use again"] if again > _AGAIN_SECONDS else []
    return Result(
        done=dose,
        acknowledged=bench.recorder.acknowledged,
        violations=violations,
        failures=failures[:5],
        too_slow=late,
        figures={
            "largest log, MB": largest / 2**20,
            "edit at most, s": client.slowest["edit"],
            "large edit at most, s": max(each.slowest["fill"] for each in crowd),
            "journal in use again after, s": again,
        },
    )


def _fill(burst: int, number: int, client: Client) -> str:
    """Write a lot into a session of this client's own. Why that was refused, if it was."""
    paths = [f"form/fill/field/{field}" for field in range(_FILLERS)]
    answer = client.ask("fill", session=f"{_FILLER}-{number}", paths=paths, length=_FILLER_LENGTH - burst)
    return "" if answer["ok"] else f"an edit was not kept: {answer['error']}: {answer['says']}"


FAULT = Fault(
    name="pinned",
    says="a read of the journal that never ends pins its log; written: so many times the 64 MB it may hold",
    holds="the log stays at or below 64 MB; no edit refused; nothing acknowledged lost",
    full=10,
    short=0,  # tests/test_journal.py has the law, without the rest of the project
    run=run,
    setups=(Setup.SQLITE,),
)
