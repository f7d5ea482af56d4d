"""A SQLite file that was damaged: whatever stands in a row, it is read, found out and quarantined alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from core.clock import FakeClock, HybridClock
from core.errors import CorruptValueError
from core.storage.database import open_database
from core.storage.entry import Entry
from core.storage.envelope import Envelope
from core.storage.models import Base
from core.storage.sql_store import SqlStore
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT

GOOD = "form/f/field/good"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    database = open_database(f"sqlite:///{tmp_path / 'sessions.db'}")
    Base.metadata.create_all(database)
    yield database
    database.dispose()


@pytest.mark.parametrize("column", ["value", "stamp", "base", "path"])
@pytest.mark.parametrize("found", ["x'ff00fe'", "CAST(x'31ff3a' AS TEXT)", "7", "1.5", "''", "'1:' || char(0)"])
def test_whatever_stands_in_a_row_is_quarantined_alone(
    database: Engine, clock: FakeClock, column: str, found: str
) -> None:
    store, hybrid = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION, clock=clock), HybridClock()
    plain = [
        Entry(session_id="s", path=path, value="1", stamp=hybrid.tick(), base="b")
        for path in (GOOD, "form/f/field/bad")
    ]
    store.upsert([Envelope().seal(entry) for entry in plain])
    with database.begin() as connection:
        connection.execute(text(f"UPDATE entries SET {column} = {found} WHERE path != '{GOOD}'"))
    opened = []
    for entry in store.load("s").entries:
        try:
            opened.append(Envelope().open(entry))
        except CorruptValueError as error:
            store.quarantine(entry, str(error))
    assert opened == [plain[0]]
    assert [entry.path for entry in store.load("s").entries] == [GOOD]
    (aside,) = store.quarantined()
    if column in ("value", "base"):
        with database.connect() as connection:
            same = f"SELECT CAST({column} AS BLOB) = CAST({found} AS BLOB) FROM quarantine"
            assert connection.execute(text(same)).scalar_one() == 1, "it is kept as it was found"
    assert store.rewrite(lambda entry: entry) == 0
    store.forget(aside)
    assert store.quarantined() == []
