"""Opens the database with the durability the promise needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from core.errors import StoreUnavailableError

WAL_IS_SAFE = sqlite3.sqlite_version_info >= (3, 51, 3)
"""Older SQLite can lose a commit when two connections reset the WAL at once; a rollback journal can't."""

_BUSY_TIMEOUT_SECONDS = 5
_CONNECT_TIMEOUT_SECONDS = 3


def open_database(url: str) -> Engine:
    """Return an engine for SQLite or PostgreSQL. Nothing is connected yet. Its errors don't show the values given."""
    if make_url(url).get_backend_name() == "sqlite":
        waiting = {"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = create_engine(url, hide_parameters=True, connect_args=waiting)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    waiting = {"connect_timeout": _CONNECT_TIMEOUT_SECONDS}
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=waiting)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Damaged text must come back as damaged text: an error would make the whole session unreadable.
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA journal_mode = {'WAL' if WAL_IS_SAFE else 'DELETE'}")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


@contextmanager
def reachable() -> Iterator[None]:
    """Turn "the database can't be reached" into StoreUnavailableError; other errors pass."""
    try:
        yield
    except (OperationalError, InterfaceError, DisconnectionError, PoolTimeoutError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise StoreUnavailableError(f"The database can't be reached ({cause}). Edits wait in the journal.") from error
