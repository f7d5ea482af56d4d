"""Brings the database's tables up to date: the engine's, the project's and the apps' (see `core.storage.revisions`)."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog
from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from core.command_line import python
from core.errors import SchemaError
from core.settings import PROJECT_ROOT
from core.storage.models import ENGINE_TABLES, Base, VersionModel
from core.storage.revisions import ENGINE, PROJECT, configuration, read_revisions, revision_folders
from core.storage.versions import CHANGED

_HOWEVER_LONG = 2**31 - 1
"""Milliseconds: the most that SQLite waits for a lock."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """The version rows of a database beside the code's revisions."""

    at: frozenset[str]
    """The newest revision of each branch that the database has, those included that others depend on."""
    heads: frozenset[str]
    """The newest revision of each branch in the code."""
    forgotten: frozenset[str]
    """Recorded revisions of apps that were removed."""

    @property
    def is_current(self) -> bool:
        return self.at == self.heads


def schema_state(database: Engine, root: Path = PROJECT_ROOT) -> SchemaState:
    """Look at a database, without a change to it.

    Raises SchemaError where the revisions themselves are at fault, where the database is newer than the code, and where
    it has tables of the engine's without its revisions.
    """
    with database.connect() as connection:
        return _state(connection, read_revisions(root), root)


def upgrade(database: Engine, root: Path = PROJECT_ROOT) -> None:
    """Apply the revisions the database lacks, in one transaction: a crash in the middle leaves it as it was.

    What is recorded of apps that were removed is forgotten; their tables stay. Raises SchemaError where that can't be
    done.
    """
    scripts = read_revisions(root)
    with one_transaction(database) as connection:
        state = _state(connection, scripts, root)
        for revision in sorted(state.forgotten):
            forget = text("DELETE FROM alembic_version WHERE version_num = :revision")
            connection.execute(forget, {"revision": revision})
            log.info("forgot the revision of an app that was removed; its tables stay", revision=revision)
        config = configuration(root, lambda: nullcontext(connection))
        try:
            for target in (f"{ENGINE}@head", "heads"):  # in this order: others may refer to the engine's tables
                command.upgrade(config, target)
        except CommandError as error:
            remedy = f"Compare what these print: {python('manage.py alembic current')}, and the same with heads."
            raise SchemaError(f"The database can't be brought up to date ({error})", remedy) from error
        except DBAPIError as error:
            if _is_lost(error):
                raise
            raise _failure(error, root) from error


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
            if not inspect(connection).has_table(VersionModel.__tablename__):  # all revisions were taken back
                connection.info.pop(CHANGED, None)
            connection.commit()
        finally:
            connection.rollback()
            if sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")


def _is_lost(error: DBAPIError) -> bool:
    """Return whether the database, and not a statement, is at fault."""
    of_statement = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return error.connection_invalidated or (isinstance(error, OperationalError | InterfaceError) and not of_statement)


def _failure(error: DBAPIError, root: Path) -> SchemaError:
    """Say which revision failed, and what to do."""
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    revision = next((str(file.relative_to(root)) for file in files if file.parent in revision_folders(root)), "it")
    why = str(error.orig).strip().partition("\n")[0]
    remedy = f"Correct {revision}."
    if "already exists" in why or "duplicate column" in why:
        remedy = f"If the database has all that the newest revisions make, its version rows are wrong. {_stamp()}"
    return SchemaError(f"{revision} can't be applied ({why}), so nothing was changed", remedy)


def _state(connection: Connection, scripts: ScriptDirectory, root: Path) -> SchemaState:
    recorded = set(MigrationContext.configure(connection).get_current_heads())
    missing = recorded - {script.revision for script in scripts.walk_revisions()}
    forgotten = frozenset(revision for revision in missing if _is_of_removed_app(revision, root))
    if unknown := missing - forgotten:
        raise _newer(unknown)
    at = frozenset(script.revision for script in scripts.get_all_current(tuple(recorded - missing)))
    if not any(revision.rpartition("_")[0] == ENGINE for revision in at):
        _refuse_unrecorded(connection)
    return SchemaState(at=at, heads=frozenset(scripts.get_heads()), forgotten=forgotten)


def _is_of_removed_app(revision: str, root: Path) -> bool:
    owner, _, _ = revision.rpartition("_")
    return owner not in ("", ENGINE, PROJECT) and not (root / "apps" / owner / "__init__.py").is_file()


def _newer(unknown: Iterable[str]) -> SchemaError:
    says = f"The database is at revision {', '.join(sorted(unknown))}, which this code doesn't have"
    remedy = f"Run the version of the code that migrated it. If there is none: {_stamp()}"
    return SchemaError(f"{says}: it is newer than the code", remedy)


def _refuse_unrecorded(connection: Connection) -> None:
    """Raise SchemaError for tables of the engine's in a database where none of its revisions is recorded."""
    inspector = inspect(connection)
    present = ENGINE_TABLES & set(inspector.get_table_names())
    if not present:
        return
    columns = {name: {column["name"] for column in inspector.get_columns(name)} for name in present}
    if all(set(Base.metadata.tables[name].columns.keys()) <= columns.get(name, set()) for name in ENGINE_TABLES):
        raise SchemaError("The database has the engine's tables, but no revision of the engine is recorded", _stamp())
    says = f"The database has tables with names of the engine's ({', '.join(sorted(present))})"
    remedy = "Restore a backup with the table alembic_version, or give the project a database of its own."
    raise SchemaError(f"{says}, but none of its revisions", remedy)


def _stamp() -> str:
    stamp, migrate = python("manage.py alembic stamp --purge heads"), python("manage.py migrate")
    return f"Back up the database. Run: {stamp} && {migrate}"
