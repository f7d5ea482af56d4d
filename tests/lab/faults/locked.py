"""Somebody holds the write lock of the SQLite database: a backup, a shell, a migration that takes its time."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy.engine import make_url

from tests.lab.checker import Violation
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.load import FORMS, Client
from tests.lab.nursery import Victim
from tests.lab.waiting import wait_until

_FULL, _SHORT = 20, 1
_LONG_LOCK_SECONDS, _SHORT_LOCK_SECONDS = 30.0, 6.0
"""Both are longer than the five seconds for which a connection waits for a lock."""
_LOCKS = ("IMMEDIATE", "EXCLUSIVE")
"""The first lets others read; the second doesn't even do that."""
_NOTICEABLE_SECONDS = 2.0
_BACK_SECONDS = 10.0
_PAUSE_SECONDS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    lock: str
    bench: Bench
    victim: Victim


def run(laboratory: Laboratory, dose: int) -> Result:
    seconds = _LONG_LOCK_SECONDS if dose >= _FULL else _SHORT_LOCK_SECONDS
    failures, violations = list[str](), list[Violation]()
    with ExitStack() as stack:
        cases = []
        for lock in _LOCKS * dose:
            bench = stack.enter_context(laboratory.bench(sessions=4, purges=False))
            cases.append(_Case(lock=lock, bench=bench, victim=stack.enter_context(bench.victim(channels=2))))
        with ThreadPoolExecutor(len(cases)) as pool:
            for found in pool.map(lambda case: _work_under_lock(case, seconds), cases):
                failures += found
        waiting = list(cases)
        stored = wait_until(lambda: not _waiting(waiting), "nothing waits for the database")
        for case in cases:
            case.victim.kill()
            violations += case.bench.check()
            failures += [*case.bench.failures, *_refused(case.bench)]
    edits = max(case.bench.load.slowest.get("edit", 0.0) for case in cases)
    late = []
    if edits > _NOTICEABLE_SECONDS or stored > _BACK_SECONDS:
        late = [f"an edit took {edits:.1f} s; all was stored {stored:.1f} s after the lock was gone"]
    return Result(
        done=dose,
        acknowledged=sum(case.bench.recorder.acknowledged for case in cases),
        violations=violations,
        failures=failures,
        too_slow=late,
        figures={
            "lock held, s": seconds,
            "edit at most, s": edits,
            "refresh at most, s": max(case.bench.load.slowest.get("read", 0.0) for case in cases),
            "all in the database after the lock, at most, s": stored,
        },
    )


def _work_under_lock(case: _Case, seconds: float) -> list[str]:
    """Put some values into the database, lock it, and have people at work meanwhile."""
    for channel in case.victim.channels:
        for session in case.bench.load.sessions:
            Client(case.bench.recorder, channel).save(session, FORMS[0])
    case.bench.load.slowest.clear()
    with _locked(case.bench, case.lock), case.bench.load.on(case.victim, pause=_PAUSE_SECONDS):
        ends = time.monotonic() + seconds
        failures = _open_elsewhere(case)
        time.sleep(max(0.0, ends - time.monotonic()))
    return failures


@contextlib.contextmanager
def _locked(bench: Bench, lock: str) -> Iterator[None]:
    holder = sqlite3.connect(str(make_url(bench.database_url).database), timeout=30, isolation_level=None)
    with contextlib.closing(holder):
        holder.execute(f"BEGIN {lock}")
        yield
        holder.execute("ROLLBACK")


def _open_elsewhere(case: _Case) -> list[str]:
    """Open a session in a process that begins under the lock: it is shown in full, or not at all, but never blank."""
    session = case.bench.load.sessions[0]
    with case.bench.victim(channels=1) as newcomer:
        answer = newcomer.channels[0].ask("read", session=session)
    if answer["ok"]:
        return [] if answer["values"] else [f"{session} was shown blank under a lock"]
    if case.lock == "EXCLUSIVE" and answer["error"] == "SessionUnavailableError":
        return []
    return [f"a session could not be opened under {case.lock}: {answer['error']}: {answer['says']}"]


def _waiting(cases: list[_Case]) -> bool:
    cases[:] = [case for case in cases if case.victim.channels[0].ask("status")["pending"]]
    return bool(cases)


def _refused(bench: Bench) -> list[str]:
    return [refusal for refusal in bench.load.refusals if not refusal.startswith("flush:")][:3]


FAULT = Fault(
    name="locked",
    says="write lock held on the SQLite database for 30 s (in the tests 6 s), IMMEDIATE and EXCLUSIVE each",
    holds="no edit refused or slow; everything in the database afterwards",
    full=_FULL,
    short=_SHORT,
    run=run,
    setups=(Setup.SQLITE,),
)
