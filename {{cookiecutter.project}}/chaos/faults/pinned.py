"""A process was stopped while it read the journal: its read pins the log, which can't be emptied any more."""

from __future__ import annotations

import random
from contextlib import closing

import apsw

from chaos.faults import Fault, Result
from chaos.laboratory import Laboratory, Setup
from chaos.load import FIELDS, FORMS, Client
from chaos.waiting import wait_until
from core.storage.journal import MAX_WAL_BYTES

_FILLER, _FILLER_LENGTH = "filler", 200_000
_AGAIN_SECONDS = 10.0
"""So long after the reader is gone the journal must be in use again."""


def run(laboratory: Laboratory, dose: int) -> Result:
    """`dose` is how many times as much is written as the log may hold.

    The database gets nothing until half of it is written, as after an outage: then all that waits is removed at once.
    """
    failures, largest, steps = list[str](), 0, dose * MAX_WAL_BYTES // _FILLER_LENGTH
    with laboratory.bench(sessions=4, purges=False) as bench, bench.victim(channels=2, debounce_delay=3600) as victim:
        client, filler = (Client(bench.recorder, channel) for channel in victim.channels)
        log = bench.folder / "journal.db-wal"
        client.edit(bench.load.sessions[0], FORMS[0], FIELDS[0])
        # This process is the one that reads; to the victim it makes no difference why it doesn't go on.
        with closing(apsw.Connection(str(bench.folder / "journal.db"))) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM entry").fetchall()
            for number in range(steps):
                path, length = f"form/fill/field/{number}", _FILLER_LENGTH - number % 1000
                answer = filler.ask("fill", session=_FILLER, path=path, length=length)
                if not answer["ok"]:
                    failures.append(f"an edit was not kept: {answer['error']}: {answer['says']}")
                if number % 10 == 0:
                    client.edit(random.choice(bench.load.sessions), FORMS[0], random.choice(FIELDS))
                if number >= steps // 2 and number % 20 == 0:
                    filler.ask("flush")  # which can't remove all: it says so, and is tried again
                largest = max(largest, log.stat().st_size)
            reader.execute("ROLLBACK")

        def in_use_again() -> bool:
            client.edit(bench.load.sessions[0], FORMS[0], FIELDS[0])
            client.flush()
            return client.ask("status")["journal_error"] is None and log.stat().st_size < MAX_WAL_BYTES // 2

        again = wait_until(in_use_again, "the journal takes edits and its log is short", seconds=3 * _AGAIN_SECONDS)
        filler.purge(_FILLER)
        victim.kill()
        violations = bench.check()
        failures += [*bench.failures, *(r for r in client.refusals if not r.startswith("flush:"))]
    if largest > MAX_WAL_BYTES:
        failures.append(f"the log grew to {largest / 2**20:.1f} MB")
    if again > _AGAIN_SECONDS:
        failures.append(f"it took {again:.1f} s until the journal was in use again")
    return Result(
        done=dose,
        acknowledged=bench.recorder.acknowledged,
        violations=violations,
        failures=failures[:5],
        figures={
            "largest log, MB": largest / 2**20,
            "edit at most, s": client.slowest["edit"],
            "large edit at most, s": filler.slowest["fill"],
            "journal in use again after, s": again,
        },
    )


FAULT = Fault(
    name="pinned",
    says="a read of the journal that never ends pins its log; written: so many times the 64 MB it may hold",
    holds="the log stays at or below 64 MB; no edit refused; nothing acknowledged lost",
    full=10,
    short=0,  # tests/test_journal.py has the law, without the rest of the project
    run=run,
    setups=(Setup.SQLITE,),
)
