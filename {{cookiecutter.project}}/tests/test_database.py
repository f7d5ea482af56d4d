"""The database as others leave it: stopped in the middle, or damaged."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.clock import HybridClock
from core.errors import StoreUnavailableError
from core.storage.database import open_database, reachable
from core.storage.entry import Entry
from core.storage.models import Base
from core.storage.sealing import Seal
from core.storage.sql import SqlStore
from tests.conftest import RETENTION, SESSION_TIMEOUT


def test_a_process_stopped_in_a_transaction_holds_nobody_up_for_long_and_learns_that_its_own_was_ended(
    postgres_url: str,
) -> None:
    database = open_database(postgres_url, longest_idle=0.2)
    Base.metadata.create_all(database)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    entry = Seal().seal(Entry(session_id="s", path="p", value='"kept"', stamp=HybridClock().tick()))
    store.upsert([entry])
    locks = text("UPDATE sessions SET version = version + 1 WHERE session_id = 's'")
    with database.connect() as stopped:
        stopped.execute(locks)
        store.upsert([entry])  # would wait for ever
        with pytest.raises(StoreUnavailableError), reachable():
            stopped.execute(locks)
    assert list(store.load("s").entries) == [entry]
    database.dispose()


def test_an_entry_whose_version_was_damaged_is_loaded_with_its_session(database_url: str) -> None:
    database = open_database(database_url)
    Base.metadata.create_all(database)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    entry = Seal().seal(Entry(session_id="s", path="p", value='"kept"', stamp=HybridClock().tick()))
    store.upsert([entry])
    with database.begin() as connection:
        connection.execute(text("UPDATE entries SET version = -1"))
    assert list(store.load("s").entries) == [entry]
    database.dispose()
