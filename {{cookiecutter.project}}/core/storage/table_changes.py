"""Notices which tables a transaction writes, and gives each a new version in that very transaction.

It listens to SQLAlchemy, so it hears of all that goes through the project's own engine: Core, ORM and plain SQL. What
another program writes into the database it can't hear; there `cache.invalidate` or a `ttl` is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, event

from core.storage.versions import Versions

UNTRACKED = frozenset(
    {
        "sessions",
        "entries",
        "quarantine",
        "leases",
        "versions",
        "submissions",
        "files",
        "file_claims",
        "tokens",
        "tickets",
        "attempts",
        "known_devices",
        "audit",
        "alembic_version",
    }
)
"""Tables of the project's own that change all the time. Of a saved form `form:<id>` tells."""

_NOTES = "changed_tables"
_WRITES = re.compile(
    r"\b(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|REPLACE\s+INTO|MERGE\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM"
    r"|TRUNCATE(?:\s+TABLE)?|COPY)\s+(?:ONLY\s+)?((?:[\w]+|\"[^\"]+\")(?:\.(?:[\w]+|\"[^\"]+\"))?)",
    re.IGNORECASE,
)
_NO_TABLES = frozenset({"set", "of", "nowait", "skip"})
"""What may follow the word UPDATE and is no table: `ON CONFLICT DO UPDATE SET`, `FOR UPDATE OF`."""


def watch_tables(database: Engine, versions: Versions) -> None:
    """Give `table:<name>` a new version with every transaction of this engine that writes the table."""

    def note(
        connection: Connection, cursor: Any, statement: str, _parameters: object, context: Any, _many: bool
    ) -> None:
        if cursor.rowcount == 0 or statement.lstrip()[:6].upper() == "SELECT":
            return
        changed = {f"table:{table}" for table in written_tables(statement, context)} - _UNTRACKED_NAMES
        if not changed:
            return
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            versions.bump(connection, changed)
        else:
            connection.info.setdefault(_NOTES, set()).update(changed)

    def tell(connection: Connection) -> None:
        changed = connection.info.pop(_NOTES, None)
        if changed:
            versions.bump(connection, changed)

    def begin(connection: Connection) -> None:
        # Not at the rollback: a connection that was cut has no notes any more, and asking for them would hide the cut.
        connection.info.pop(_NOTES, None)

    event.listen(database, "after_cursor_execute", note)
    event.listen(database, "commit", tell)
    event.listen(database, "begin", begin)


def written_tables(statement: str, context: Any) -> Iterator[str]:
    """The names of the tables that a statement writes, without their schema."""
    if context is not None and (context.isinsert or context.isupdate or context.isdelete):
        yield context.compiled.statement.table.name
        return
    for found in _WRITES.finditer(statement):
        table = found[1].rpartition(".")[2].strip('"')
        if table.lower() not in _NO_TABLES:
            yield table


_UNTRACKED_NAMES = frozenset(f"table:{table}" for table in UNTRACKED)
