"""Models and migrations say the same, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

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
