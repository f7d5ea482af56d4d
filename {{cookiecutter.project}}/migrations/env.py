"""Runs the revisions over the connection it is given, or over the database the settings name."""

from alembic import context
from sqlalchemy import Connection

from core.discovery import discover
from core.settings import get_settings
from core.storage.database import open_database
from core.storage.migrate import one_transaction
from core.storage.models import Base


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
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
