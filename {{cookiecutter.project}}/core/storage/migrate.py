"""The revisions of a project's tables, for Alembic, and bringing a database up to date by them.

There are three kinds, each in a branch of its own.

| folder | whose tables | branch | ids |
|---|---|---|---|
| `core/migrations/versions/` | the engine's | `core` | `core_0001` |
| `migrations/` | the project's | `project` | Alembic's own, such as `3f1c09ab77de` |
| `apps/<name>/migrations/` | those of an app that takes its revisions along | `<name>` | `<name>_0001` |
"""

from __future__ import annotations

import sqlite3
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from core.command_line import python
from core.errors import SchemaError
from core.settings import PROJECT_ROOT
from core.storage.models import ENGINE_TABLES, Base, VersionModel
from core.storage.versions import CHANGED

ENGINE, PROJECT = "core", "project"
"""The labels of two branches. That of an app's own is the app's name."""

_LONGEST_ID = 32
"""Characters that Alembic's table holds. SQLite would take more, PostgreSQL refuses it."""

Transaction = Callable[[], AbstractContextManager[Connection]]

_HOWEVER_LONG = 2**31 - 1
"""Milliseconds: the most that SQLite waits for a lock."""

log = structlog.get_logger(__name__)


def revision_folders(root: Path = PROJECT_ROOT) -> list[Path]:
    """Return the folders in a project that may hold revisions."""
    of_apps = [app.with_name("migrations") for app in sorted(root.glob("apps/*/__init__.py"))]
    return [root / "core" / "migrations" / "versions", root / "migrations", *filter(Path.is_dir, of_apps)]


def configuration(root: Path = PROJECT_ROOT, transaction: Transaction | None = None) -> Config:
    """Return Alembic's configuration for a project. What needs a database works in the transaction."""
    config = Config()
    for name, value in {
        "script_location": str(root / "core" / "migrations"),
        "path_separator": "newline",
        "version_locations": "\n".join(map(str, revision_folders(root))),
        "file_template": "%(year)d_%(month).2d_%(day).2d_%(rev)s_%(slug)s",
    }.items():
        config.set_main_option(name, value.replace("%", "%%"))
    config.attributes["transaction"] = transaction
    return config


def read_revisions(root: Path = PROJECT_ROOT) -> ScriptDirectory:
    """Return the revisions of a project.

    Raises SchemaError where they can't be read, where an id is too long, where no revision of a folder is the newest,
    and where one of an app depends on others: its row would stand for theirs, too, and go when the app is removed.
    """
    scripts = ScriptDirectory.from_config(configuration(root))
    heads = defaultdict(list)
    try:
        for script in scripts.walk_revisions():
            folder = Path(script.path).parent.relative_to(root)
            if script.dependencies and folder.parts[0] == "apps":
                raise CommandError(f"{folder}: an app's revision, such as {script.revision}, can't have depends_on")
            if len(script.revision) > _LONGEST_ID:
                raise CommandError(f"{folder}: {script.revision} has more than {_LONGEST_ID} characters")
            if script.is_head:
                heads[folder].append(script.revision)
    except KeyError as error:
        says = f"A revision follows or depends on {error}, which is missing"
        raise SchemaError(says, "Restore its file, or mend the one that names it.") from error
    except (CommandError, RevisionError, SyntaxError, ImportError) as error:
        raise SchemaError(f"A revision can't be read ({error})", "Mend the file it names.") from error
    for folder, found in heads.items():
        if len(found) > 1:
            merge = python(f"manage.py alembic merge -m merge {' '.join(sorted(found))}")
            says = f"Nothing in {folder}/ follows {' nor '.join(sorted(found))}, so none is the newest"
            raise SchemaError(says, f"Run: {merge}")
    return scripts


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
