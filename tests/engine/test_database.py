"""The database as others leave it: stopped in the middle, or damaged."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.generators import fetch
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from core import db
from core.clock import HybridClock
from core.errors import RowConflictError, StatementRefusedError, StoreUnavailableError
from core.services import Services
from core.storage.database import open_database, reachable, read_from
from core.storage.entry import Entry
from core.storage.envelope import Envelope
from core.storage.migrate import one_transaction
from core.storage.models import Base
from core.storage.sql_store import SqlStore
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT


def impatient(url: str) -> Engine:
    """Return an engine whose transactions may stand still for a fifth of a second, of a database with its tables.

    These are made by another one: on a machine with much to do, a process may stand still as long between two.
    """
    patient = open_database(url)
    Base.metadata.create_all(patient)
    patient.dispose()
    return open_database(url, longest_idle=0.2)


def test_a_process_stopped_in_a_transaction_holds_nobody_up_for_long_and_learns_that_its_own_was_ended(
    postgres_url: str,
) -> None:
    database = impatient(postgres_url)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    entry = Envelope().seal(Entry(session_id="s", path="p", value='"kept"', stamp=HybridClock().tick()))
    store.upsert([entry])
    locks = text("UPDATE sessions SET version = version + 1 WHERE session_id = 's'")
    with database.connect() as stopped:
        stopped.execute(locks)
        store.upsert([entry])  # would wait for ever
        with pytest.raises(StoreUnavailableError), reachable():
            stopped.execute(locks)
    assert list(store.load("s").entries) == [entry]
    database.dispose()


def test_nobody_waits_for_ever_for_a_process_stopped_between_the_commands_of_a_pipeline(postgres_url: str) -> None:
    database = impatient(postgres_url)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    entry = Envelope().seal(Entry(session_id="s", path="p", value='"kept"', stamp=HybridClock().tick()))
    store.upsert([entry])
    pooled = database.raw_connection()
    stopped = pooled.driver_connection
    assert isinstance(stopped, psycopg.Connection)
    stopped.pgconn.enter_pipeline_mode()
    for command in (b"BEGIN", b"UPDATE sessions SET version = version + 1 WHERE session_id = 's'"):
        stopped.pgconn.send_query_params(command, None)
    stopped.pgconn.send_flush_request()
    stopped.pgconn.flush()
    done = []
    while len(done) < 2:  # a command's result is followed by None
        if (result := stopped.wait(fetch(stopped.pgconn))) is not None:
            done.append(result.command_status)
    assert done == [b"BEGIN", b"UPDATE 1"], "it holds the row now"
    with pytest.raises(StoreUnavailableError, match="lock timeout"):
        store.upsert([entry])
    pooled.invalidate()
    assert list(store.load("s").entries) == [entry]
    database.dispose()


def test_the_second_of_two_servers_waits_for_the_migration_of_the_first_however_long_it_takes(
    postgres_url: str,
) -> None:
    database = open_database(postgres_url, longest_idle=0.2)
    with one_transaction(database) as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "0"
    with database.connect() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "1200ms"
    database.dispose()


def test_an_entry_whose_version_was_damaged_is_loaded_with_its_session(database_url: str) -> None:
    database = open_database(database_url)
    Base.metadata.create_all(database)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    entry = Envelope().seal(Entry(session_id="s", path="p", value='"kept"', stamp=HybridClock().tick()))
    store.upsert([entry])
    with database.begin() as connection:
        connection.execute(text("UPDATE entries SET version = -1"))
    assert list(store.load("s").entries) == [entry]
    database.dispose()


TAKEN = text("INSERT INTO versions (name, is_pattern, version) VALUES ('a', false, 1)")


def test_a_read_of_postgresql_is_no_transaction_and_the_next_user_of_its_connection_has_one(postgres_url: str) -> None:
    database = open_database(postgres_url)

    def status(connection: Connection) -> TransactionStatus:
        assert connection.scalar(text("SELECT 1")) == 1
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        return TransactionStatus(driver.info.transaction_status)

    with database.connect() as connection:
        assert status(connection) == TransactionStatus.INTRANS
    with read_from(database) as connection:
        assert status(connection) == TransactionStatus.IDLE
    assert database.pool.status().startswith("Pool size: 5  Connections in pool: 1"), "all this is one connection"
    with database.connect() as connection, connection.begin() as transaction:
        connection.execute(text("CREATE TABLE half_made (id INT)"))
        transaction.rollback()
    assert not inspect(database).has_table("half_made")
    database.dispose()


def test_what_the_database_refuses_is_an_error_of_the_project(database: Engine) -> None:
    with reachable(), database.begin() as connection:
        connection.execute(TAKEN)
    with pytest.raises(RowConflictError), reachable(), database.begin() as connection:
        connection.execute(TAKEN)
    with pytest.raises(StatementRefusedError), reachable(), database.connect() as connection:
        # SQLite's driver takes one statement at a time, PostgreSQL knows no such function.
        connection.execute(text("SELECT 1; SELECT no_such_function(1)")).all()


def test_a_team_s_own_transaction_raises_what_sqlalchemy_does(services: Services) -> None:
    with db.session() as session:
        session.execute(TAKEN)
    with pytest.raises(IntegrityError), db.session() as session:
        session.execute(TAKEN)
