"""Models and migrations say the same, on both databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, inspect, text

from core.clock import FakeClock, HybridClock
from core.discovery import discover
from core.session import UserSession
from core.session_persistence import SessionPersistenceEngine
from core.settings import PROJECT_ROOT
from core.storage import migrate
from core.storage.database import open_database
from core.storage.journal import Journal
from core.storage.models import Base
from core.storage.sealing import Seal
from core.storage.sql_store import SqlStore
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT, sqlite_store

UPGRADE = """
import sys
from core.storage import database, migrate

migrate.upgrade(database.open_database(sys.argv[1]))
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


def test_an_empty_database_is_behind_and_an_upgraded_one_is_not(database: Engine) -> None:
    assert not migrate.is_current(database)
    migrate.upgrade(database)
    assert migrate.is_current(database)
    assert migrate.current_revisions(database) == {migrate.head_revision()}


def test_migrations_build_what_the_models_describe(database: Engine) -> None:
    discover()  # with the apps come the models of their tables
    migrate.upgrade(database)
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_twice_changes_nothing(database: Engine) -> None:
    migrate.upgrade(database)
    with database.begin() as connection:
        connection.execute(text("INSERT INTO roles (role, description, permissions) VALUES ('r', '', '')"))
    migrate.upgrade(database)
    with database.connect() as connection:
        assert connection.execute(text("SELECT role FROM roles")).scalars().all() == ["r"]


def test_the_way_back_leaves_no_table(database: Engine) -> None:
    migrate.upgrade(database)
    config = migrate.configuration()
    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert set(inspect(database).get_table_names()) <= {"alembic_version"}


