"""Bringing the database's tables up to what the code expects, by the revisions in `migrations/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def configuration() -> Config:
    """Return Alembic's configuration; the connection is passed to `migrations/env.py` as an attribute."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def upgrade(database: Engine) -> None:
    """Apply the revisions the database lacks, in one transaction."""
    config = configuration()
    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


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
