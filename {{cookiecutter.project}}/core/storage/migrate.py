"""Bringing the database's tables up to what the code expects, by the revisions in `migrations/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from core.errors import AccountError, ConfigurationError
from core.storage.accounts import Accounts, User, seed_administrator

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


def prepare(accounts: Accounts, database: Engine, admin_password: str | None) -> User | None:
    """Bring the tables up to date, and give an empty project its roles and first administrator.

    Returns the administrator if one was created. Raises ConfigurationError for an unfit initial password.
    """
    upgrade(database)
    try:
        return seed_administrator(accounts, admin_password)
    except AccountError as error:
        raise ConfigurationError([f"ADMIN_INITIAL_PASSWORD can't be used. {error}"]) from error


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
