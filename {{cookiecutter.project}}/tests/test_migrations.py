"""Models and migrations say the same, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, event, inspect, text

from core.storage import migrate
from core.storage.database import open_database
from core.storage.models import Base


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


def test_an_empty_database_is_behind_and_an_upgraded_one_is_not(database: Engine) -> None:
    assert not migrate.is_current(database)
    migrate.upgrade(database)
    assert migrate.is_current(database)
    assert migrate.current_revision(database) == migrate.head_revision()


def test_migrations_build_what_the_models_describe(database: Engine) -> None:
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
