"""Runs revisions in the transaction it is given, and compares the project's tables with their models."""

from pathlib import Path
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, Table
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import TypeDecorator

from core.db import Base, app_of
from core.storage.models import ENGINE_TABLES

ROOT = Path(__file__).resolve().parents[2]


def is_projects(item: SchemaItem, _name: str | None, _kind: str, reflected: bool, _other: SchemaItem | None) -> bool:
    """Leave out of --autogenerate the engine's tables, those of an app with revisions of its own, and those without a
    model: their app may be broken, or removed with its data to stay.
    """
    if not isinstance(item, Table):
        return True
    app = app_of(item.name)
    has_own_revisions = app is not None and any((ROOT / "apps" / app / "migrations").glob("*.py"))
    return not reflected and item.name not in ENGINE_TABLES and not has_own_revisions


def as_stored(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write into a revision, in place of a type of ours, the one in the database: code changes, revisions don't."""
    if kind == "type" and isinstance(item, TypeDecorator) and type(item.impl).__module__ == "sqlalchemy.sql.sqltypes":
        return f"sa.{item.impl!r}"
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        include_object=is_projects,
        render_item=as_stored,
        render_as_batch=True,  # SQLite can't alter a column in place
    )
    with context.begin_transaction():
        context.run_migrations()


with context.config.attributes["transaction"]() as given:
    run(given)
