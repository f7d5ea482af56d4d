"""A PostgreSQL that stands still, as in a paused container: its kernel acknowledges what nobody reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

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
from tests.lab.waiting import wait_until

PEOPLE = 10


@pytest.fixture
def postgres(postgres_folder: Path) -> Iterator[Postgres]:
    folder = postgres_folder / "standing-still"
    folder.mkdir()
    with closing(Postgres(folder)) as postgres:
        yield postgres


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Engine]:
    database = open_database(postgres.create_database())
    upgrade(database)
    yield database
    database.dispose()


def count_connections(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return how often a connection is asked for, by the name of the thread."""
    asked: dict[str, int] = {}
    connect: Callable[..., Any] = psycopg.Connection.connect.__func__  # type: ignore[attr-defined]

    def counting(cls: type, *arguments: Any, **settings: Any) -> Any:
        name = threading.current_thread().name
        asked[name] = asked.get(name, 0) + 1
        return connect(cls, *arguments, **settings)

    monkeypatch.setattr(psycopg.Connection, "connect", classmethod(counting))
    monkeypatch.setattr(psycopg, "connect", psycopg.Connection.connect)
    return asked


def by_people(asked: dict[str, int]) -> int:
    return sum(count for name, count in asked.items() if name.startswith("person"))


def test_many_at_once_are_refused_by_one_that_asks_and_go_on_when_the_server_does(
    postgres: Postgres, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each as the app does it: the right to a page is checked, an edit is kept before the run and by its callback."""
    monkeypatch.setattr(watched_connection, "SILENCE_SECONDS", 0.3)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    hybrid = HybridClock(FakeClock())
    writer = EntryWriter(store, Envelope(), journal=None)

    def edit(who: int) -> str:
        entry = Envelope().seal(Entry(session_id=f"s{who}", path="p", value="x", stamp=hybrid.tick()))
        writer.append([entry])
        return entry.stamp

    def refused(who: int) -> None:
        with pytest.raises(StoreUnavailableError):
            store.read(f"s{who}", ["p"])
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                edit(who)

    everybody = range(PEOPLE)
    with ThreadPoolExecutor(PEOPLE, "person") as people:
        list(people.map(edit, everybody))
        asked = count_connections(monkeypatch)
        with postgres.standing_still():
            list(people.map(refused, everybody))
            before = by_people(asked)
            list(people.map(refused, everybody))
            assert by_people(asked) == before, "it is known to be silent"
            assert [thread.name for thread in threading.enumerate()].count("silent-server") == 1
        kept: dict[int, str] = {}

        def go_on(who: int) -> None:
            with suppress(StoreUnavailableError):
                kept[who] = edit(who)

        wait_until(lambda: bool(list(people.map(go_on, everybody))) and len(kept) == PEOPLE, "everybody goes on")
    assert [store.read(f"s{who}", ["p"])[0].stamp for who in everybody] == [kept[who] for who in everybody]
    with database.connect() as connection:
        connection.execute(text("SELECT pg_sleep(1)"))  # which takes longer, at a server that is alive
    store.close()
