"""What keeping one edit costs, beside a bare SQLite upsert of the same durability: part of `make bench`.

Every pair takes turns in one process on one disk, so a machine that slows down slows both sides. Values change in
content and length with every edit, because SQLite writes a page that did not change for free.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "{{cookiecutter.project}}"))

import apsw  # noqa: E402
from core.session import UserSession  # noqa: E402
from core.session_persistence import SessionPersistenceEngine  # noqa: E402
from core.storage.database import open_database  # noqa: E402
from core.storage.journal import Journal  # noqa: E402
from core.storage.models import Base  # noqa: E402
from core.storage.sql import SqlStore  # noqa: E402

ROUNDS = 2_000
FORMS, FIELDS, SNAPSHOTS, STORED = 2, 20, 50, 10_000
UPSERT = "INSERT INTO field VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET value = excluded.value"

_number = itertools.count()


def value() -> str:
    """A value unlike the one before, in content and in length."""
    number = next(_number)
    return f"{number}:" + "x" * (number % 37)


def engine_in(folder: Path) -> SessionPersistenceEngine:
    folder.mkdir()
    database = open_database(f"sqlite:///{folder / 'sessions.db'}")
    Base.metadata.create_all(database)
    store = SqlStore(database, session_timeout=86400, retention=7776000)
    # The debounced flush is measured by itself below, so that it doesn't fall into one side's turn.
    return SessionPersistenceEngine(3600, store=store, journal=Journal(folder / "journal.db"))


def fill(session: UserSession) -> None:
    for form in range(FORMS):
        for field in range(FIELDS):
            session.set_field(f"form{form}", f"field{field}", f"{value()} {'text ' * 8}")
        for number in range(SNAPSHOTS):
            session.create_form_snapshot(f"form{form}", f"snapshot {number}")


def bare_upsert(folder: Path) -> Callable[[], None]:
    folder.mkdir()
    connection = apsw.Connection(str(folder / "bare.db"))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE field (path TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    return lambda: connection.execute(UPSERT, ("form/f/field/a", value())) and None


def compare(name: str, one: Callable[[], object], other: Callable[[], object], rounds: int = ROUNDS) -> None:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, action in enumerate((one, other)):
            began = time.perf_counter()
            action()
            times[side].append(time.perf_counter() - began)
    first, second = (statistics.median(side) * 1e6 for side in times)
    print(f"{name:<52} {first:8.0f} µs   beside {second:8.0f} µs   ratio {first / second:5.2f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = engine_in(folder / "engine")
        small, large = engine.open("small"), engine.open("large")
        fill(large)
        engine.flush()

        def edit(session: UserSession) -> Callable[[], None]:
            return lambda: session.set_field("form0", "field0", value())

        compare("one edit, beside a bare upsert (WAL, FULL)", edit(small), bare_upsert(folder / "bare"))
        compare("one edit of a large session, beside a small one", edit(large), edit(small))

        crowded = engine_in(folder / "crowded")
        for number in range(STORED):
            crowded.record(f"stored{number}", {"form/f/field/a": value()})
        crowded.flush()
        compare(f"one edit with {STORED:,} stored sessions, beside two", edit(crowded.open("s")), edit(small))

        compare(
            "a warm run's refresh, beside nothing new to a large",
            lambda: engine.refresh(small),
            lambda: engine.refresh(large),
        )
        engine.flush()
        compare(
            "cold recovery of the large, beside the small",
            lambda: engine.open("large"),
            lambda: engine.open("small"),
            50,
        )
        engine.close()
        crowded.close()


if __name__ == "__main__":
    main()
