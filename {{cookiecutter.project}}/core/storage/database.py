"""The database: opened with the durability that the promise needs, its errors turned into the project's own."""

from __future__ import annotations

import hmac
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any
from urllib.parse import quote

from psycopg.errors import FeatureNotSupported
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from core.command_line import python
from core.errors import (
    MissingMigrationError,
    RowConflictError,
    StatementRefusedError,
    StoreDamagedError,
    StoreRefusesError,
    StoreUnavailableError,
)
from core.storage.models import ProjectFactModel
from core.storage.watched_connection import CONNECT_TIMEOUT_SECONDS, WatchedConnection

WAL_IS_SAFE = sqlite3.sqlite_version_info >= (3, 51, 3)
"""Older SQLite can lose a commit when two connections reset the WAL at once; a rollback journal can't."""

_BUSY_TIMEOUT_SECONDS = 5
_LINK_SECONDS = 5
_POSTGRESQL: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    # A machine that neither acknowledges nor hangs up is given up within seconds; a server, by WatchedConnection.
    "tcp_user_timeout": _LINK_SECONDS * 1000,
    "keepalives_idle": _LINK_SECONDS,
    "keepalives_interval": 1,
    "keepalives_count": _LINK_SECONDS,
    "prepare_threshold": None,  # see `prepare`
}
_POOL_TIMEOUT_SECONDS = 5
"""Seconds that a thread waits for a connection while all are in use. A page is then shown without the database."""
_LONGEST_IDLE_SECONDS = 5.0
"""Seconds that a transaction may stand still. It is of a process that was stopped, or of a machine that is gone."""
_LOCK_SECONDS = 1.0
BUDGET_SECONDS = 0.4
"""Longer than any transaction of ours takes, shorter than a person notices twice."""
_PREPARED_AFTER = 5
"""Executions after which a statement is prepared: psycopg's own number."""
_DIRECT = "direct"
"""The mark of a connection behind which there is one process of PostgreSQL, as long as it lasts."""
_FINGERPRINT = "secret key"
_OPEN_SECONDS = 1.0
"""Seconds that a circuit breaker stays open."""
_REFUSED = "FATAL:"
"""The beginning of the reason with which a PostgreSQL that answers closes a connection."""
_AWAY = (OperationalError, InterfaceError)
_MISSING = re.compile(
    r"no such (?:table|column): \S+|table \S+ has no column named \S+"
    r"|(?:relation|column) \S+(?: of relation \S+)? does not exist"
)
"""The messages of SQLite and PostgreSQL for a statement that names a table or a column they don't have."""


_breaker: ContextVar[CircuitBreaker | None] = ContextVar("breaker", default=None)


class CircuitBreaker:
    """A budget of time for asking the database while somebody waits for a page: `with breaker:`, per thread, nestable.

    Another process may hold SQLite's write lock for long, or PostgreSQL may not answer. The flush waits for that; a
    page must not, since it can be shown without the database. So within the block SQLite waits for a lock for
    BUDGET_SECONDS at most, and after a failure nobody within such a block asks again for a moment. One per database.
    """

    def __init__(self) -> None:
        self._closed_at = 0.0
        self._entered = threading.local()

    def __enter__(self) -> None:
        tokens: list[Token[CircuitBreaker | None]] = self._entered.__dict__.setdefault("tokens", [])
        tokens.append(_breaker.set(self))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _breaker.reset(self._entered.tokens.pop())

    def check(self) -> None:
        """Raise StoreUnavailableError while the breaker is open."""
        if time.monotonic() < self._closed_at:
            raise StoreUnavailableError("The database didn't answer in time just now.")

    def failed(self) -> None:
        """Open the breaker: the database didn't answer."""
        self._closed_at = time.monotonic() + _OPEN_SECONDS


