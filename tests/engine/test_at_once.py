"""With DURABILITY=database an edit is one round trip: somebody waits for it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from core.clock import FakeClock
from core.session import UserSession
from core.session_persistence import SessionPersistenceEngine
from core.storage.database import open_database
from core.storage.models import Base
from core.storage.sql_store import SqlStore
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT


@pytest.fixture
def session(postgres_url: str, clock: FakeClock) -> Iterator[UserSession]:
    database = open_database(postgres_url)
    Base.metadata.create_all(database)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION, clock=clock)
    engine = SessionPersistenceEngine(store=store, clock=clock)
    yield engine.open("s", "ada")
    engine.close()


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One item for each time that the driver has waited for the server."""
    waited: list[None] = []
    wait = psycopg.Connection.wait

    def counted(self: psycopg.Connection, *arguments: object, **more: object) -> object:
        waited.append(None)
        return wait(self, *arguments, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(psycopg.Connection, "wait", counted)
    return waited


def opened_again(session: UserSession) -> dict[str, object]:
    engine = session.persistence
    assert isinstance(engine, SessionPersistenceEngine)
    return dict(engine.open(session.session_id).form("f").values)


def test_an_edit_is_one_round_trip(session: UserSession, round_trips: list[None]) -> None:
    session.set_field("f", "a", "first")  # also opens the connection
    for number in range(3):
        round_trips.clear()
        session.set_field("f", "a", f"edit {number}")
        assert len(round_trips) == 1
    assert opened_again(session) == {"a": "edit 2"}


def test_a_connection_that_was_cut_costs_no_edit(session: UserSession, postgres_url: str) -> None:
    session.set_field("f", "a", "before")
    other = open_database(postgres_url)
    with other.begin() as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        connection.execute(text(f"{cut} pg_backend_pid()"))
    other.dispose()
    session.set_field("f", "a", "after")
    assert opened_again(session) == {"a": "after"}


def test_a_session_that_was_deleted_takes_no_edit(session: UserSession) -> None:
    session.set_field("f", "a", "before")
    engine = session.persistence
    assert isinstance(engine, SessionPersistenceEngine)
    engine.purge(session.session_id)
    session.set_field("f", "a", "after")
    assert opened_again(session) == {}
