"""Runs the revisions over the connection it is given, or over the database the settings name."""

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.sql.schema import SchemaItem

from core.discovery import discover
from core.settings import get_settings
from core.storage.database import open_database
from core.storage.migrate import one_transaction
from core.storage.models import Base


def concerns(_item: SchemaItem, _name: str | None, kind: str, reflected: bool, model: SchemaItem | None) -> bool:
    """Leave tables without a model out of --autogenerate: their app may be broken, or removed with its data to stay."""
    return kind != "table" or not reflected or model is not None


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        include_object=concerns,
        render_as_batch=connection.dialect.name == "sqlite",  # SQLite can't alter a column in place
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    discover()  # with the apps come the models of their tables, so that --autogenerate sees them
    with one_transaction(open_database(get_settings().resolved_database_url)) as connection:
        run(connection)
