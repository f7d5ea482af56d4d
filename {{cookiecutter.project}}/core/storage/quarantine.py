"""The quarantine of the database: damaged entries, kept as they were found in a table of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, LargeBinary, Table, Text, delete, insert, literal, select
from sqlalchemy import cast as sql_cast

from core.storage.entry import Entry, Quarantined
from core.storage.models import EntryModel, QuarantineModel

_entries, _quarantine = cast(Table, EntryModel.__table__), cast(Table, QuarantineModel.__table__)


def move_to_quarantine(connection: Connection, entry: Entry, reason: str, at: datetime) -> None:
    """Move the entry out of `entries`, unless another process did or a newer edit has taken its place."""
    key = {"session_id": entry.session_id, "path": entry.path, "stamp": entry.stamp}
    found = delete(_entries).where(
        *(sql_cast(_entries.c[name], Text) == exactly(value) for name, value in key.items() if name != "session_id"),
        _entries.c.session_id == exactly(entry.session_id),
    )
    if connection.execute(found).rowcount:
        insert_quarantined(connection, entry, reason, at)


def insert_quarantined(connection: Connection, entry: Entry, reason: str, at: datetime) -> None:
    """Put an entry into quarantine that is in no other table."""
    key = {"session_id": entry.session_id, "path": entry.path, "stamp": entry.stamp}
    same = [_quarantine.c[name] == exactly(value) for name, value in key.items()]
    connection.execute(delete(_quarantine).where(*same))
    row = {**key, "value": entry.value or "", "base": entry.base, "reason": reason}
    connection.execute(insert(_quarantine).values({n: exactly(v) for n, v in row.items()}).values(at=at))


def read_quarantined(connection: Connection) -> list[Quarantined]:
    """Return the whole quarantine, in the order of session and path."""
    wanted = select(_quarantine).order_by(_quarantine.c.session_id, _quarantine.c.path, _quarantine.c.stamp)
    return [
        Quarantined(entry=as_entry(row), reason=as_text(row.reason), at=row.at) for row in connection.execute(wanted)
    ]


def forget(connection: Connection, quarantined: Quarantined) -> None:
    """Delete one for good."""
    entry = quarantined.entry
    key = {"session_id": entry.session_id, "path": entry.path, "stamp": entry.stamp}
    connection.execute(delete(_quarantine).where(*(_quarantine.c[n] == exactly(v) for n, v in key.items())))


def as_entry(row: Any) -> Entry:
    """Return a row as an entry, also one that is damaged."""
    session_id, path, stamp, base = map(as_text, (row.session_id, row.path, row.stamp, row.base))
    value = None if row.value is None else as_text(row.value)
    return Entry(session_id=session_id, path=path, value=value, stamp=stamp, base=base)


def as_text(value: Any) -> str:
    """Return a column as text. SQLite keeps any type in any column, so a damaged one may be anything."""
    if type(value) is str:
        return value
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)


def exactly(text: str) -> Any:
    """Return a bound parameter. Bytes that are no text come from SQLite as surrogates, and go back as those bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return sql_cast(literal(text.encode(errors="surrogateescape"), LargeBinary), Text)
    return literal(text)
