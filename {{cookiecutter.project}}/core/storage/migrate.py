"""Bringing the database's tables up to what the code expects, by the revisions in `migrations/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from core.command_line import python
from core.errors import ConfigurationError
from core.storage.database import open_database

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
BASE = "base"
"""What Alembic calls a database without any revision."""
_VERSION_TABLE = "alembic_version"
_HOWEVER_LONG = 2**31 - 1
"""Milliseconds: the most that SQLite waits for a lock."""

log = structlog.get_logger(__name__)


def configuration() -> Config:
    """Return Alembic's configuration; the connection is passed to `migrations/env.py` as an attribute."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def upgrade(database: Engine, revision: str = "head") -> None:
    """Apply the revisions the database lacks, in one transaction: a crash in the middle leaves it as it was.

    Raises ConfigurationError, with the remedy, where it isn't at a revision from which that can be done.
    """
    config = configuration()
    try:
        with one_transaction(database) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except (CommandError, DBAPIError) as error:
        problem = schema_problem(database) if revision == "head" else None
        if problem is None:
            raise
        raise ConfigurationError([f"The database's schema: {problem[0]}. {problem[1]}"]) from error


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
    """Whether the database has every revision. One query. Raises ConfigurationError where `migrations/` has no head."""
    return current_revisions(database) == {head_revision()}


def current_revisions(database: Engine) -> set[str]:
    """The revisions the database's version rows name: one, BASE for an empty database. More are an error."""
    with database.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) or {BASE}


@cache
def head_revision() -> str:
    """The newest revision in `migrations/`. Raises ConfigurationError where several are, or none can be told."""
    heads = _scripts().get_heads()
    if len(heads) == 1:
        return heads[0]
    merge = python(f"-m alembic merge -m merge {' '.join(sorted(heads))}")
    raise ConfigurationError(
        [f"Nothing in migrations/ follows {' nor '.join(sorted(heads))}, so none is the newest. Run: {merge}"]
    )


def schema_problem(database: Engine) -> tuple[str, str] | None:
    """What keeps `migrate` from bringing a database up to date, and the remedy; None if nothing is seen to.

    Compares its tables with those of each revision, which are made in memory for that. Raises ConfigurationError
    where `migrations/` itself is at fault.
    """
    head, tables, current = head_revision(), _columns(database), current_revisions(database)
    made = _columns_by_revision()
    known = {name for columns in made.values() for name in columns}
    present = {name: columns for name, columns in tables.items() if name in known}
    fitting = [revision for revision, columns in made.items() if columns == present]
    revisions = {BASE, *(script.revision for script in _scripts().walk_revisions())}
    if unknown := sorted(current - revisions):
        says = f"at revision {', '.join(unknown)}, which this code doesn't have: the database is newer than the code"
        return says, f"Run the version of the code that migrated it. If there is none: {_stamp(fitting or [head])}"
    if not fitting or (len(current) == 1 and current <= set(fitting)):
        return None
    recorded = " and ".join(sorted(current))
    return f"the version row says {recorded}, but the tables are those of revision {fitting[-1]}", _stamp(fitting)


def _stamp(fitting: list[str]) -> str:
    stamp, migrate = python(f"-m alembic stamp --purge {fitting[-1]}"), python("manage.py migrate")
    return f"Back up the database. Run: {stamp} && {migrate}"


def _scripts() -> ScriptDirectory:
    scripts = ScriptDirectory.from_config(configuration())
    try:
        scripts.get_heads()
    except (CommandError, RevisionError, KeyError, SyntaxError, ImportError) as error:
        raise ConfigurationError([f"migrations/ can't be read ({error}). Mend the file it names."]) from error
    return scripts


Columns = dict[str, frozenset[str]]


@cache
def _columns_by_revision() -> dict[str, Columns]:
    """The tables that each revision leaves, with their columns, from the first one on as far as that can be told."""
    memory = open_database("sqlite://")
    made: dict[str, Columns] = {BASE: {}}
    try:
        for script in reversed(list(_scripts().walk_revisions())):
            upgrade(memory, script.revision)
            made[script.revision] = _columns(memory)
    except (SQLAlchemyError, ConfigurationError) as error:  # such as one that only PostgreSQL understands
        log.debug("the tables of each revision can't be told", error=str(error))
    finally:
        memory.dispose()
    return made


def _columns(database: Engine) -> Columns:
    inspector = inspect(database)
    names = set(inspector.get_table_names()) - {_VERSION_TABLE}
    return {name: frozenset(column["name"] for column in inspector.get_columns(name)) for name in names}
