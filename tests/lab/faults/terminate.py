"""SIGTERM while edits wait for their flush: the server flushes and ends, or leaves them in the journal and ends.

The database is there, or away at that moment: somebody holds the write lock of SQLite, PostgreSQL can't be reached.
One in forty is the real server with a page connected to it; the others are victims at work.
"""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

import apsw
from sqlalchemy.engine import make_url

from tests.lab.chance import chance
from tests.lab.checker import Violation
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory
from tests.lab.proxy import Proxy
from tests.lab.server import Server
from tests.lab.waiting import PATIENCE_SECONDS

_DEBOUNCE_SECONDS = 2.0
_EXIT_SECONDS = 10.0
_MOST_OPERATIONS = 40
_SERVER_EVERY = 40
_SIDE_BY_SIDE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    who: str
    seconds: float
    acknowledged: int
    violations: list[Violation]
    failures: list[str]


def run(laboratory: Laboratory, dose: int) -> Result:
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as side_by_side:
        ends = list(side_by_side.map(lambda number: _once(laboratory, number), range(dose)))
    return Result(
        done=dose,
        acknowledged=sum(end.acknowledged for end in ends),
        violations=[violation for end in ends for violation in end.violations],
        failures=[failure for end in ends for failure in end.failures],
        too_slow=[f"{end.who} took {end.seconds:.1f} s to end" for end in ends if end.seconds > _EXIT_SECONDS],
        figures={"exit after SIGTERM, at most, s": round(max(end.seconds for end in ends), 2)},
    )


def _once(laboratory: Laboratory, number: int) -> _End:
    real, away = number % _SERVER_EVERY == 0, number % 2 == 1
    with laboratory.bench(sessions=5) as bench:
        if real:
            who, seconds = "the server", _end_server(bench)
        elif away:
            who, seconds = "the victim, its database away,", _end_victim(laboratory, bench, away=True)
        else:
            who, seconds = "the victim", _end_victim(laboratory, bench, away=False)
        failures = []
        if real and (waiting := _waiting(bench)):
            failures.append(f"{who} left {waiting} entries in the journal, though the database was there")
        violations = bench.check()
        return _End(
            who=who,
            seconds=seconds,
            acknowledged=bench.recorder.acknowledged,
            violations=violations,
            failures=[*failures, *bench.failures],
        )


def _end_victim(laboratory: Laboratory, bench: Bench, *, away: bool) -> float:
    """Seconds from SIGTERM to the end of a victim that people are working on."""
    with (
        _database(laboratory, bench) as (url, take_away),
        bench.victim(database_url=url, debounce_delay=_DEBOUNCE_SECONDS) as victim,
        bench.load.on(victim),
    ):
        bench.recorder.wait_for(chance().randrange(1, _MOST_OPERATIONS))
        if away:
            take_away()
        began = time.monotonic()
        victim.signal(signal.SIGTERM)
        victim.wait(PATIENCE_SECONDS)
        return time.monotonic() - began


def _end_server(bench: Bench) -> float:
    """Seconds from SIGTERM to the end of a server with a page connected, and with edits of a dead process to flush."""
    with bench.victim(debounce_delay=3600) as victim:
        with bench.load.on(victim):
            bench.recorder.wait_for(_MOST_OPERATIONS)
        victim.kill()
    server = Server(bench.settings(debounce_delay=3600), bench.folder / "server.log")
    with closing(server), server.connect():
        began = time.monotonic()
        server.terminate(PATIENCE_SECONDS)
        return time.monotonic() - began


@contextmanager
def _database(laboratory: Laboratory, bench: Bench) -> Iterator[tuple[str, Callable[[], None]]]:
    """An address of the bench's database, and how to take it away from those who use it."""
    if laboratory.postgres is None:
        path = str(make_url(bench.database_url).database)
        with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)) as connection:

            def lock() -> None:
                connection.execute("BEGIN IMMEDIATE")

            yield bench.database_url, lock
    else:
        with closing(Proxy(laboratory.postgres.port)) as proxy:
            yield proxy.url(bench.database_url), proxy.go_away


def _waiting(bench: Bench) -> int:
    """How many entries are in the journal."""
    journal = bench.folder / "journal.db"
    if not journal.exists():
        return 0
    with closing(apsw.Connection(str(journal))) as connection:
        return int(connection.execute("SELECT count(*) FROM entry").get)


FAULT = Fault(
    name="terminate",
    says="SIGTERM inside the debounce window, with the database there or away",
    holds="acknowledged lost: 0, exit within 10 s",
    full=200,
    short=5,
    run=run,
)
