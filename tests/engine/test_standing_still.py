"""A PostgreSQL that stands still, as in a paused container: its kernel acknowledges what nobody reads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from core.clock import FakeClock, HybridClock
from core.errors import StoreUnavailableError
from core.storage import watched_connection
from core.storage.database import open_database
from core.storage.entry import Entry
from core.storage.envelope import Envelope
from core.storage.migrate import upgrade
from core.storage.sql_store import SqlStore
from core.storage.writer import EntryWriter
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT
from tests.lab.postgres import Postgres
from tests.lab.waiting import PATIENCE_SECONDS


@pytest.fixture
def postgres(postgres_folder: Path) -> Iterator[Postgres]:
    folder = postgres_folder / "standing-still"
    folder.mkdir()
    with closing(Postgres(folder)) as postgres:
        yield postgres


def test_an_edit_is_given_up_while_the_server_stands_still_and_kept_when_it_goes_on(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_connection, "SILENCE_SECONDS", 0.3)
    database = open_database(postgres.create_database())
    upgrade(database)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    hybrid = HybridClock(FakeClock())

    def edit(value: str) -> str:
        entry = Envelope().seal(Entry(session_id="s", path="p", value=value, stamp=hybrid.tick()))
        with closing(EntryWriter(store, Envelope(), journal=None)) as writer:
            writer.append([entry])
        return entry.stamp

    edit("1")
    outcome = threading.Event()

    def be_refused() -> None:
        with pytest.raises(StoreUnavailableError):
            edit("2")
        outcome.set()

    refused = threading.Thread(target=be_refused, daemon=True)
    with postgres.standing_still():
        refused.start()
        assert outcome.wait(PATIENCE_SECONDS), "nobody is told that the edit isn't kept"
    assert edit("3") == store.read("s", ["p"])[0].stamp
    with database.connect() as connection:
        connection.execute(text("SELECT pg_sleep(1)"))  # which takes longer, at a server that is alive
    store.close()
    database.dispose()