def test_postgresql_compares_stamps_and_paths_as_bytes(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    migrate.upgrade(engine)
    with engine.begin() as connection:
        collations = connection.execute(
            text(
                "SELECT collation_name FROM information_schema.columns "
                "WHERE table_name = 'entries' AND column_name IN ('stamp', 'path', 'base')"
            )
        )
        assert set(collations.scalars()) == {"C"}
    engine.dispose()


def test_an_upgrade_that_is_interrupted_leaves_the_database_as_it_was(database: Engine) -> None:
    """As a crash does: an exception in the middle, then a fresh start."""

    def interrupt(*arguments: object) -> None:
        if "CREATE TABLE tokens" in str(arguments[2]):
            raise KeyboardInterrupt

    event.listen(database, "before_cursor_execute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        migrate.upgrade(database)
    event.remove(database, "before_cursor_execute", interrupt)
    assert inspect(database).get_table_names() == []
    migrate.upgrade(database)
    assert migrate.is_current(database)


def test_replacing_a_table_in_a_migration_keeps_what_refers_to_its_rows(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'sessions.db'}")
    with migrate.one_transaction(database) as connection:
        for statement in (
            "CREATE TABLE sessions (id TEXT PRIMARY KEY)",
            "CREATE TABLE entries (id TEXT REFERENCES sessions (id) ON DELETE CASCADE)",
            "INSERT INTO sessions VALUES ('s')",
            "INSERT INTO entries VALUES ('s')",
        ):
            connection.exec_driver_sql(statement)
    with migrate.one_transaction(database) as connection:
        for statement in (
            "CREATE TABLE new (id TEXT PRIMARY KEY, more TEXT)",
            "INSERT INTO new SELECT id, '' FROM sessions",
            "DROP TABLE sessions",
            "ALTER TABLE new RENAME TO sessions",
        ):
            connection.exec_driver_sql(statement)
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM entries").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.dispose()


def test_a_commit_outlasts_a_power_cut_in_either_mode_of_sqlite(tmp_path: Path) -> None:
    """With a rollback journal that takes EXTRA: only then is the folder synced after the journal was deleted."""
    database = open_database(f"sqlite:///{tmp_path / 'sessions.db'}")
    with database.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
    database.dispose()


# From 0001, whose entries had no seal


@pytest.fixture
def before(
    database: Engine, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, clock: FakeClock
) -> dict[str, UserSession]:
    """A database of the first schema with sessions in it, as the code of that time wrote them."""
    migrate.upgrade(database, "0001")
    memory = sqlite_store(tmp_path_factory.mktemp("before"), clock)
    engine = SessionPersistenceEngine(
        3600, store=memory, journal=Journal(tmp_path / "before.db"), clock=clock, hybrid_clock=HybridClock(clock)
    )
    sessions = {}
    for number in range(3):
        session = sessions[f"s{number}"] = engine.open(f"s{number}", f"user{number}" if number else None)
        session.save_form("f", {f"naïve {n}": ("ü", number, clock.now() + timedelta(days=n)) for n in range(350)})
        session.save_form("g", {"a": None, "b": {1: "x"}})
        session.reset_form("f") if number == 2 else None
    engine.close()
    put(database, memory, sealed=False)
    with database.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM entries WHERE value IS NULL")).scalar_one() > 0
    return sessions


def put(database: Engine, memory: SqlStore, *, sealed: bool) -> None:
    """Store in a database of any schema what a store holds."""
    with database.begin() as connection:
        for header in memory.headers(10):
            row = {name: getattr(header, name) for name in header.__slots__}
            connection.execute(Base.metadata.tables["sessions"].insert().values(row))
        for entry in memory.entries():
            values = {name: getattr(entry, name) for name in ("session_id", "path", "stamp", "base")}
            value = entry.value if sealed else Seal().open(entry).value
            bare = {**values, "value": value, "version": 1}
            names = ", ".join(bare)
            connection.execute(text(f"INSERT INTO entries ({names}) VALUES (:{names.replace(', ', ', :')})"), bare)


def found(database: Engine, tmp_path: Path, sessions: Sequence[str]) -> dict[str, Any]:
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    journal = Journal(tmp_path / "after.db")
    engine = SessionPersistenceEngine(3600, store=store, journal=journal)
    opened = {session_id: engine.open(session_id) for session_id in sessions}
    journal.close()
    assert store.quarantined() == []
    assert [session.unreadable for session in opened.values()] == [{}] * len(opened)
    return {session_id: session.to_dict() for session_id, session in opened.items()}


def test_upgrading_keeps_every_session(
    database: Engine,
    before: dict[str, UserSession],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    clock: FakeClock,
) -> None:
    """Of each schema there ever was: one is put in at every step of the way."""
    scripts = ScriptDirectory.from_config(migrate.configuration()).walk_revisions()
    first, *later = reversed([script.revision for script in scripts])
    assert migrate.current_revisions(database) == {first}
    for revision in later:
        migrate.upgrade(database, revision)
        memory = sqlite_store(tmp_path_factory.mktemp("other"), clock)
        engine = SessionPersistenceEngine(store=memory, clock=clock, durability="database")
        before[revision] = engine.open(revision, "ada")
        before[revision].save_form("f", {"naïve": ("ü", revision, clock.now())})
        put(database, memory, sealed=True)
    assert migrate.is_current(database)
    assert found(database, tmp_path, list(before)) == {name: session.to_dict() for name, session in before.items()}


def test_a_value_that_was_damaged_before_the_upgrade_is_set_aside_after_it(
    database: Engine, before: dict[str, UserSession], tmp_path: Path
) -> None:
    path = "form/g/field/b"
    with database.begin() as connection:
        cut = text("UPDATE entries SET value = substr(value, 1, 5) WHERE session_id = 's1' AND path = :path")
        assert connection.execute(cut, {"path": path}).rowcount == 1
    migrate.upgrade(database)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    journal = Journal(tmp_path / "after.db")
    session = SessionPersistenceEngine(3600, store=store, journal=journal).open("s1")
    journal.close()
    assert [aside.entry.path for aside in store.quarantined()] == [path]
    expected = {name: value for name, value in before["s1"].form("g").values.items() if name != "b"}
    assert session.form("g").values == expected
    assert session.form("f").values == before["s1"].form("f").values


def test_the_way_back_gives_the_bare_values_again(database: Engine, before: dict[str, UserSession]) -> None:
    def rows() -> set[Any]:
        with database.connect() as connection:
            return set(connection.execute(text("SELECT session_id, path, value, stamp, base, version FROM entries")))

    first = rows()
    migrate.upgrade(database)
    assert rows() != first
    config = migrate.configuration()
    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    assert rows() == first


def test_an_upgrade_that_is_interrupted_anywhere_is_as_if_it_had_not_begun(
    database: Engine, before: dict[str, UserSession], tmp_path: Path
) -> None:
    class InterruptedHereError(Exception):
        pass

    left = 0

    def count_down(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise InterruptedHereError

    def state() -> tuple[Any, ...]:
        with database.connect() as connection:
            rows = connection.execute(text("SELECT session_id, path, value FROM entries ORDER BY 1, 2")).all()
        return migrate.current_revisions(database), sorted(inspect(database).get_table_names()), rows

    as_it_was, interruptions = state(), 0
    while True:
        left = interruptions
        event.listen(database, "before_cursor_execute", count_down)
        try:
            migrate.upgrade(database)
            break
        except InterruptedHereError:
            interruptions += 1
        finally:
            event.remove(database, "before_cursor_execute", count_down)
        assert state() == as_it_was or migrate.is_current(database), "only what comes after the commit"
    assert interruptions > 10
    assert found(database, tmp_path, list(before)) == {name: session.to_dict() for name, session in before.items()}


def test_two_processes_may_upgrade_at_the_same_time(database: Engine, before: dict[str, UserSession]) -> None:
    command = [sys.executable, "-c", UPGRADE, database.url.render_as_string(hide_password=False)]
    processes = [subprocess.Popen(command, cwd=PROJECT_ROOT) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert migrate.is_current(database)


def test_an_upgrade_waits_for_another_one_however_long(tmp_path: Path) -> None:
    engine, asked = open_database(f"sqlite:///{tmp_path / 'sessions.db'}"), "PRAGMA busy_timeout"
    with engine.connect() as connection:
        others = connection.exec_driver_sql(asked).scalar_one()
    with migrate.one_transaction(engine) as connection:
        assert connection.exec_driver_sql(asked).scalar_one() > 24 * 3600 * 1000 > others
    with engine.connect() as connection:
        assert connection.exec_driver_sql(asked).scalar_one() == others
    engine.dispose()


def test_an_upgrade_may_think_between_two_statements_as_long_as_it_takes(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    allowed = text("SHOW idle_in_transaction_session_timeout")
    with engine.connect() as connection:
        others = connection.execute(allowed).scalar_one()
    with migrate.one_transaction(engine) as connection:
        assert connection.execute(allowed).scalar_one() == "0" != others
    with engine.connect() as connection:
        assert connection.execute(allowed).scalar_one() == others
    engine.dispose()
