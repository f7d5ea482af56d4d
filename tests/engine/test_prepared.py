"""What the engine asks often is planned once by a PostgreSQL of its own, and works behind PgBouncer all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from core.clock import HybridClock
from core.errors import StoreUnavailableError
from core.storage import database as of_database
from core.storage.database import open_database, read_from
from core.storage.entry import Entry
from core.storage.envelope import Envelope
from core.storage.models import Base
from core.storage.sql_store import SqlStore
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT
from tests.lab.pooler import Pooler
from tests.lab.postgres import Postgres

OFTEN, SESSIONS = 12, 3
PREPARED = text("SELECT statement FROM pg_prepared_statements")

stamps = HybridClock()


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """SQLite has nothing to prepare."""
    return postgres_url


@pytest.fixture
def pooled_url(tmp_path: Path) -> Iterator[str]:
    """The address of a PgBouncer that has one connection to a database for everybody."""
    with closing(Postgres(tmp_path)) as server:
        url = server.create_database()
        database = open_database(url)
        Base.metadata.create_all(database)
        database.dispose()
        with closing(Pooler(url, tmp_path, connections=1)) as pooler:
            yield pooler.url


def store_in(database: Engine) -> SqlStore:
    return SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)


def write_and_read_often(*stores: SqlStore) -> None:
    for number in range(OFTEN):
        for place, store in enumerate(stores):
            entry = Entry(session_id=f"s{place}", path="pref/a", value=f'"{number}"', stamp=stamps.tick())
            store.upsert([Envelope().seal(entry)])
            (kept,) = store.load(f"s{place}").entries
            assert Envelope().open(kept).value == f'"{number}"'


def test_what_is_read_often_is_prepared_on_a_connection_of_its_own(database: Engine) -> None:
    write_and_read_often(store_in(database))
    with read_from(database) as connection:
        prepared = list(connection.scalars(PREPARED))
    assert any("FROM entries" in statement for statement in prepared)


def test_what_a_team_asks_often_is_not_prepared_and_may_say_select_all_of_a_table_that_changes(
    database: Engine,
) -> None:
    with read_from(database) as connection:
        connection.scalar(text("SELECT 1"))  # the next one has this connection
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE stock (name TEXT)"))
    for number in range(OFTEN):
        with database.begin() as connection:
            assert len(connection.execute(text("SELECT * FROM stock")).keys()) == number + 1
            connection.execute(text(f"ALTER TABLE stock ADD COLUMN c{number} TEXT"))
    assert database.pool.status().startswith("Pool size: 5  Connections in pool: 1"), "all this is one connection"


def test_a_column_of_another_type_costs_one_refused_read_and_then_all_goes_on(database: Engine) -> None:
    store = store_in(database)
    write_and_read_often(store)
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE entries ALTER COLUMN base TYPE VARCHAR(77)"))
    with pytest.raises(StoreUnavailableError):
        store.load("s0")
    assert len(store.load("s0").entries) == 1


def test_behind_pgbouncer_nothing_is_prepared(pooled_url: str) -> None:
    databases = [open_database(pooled_url) for _ in range(SESSIONS)]
    write_and_read_often(*map(store_in, databases))
    with read_from(databases[0]) as connection:
        assert list(connection.scalars(PREPARED)) == []
    for database in databases:
        database.dispose()


def test_and_would_fail_if_it_were(pooled_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.prepare_threshold = 0

    monkeypatch.setattr(of_database, "prepare", prepare)
    databases = [open_database(pooled_url) for _ in range(SESSIONS)]
    for database in databases:
        with database.connect() as connection:
            assert not connection.info["direct"]
    with pytest.raises(Exception, match="prepared statement"):
        write_and_read_often(*map(store_in, databases))
    for database in databases:
        database.dispose()