def open_database(url: str, *, longest_idle: float = _LONGEST_IDLE_SECONDS) -> Engine:
    """Return an engine for SQLite or PostgreSQL, not connected yet. Its errors don't show the values given.

    PostgreSQL ends a transaction that stands still for `longest_idle` seconds: its locks would hold up all others.
    One that was stopped between the commands of a pipeline doesn't count as standing still, so nobody waits for a
    lock much longer than that.
    """
    if make_url(url).get_backend_name() == "sqlite":
        waiting = {"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = create_engine(url, hide_parameters=True, connect_args=waiting, **_pool(url))
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "checkout", _set_patience)
        return engine
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        connect_args=_POSTGRESQL,
    )

    def begin(connection: Any, record: Any) -> None:
        connection.execute(f"SET idle_in_transaction_session_timeout = {longest_idle * 1000:.0f}")
        connection.execute(f"SET lock_timeout = {(longest_idle + _LOCK_SECONDS) * 1000:.0f}")
        (process,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        connection.commit()
        record.info[_DIRECT] = process == connection.info.backend_pid  # a pooler gives a number of its own

    event.listen(engine, "do_connect", _connect_watched)
    event.listen(engine, "connect", begin)
    event.listen(engine, "checkin", _prepare_no_more)
    event.listen(engine, "handle_error", _recognise_outdated)
    return engine


def _connect_watched(_dialect: object, _record: object, arguments: Any, settings: Any) -> WatchedConnection:
    return WatchedConnection.connect(*arguments, **settings)


def prepare(connection: Connection) -> None:
    """Let PostgreSQL plan once what is asked often over a connection, until that is given back to the pool.

    For statements of the engine, which name their columns: one with `SELECT *` would be refused once its table has
    changed. Not behind a pooler such as PgBouncer: a statement prepared over one connection is unknown to the next one
    that it gives.
    """
    if connection.info.get(_DIRECT):
        driver: Any = connection.connection.driver_connection
        driver.prepare_threshold = _PREPARED_AFTER


def _prepare_no_more(connection: Any, _record: object) -> None:
    if connection is not None:
        connection.prepare_threshold = None


def _recognise_outdated(context: ExceptionContext) -> None:
    """Give up connections that have prepared what another type of a column has made useless since."""
    if isinstance(context.original_exception, FeatureNotSupported):
        context.is_disconnect = "cached plan" in str(context.original_exception)


def open_read_only(url: str) -> Engine:
    """Return an engine that changes nothing, not even the file of a SQLite database that isn't there yet."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        # Said with each transaction: behind a pooler a setting would stay with a connection that others use next.
        return open_database(url).execution_options(postgresql_readonly=True)
    path = f"file:{quote(parsed.database or '')}"
    read_only = parsed.set(database=path, query={"mode": "ro", "uri": "true"})
    engine = create_engine(read_only, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _keep_damaged_text)
    return engine


def _pool(url: str) -> dict[str, Any]:
    in_memory = make_url(url).database in (None, "", ":memory:")  # which has one connection a thread, and no pool
    return {} if in_memory else {"pool_timeout": _POOL_TIMEOUT_SECONDS}


def _set_patience(connection: Any, record: Any, _proxy: object) -> None:
    """Set how long SQLite waits for a lock: less on behalf of somebody who waits for a page."""
    seconds = _BUSY_TIMEOUT_SECONDS if _breaker.get() is None else BUDGET_SECONDS
    if record.info.get("patience") != seconds:
        connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
        record.info["patience"] = seconds


def _prepare_sqlite(connection: Any, record: Any) -> None:
    _set_patience(connection, record, None)
    _keep_damaged_text(connection, record)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA journal_mode = {'WAL' if WAL_IS_SAFE else 'DELETE'}")
    # A rollback journal commits by being deleted. FULL doesn't sync the folder, so a power cut could bring it back
    # and undo the commit; EXTRA does. In WAL mode the two are the same.
    cursor.execute("PRAGMA synchronous = EXTRA")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # or deleted values stay readable in free pages
    cursor.close()


def _keep_damaged_text(connection: Any, _record: object) -> None:
    # Damaged text must come back as damaged text: an error would make the whole session unreadable.
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")


def read_from(database: Engine) -> Connection:
    """Return a connection for statements that only read.

    PostgreSQL shows each of them what is committed when it begins, in a transaction or without one: BEGIN and ROLLBACK
    would be two round trips for nothing. SQLite's see one state, and ask nobody for it.
    """
    connection = database.connect()
    if database.dialect.name == "sqlite" or "postgresql_readonly" in database.get_execution_options():
        return connection
    prepare(connection)
    return connection.execution_options(isolation_level="AUTOCOMMIT")


def upserting_insert(database: Engine) -> Any:
    """Return the `insert` of the database's dialect, which knows `ON CONFLICT … DO UPDATE`."""
    return postgresql.insert if database.dialect.name == "postgresql" else sqlite.insert


def compact(database: Engine, tables: Iterable[str] | None = None) -> None:
    """Leave nothing in the database's files of values that were overwritten or deleted.

    SQLite keeps them in free pages and its log, PostgreSQL in dead rows. Writers wait for the time it takes. In
    PostgreSQL nobody does with `tables`: there dead rows of these go, and their bytes once the room is used again.
    Raises StoreUnavailableError when others keep the tables busy.
    """
    with reachable(), database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if database.dialect.name == "sqlite":
            connection.exec_driver_sql("VACUUM")
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if busy:
                raise StoreUnavailableError(
                    "Another process reads the database's log, so what was deleted is still in it."
                )
        elif tables is None:
            connection.exec_driver_sql("VACUUM (FULL) entries, quarantine")
        else:
            quoted = map(database.dialect.identifier_preparer.quote, sorted(tables))
            connection.exec_driver_sql(f"VACUUM {', '.join(quoted)}")


@contextmanager
def reachable(*, translate_refusals: bool = True) -> Iterator[None]:
    """Turn what the database's driver raises into the project's own errors.

    StoreUnavailableError when the database can't be reached: a StoreRefusesError if the server answers, a
    StoreDamagedError if SQLite's file is damaged, and a MissingMigrationError if a table or a column is missing.
    RowConflictError for a row that contradicts another, and StatementRefusedError for what else it refuses; without
    `translate_refusals` these two pass as SQLAlchemy raises them.

    Within a CircuitBreaker the database is not even asked when it didn't answer a moment ago.
    """
    breaker = _breaker.get()
    if breaker is not None:
        breaker.check()
    try:
        yield
    except (DBAPIError, DisconnectionError, PoolTimeoutError) as error:
        if isinstance(error, DBAPIError) and type(error.orig) is sqlite3.DatabaseError:
            raise StoreDamagedError(f"The database is damaged ({_first_line(str(error.orig))}).") from error
        if missing := missing_migration(error):
            raise missing from error
        if isinstance(error, DBAPIError) and not (isinstance(error, _AWAY) or error.connection_invalidated):
            if not translate_refusals:
                raise
            kind = RowConflictError if isinstance(error, IntegrityError) else StatementRefusedError
            raise kind(f"The database refuses it ({_first_line(str(error.orig))}).") from error
        if breaker is not None:
            breaker.failed()
        cause = str(getattr(error, "orig", None) or error).strip()
        _, answered, refusal = cause.partition(_REFUSED)
        if answered:
            raise StoreRefusesError(f"The database refuses the connection ({_first_line(refusal)}).") from error
        raise StoreUnavailableError(f"The database can't be reached ({_first_line(cause)}).") from error


def missing_migration(error: BaseException) -> MissingMigrationError | None:
    """Return what to say of an error of the database that means a table or a column is missing; None for others."""
    found = _MISSING.search(_first_line(str(error.orig))) if isinstance(error, DBAPIError) else None
    if found is None:
        return None
    migrate, revise = python("manage.py migrate"), python("manage.py makemigration NAME")
    return MissingMigrationError(
        f"The database and the code differ ({found.group()}). Run: {migrate}. "
        f"If that is not enough, no revision makes it yet; first run: {revise}"
    )


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


# The SECRET_KEY a database belongs to, so that one that was replaced is noticed


def fingerprint(secret: str) -> str:
    """Return a short hash that tells a secret from others, and nothing else of it."""
    return hmac.digest(secret.encode(), b"fingerprint", "sha256").hex()[:16]


def noted_fingerprint(database: Engine) -> str | None:
    """Return the fingerprint that was noted last, None before the first time."""
    with read_from(database) as connection:
        return connection.scalar(select(ProjectFactModel.value).where(ProjectFactModel.name == _FINGERPRINT))


def note_fingerprint(database: Engine, secret: str, *, anew: bool = False) -> None:
    """Note the fingerprint of the secret, where none is noted yet or `anew`."""
    statement: Any = upserting_insert(database)(ProjectFactModel).values(name=_FINGERPRINT, value=fingerprint(secret))
    statement = (
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
        if anew
        else statement.on_conflict_do_nothing()
    )
    with database.begin() as connection:
        connection.execute(statement)
