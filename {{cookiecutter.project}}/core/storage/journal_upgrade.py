"""A journal as the first version of this project wrote it: its values had no seal. They get one when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import apsw
import orjson

from core.errors import NotKeptError
from core.storage import journal_sql as sql
from core.storage.entry import Entry
from core.storage.sealing import Seal

_IS_OLD = "SELECT count(*) FROM pragma_table_info('entry') WHERE name = 'value' AND NOT \"notnull\""
_OLD_ENTRIES = """
SELECT CAST(session_id AS BLOB), CAST(path AS BLOB), CAST(value AS BLOB), CAST(stamp AS BLOB), CAST(base AS BLOB)
FROM old_entry
"""
_OLD_QUARANTINE = """
SELECT CAST(session_id AS BLOB), CAST(path AS BLOB), CAST(value AS BLOB), CAST(stamp AS BLOB), CAST(base AS BLOB),
    reason
FROM old_quarantine
"""


def upgrade(connection: apsw.Connection) -> None:
    """Bring old tables to the present schema, with everything in them, in one transaction."""
    if not connection.execute(_IS_OLD).get:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute(_IS_OLD).get:  # not done by another process meanwhile
            for table in ("entry", "quarantine"):
                connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
            connection.execute(sql.SCHEMA)
            entries = [_sealed(row) for row in connection.execute(_OLD_ENTRIES)]
            connection.executemany(sql.UPSERT, entries)
            at = datetime.now(UTC).isoformat()
            aside = connection.execute(_OLD_QUARANTINE).fetchall()
            connection.executemany(sql.SET_ASIDE, [(*_sealed(row[:5]), row[5], at) for row in aside])
            for table in ("entry", "quarantine"):
                connection.execute(f"DROP TABLE old_{table}")
        connection.execute("COMMIT")
    except BaseException:
        if not connection.get_autocommit():
            connection.execute("ROLLBACK")
        raise


def _sealed(row: Sequence[Any]) -> tuple[bytes, ...]:
    """The row with a seal; one that was damaged before gets none, so that it is set aside when it is opened."""
    session_id, path, value, stamp, base = (
        None if column is None else column.decode(errors="surrogateescape") for column in row
    )
    entry = Entry(session_id=session_id or "", path=path or "", value=value, stamp=stamp or "", base=base or "")
    try:
        orjson.loads(value or "null")
        # Values of that time are of the data's first version, whatever the version is now.
        entry = Seal(upgrades={}).seal(entry)
    except (ValueError, NotKeptError):
        entry = replace(entry, value=value or "")
    columns = (entry.session_id, entry.path, entry.value or "", entry.stamp, entry.base)
    return tuple(column.encode(errors="surrogateescape") for column in columns)
