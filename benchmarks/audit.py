"""What reading the audit trail costs with a million lines: `python -m benchmarks.audit`, `--explain` for the plans.

The lines are as unfair as they come: one person did half of everything, some events are one in ten thousand, and for
most pairs of a person and a rare event there is nothing to be found. Each combination of filters asks for one page.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, insert

from benchmarks.measuring import milli, row, side_by_side, title
from core.accounts import Accounts, Actor
from core.clock import SystemClock
from core.storage.database import open_database
from core.storage.migrate import upgrade
from core.storage.models import AuditModel
from tests.lab.postgres import Postgres

LINES, PAGE, BATCH, ROUNDS = 1_000_000, 50, 20_000, 5
PEOPLE = [f"{number:032x}" for number in range(1_000)]
BUSY, QUIET, NOBODY = PEOPLE[0], PEOPLE[17], "f" * 32
COMMON = ("sign_in", "sign_out", "refused")
RARE = ("role.deleted", "person.locked_out")
TARGET_SECONDS = 0.050
END = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(seconds=30)
FILTERS: dict[str, list[dict[str, Any]]] = {
    "events": [{}, {"events": ["sign_in"]}, {"events": ["role.deleted"]}, {"events": [*COMMON, *RARE]}],
    "person": [{}, {"person": BUSY}, {"person": QUIET}, {"person": NOBODY}],
    "address": [{}, {"address": "192.0.2.1"}, {"address": "192.0.2.250"}],
    "period": [
        {},
        {"since": END - timedelta(days=1)},
        {"since": END - STEP * LINES, "until": END - STEP * (LINES - 1000)},
    ],
    "page": [{}, {"before": LINES // 2}],
}


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL, started by root, runs as somebody else
        _database(f"sqlite:///{folder / 'audit.db'}")
        print(f"The file is {(folder / 'audit.db').stat().st_size / 2**20:.0f} MiB.")
        server = Postgres(folder)
        try:
            _database(server.create_database())
        finally:
            server.close()
    return 0


def _database(url: str) -> None:
    database = open_database(url)
    upgrade(database)
    began = time.perf_counter()
    lines = _lines()
    while batch := list(islice(lines, BATCH)):
        with database.begin() as connection:
            connection.execute(insert(AuditModel), batch)
    if database.dialect.name == "postgresql":
        with database.begin() as connection:
            connection.exec_driver_sql("ANALYZE audit")  # which it does by itself within a minute
    title(f"{database.dialect.name}: {LINES:,} lines, written in {time.perf_counter() - began:.0f} s")
    accounts = Accounts(database, SystemClock(), session_timeout=3600)
    took: dict[str, float] = {}
    for chosen in product(*FILTERS.values()):
        asked = {key: value for part in chosen for key, value in part.items()}
        took[_name(asked)] = _seconds(accounts, asked)
    slowest = sorted(took.items(), key=lambda item: item[1], reverse=True)
    row(f"{len(took)} combinations of filters, median", milli(statistics.median(took.values())))
    for both in (False, True):
        for name, seconds in [pair for pair in slowest if ("person" in pair[0] and "address" in pair[0]) is both][:5]:
            row(name, milli(seconds), target=f"at most {TARGET_SECONDS * 1e3:.0f} ms", met=seconds <= TARGET_SECONDS)

    def one_more() -> None:
        accounts.note("refused", by=Actor(user_id=QUIET, address="192.0.2.7"), detail="intake.use")

    row("one more line, with its commit", milli(side_by_side(one_more, rounds=200)[0]))
    if "--explain" in sys.argv:
        _explain(database, accounts)
    accounts.close()
    database.dispose()


def _lines() -> Iterator[dict[str, Any]]:
    """As many lines as are measured. Every second one is the busy person's."""
    for number in range(LINES):
        kind = RARE[number // 10_000 % 2] if number % 10_000 == 77 else COMMON[number // 2 % 3]
        person = BUSY if number % 2 else PEOPLE[number // 2 % len(PEOPLE)]
        yield {
            "at": END - STEP * (LINES - number),
            "event": kind,
            "actor_id": person,
            "subject": "" if kind == "refused" else f"person:{person}",
            "detail": "admin.people" if kind == "refused" else "",
            "address": f"192.0.2.{number % 200}",
            "device": "Firefox on Linux",
        }


def _seconds(accounts: Accounts, asked: dict[str, Any]) -> float:
    return side_by_side(lambda: accounts.trail(limit=PAGE, **asked), rounds=ROUNDS)[0]


def _name(asked: dict[str, Any]) -> str:
    def said(value: object) -> str:
        if isinstance(value, list):
            return value[0] if len(value) == 1 else f"{len(value)} kinds"
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d}"
        return {BUSY: "busy", QUIET: "quiet", NOBODY: "nobody"}.get(str(value), str(value))

    return ", ".join(f"{key} {said(value)}" for key, value in asked.items()) or "no filter"


def _explain(database: Engine, accounts: Accounts) -> None:
    """Print the plan of each kind of question: whatever is sought, no plan reads or sorts the whole table."""
    explain = "EXPLAIN QUERY PLAN " if database.dialect.name == "sqlite" else "EXPLAIN (COSTS OFF) "
    for asked in (
        {},
        {"events": list(RARE)},
        {"person": BUSY},
        {"person": BUSY, "events": ["sign_in"]},
        {"person": BUSY, "events": ["role.deleted"], "since": END - timedelta(days=1), "before": LINES // 2},
        {"address": "192.0.2.1"},
        {"address": "192.0.2.1", "person": BUSY, "events": ["sign_in"]},
    ):
        with _statements(database) as statements:
            accounts.trail(limit=PAGE, **asked)  # type: ignore[arg-type]
        print(f"\n  {_name(asked)}")
        with database.connect() as connection:
            for line in connection.exec_driver_sql(explain + statements[-1][0], statements[-1][1]):
                print(f"    {line[-1]}")


@contextmanager
def _statements(database: Engine) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    event.listen(database, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        event.remove(database, "before_cursor_execute", listen)


if __name__ == "__main__":
    sys.exit(main())
