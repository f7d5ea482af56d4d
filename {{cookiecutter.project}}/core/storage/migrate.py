"""Bringing the database's tables up to what the code expects, by the revisions in `migrations/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_HOWEVER_LONG = 2**31 - 1
"""Milliseconds: the most that SQLite waits for a lock."""


def configuration() -> Config:
    """Return Alembic's configuration; the connection is passed to `migrations/env.py` as an attribute."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def upgrade(database: Engine, revision: str = "head") -> None:
    """Apply the revisions the database lacks, in one transaction: a crash in the middle leaves it as it was."""
    config = configuration()
    with one_transaction(database) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@contextmanager
def one_transaction(database: Engine) -> Iterator[Connection]:
    """A connection whose every change, tables included, is committed at the end of the block or not at all.

    Of two servers that start at once the second one waits, however long, and finds nothing left to do.
    """
    with database.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar() if sqlite else None
        if sqlite:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {_HOWEVER_LONG}")
            # Replacing a table, which is how SQLite alters one, would else delete what refers to its rows.
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            # Python's sqlite3 begins a transaction before a row is written, but not before a table is made.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            # Revisions may think between two statements, over many rows or on a busy machine.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('migrations'))")
        try:
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            if sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")


def is_current(database: Engine) -> bool:
    """Whether the database has every revision. One query."""
    return current_revision(database) == head_revision()


def current_revision(database: Engine) -> str | None:
    """The revision the database is at, or None for an empty one."""
    with database.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def head_revision() -> str | None:
    """The newest revision in `migrations/`."""
    return ScriptDirectory.from_config(configuration()).get_current_head()
