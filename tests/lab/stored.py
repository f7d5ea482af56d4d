"""Stored rows as raw bytes, to be damaged behind the project's back and put back as they were."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol, cast

import apsw
from sqlalchemy import Table, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from core.storage.models import EntryModel, QuarantineModel, SessionModel
from tests.lab.chance import chance

Place = tuple[str, str]
"""Session and path."""

_TEXTS = ("session_id", "path", "value", "stamp", "base")
_TABLES = [cast(Table, model.__table__) for model in (SessionModel, EntryModel, QuarantineModel)]
_MOST_BITS = 3
_TRUNCATED = 0.3
"""How often an end goes missing, instead of bits that flip."""


def tampered(data: bytes) -> bytes:
    """The data with one to three bits flipped, or cut off somewhere. Never what it was."""
    if data and chance().random() < _TRUNCATED:
        return data[: chance().randrange(len(data))]
    harmed = bytearray(data or b"\1")
    for bit in chance().sample(range(8 * len(harmed)), chance().randint(1, _MOST_BITS)):
        harmed[bit // 8] ^= 1 << bit % 8
    return bytes(harmed)


class StoredRows(Protocol):
    def damage(self, count: int) -> dict[Place, str]:
        """Damage so many rows, each in one column at random. Returns where they belong, and which column it was."""
        ...

    def restore(self) -> None:
        """Put everything back as it was found at first."""
        ...


class DatabaseRows:
    """The rows of the table `entries`, in either database."""

    def __init__(self, url: str) -> None:
        self._database = create_engine(url, isolation_level="AUTOCOMMIT")
        if self._database.dialect.name == "sqlite":
            event.listen(self._database, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
        with self._database.connect() as connection:
            self._before = {t: [dict(r) for r in connection.execute(t.select()).mappings()] for t in _TABLES}

    def damage(self, count: int) -> dict[Place, str]:
        damaged: dict[Place, str] = {}
        with self._database.connect() as connection:
            if self._database.dialect.name == "postgresql":
                connection.execute(text("SET session_replication_role = replica"))  # foreign keys don't stop a disk
            while len(damaged) < count:
                row, column = chance().choice(self._before[_TABLES[1]]), chance().choice((*_TEXTS, "version"))
                place = (row["session_id"], row["path"])
                # What the database itself would refuse, such as a NUL in PostgreSQL, is no damage it could show.
                if place not in damaged and self._damaged(connection, row, column):
                    damaged[place] = column
        self._database.dispose()
        return damaged

    def _damaged(self, connection: Any, row: dict[str, Any], column: str) -> bool:
        if column == "version":
            harmed = tampered(row[column].to_bytes(8, "big", signed=True)).ljust(8, b"\0")
            given: Any = int.from_bytes(harmed, "big", signed=True)
            expression = ":given"
        else:
            given = tampered(row[column].encode())
            postgresql = self._database.dialect.name == "postgresql"
            expression = "convert_from(:given, 'UTF8')" if postgresql else "CAST(:given AS TEXT)"
        # Names of our own, in a database of our own: so are the next two.
        damage = text(f"UPDATE entries SET {column} = {expression} WHERE session_id = :session_id AND path = :path")  # nosec B608
        try:
            connection.execute(damage, {"given": given, "session_id": row["session_id"], "path": row["path"]})
        except DBAPIError:
            return False
        return True

    def restore(self) -> None:
        with self._database.begin() as connection:
            for table in reversed(_TABLES):
                connection.execute(table.delete())
            for table in _TABLES:
                if self._before[table]:
                    connection.execute(table.insert(), self._before[table])


class JournalRows:
    """The rows of a journal that nobody has open."""

    def __init__(self, path: Path) -> None:
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._path, self._before = path, path.read_bytes()

    def damage(self, count: int) -> dict[Place, str]:
        damaged: dict[Place, str] = {}
        with closing(apsw.Connection(str(self._path))) as connection:
            rows = connection.execute(f"SELECT {', '.join(_TEXTS)} FROM entry").fetchall()  # nosec B608
            while len(damaged) < count:
                row, column = chance().choice(rows), chance().choice(_TEXTS)
                harmed, place = tampered(str(row[_TEXTS.index(column)]).encode()), (str(row[0]), str(row[1]))
                damage = f"UPDATE entry SET {column} = CAST(? AS TEXT) WHERE session_id = ? AND path = ?"  # nosec B608
                if place not in damaged:
                    with suppress(apsw.ConstraintError):  # it would take the place of another
                        connection.execute(damage, (harmed, *place))
                        damaged[place] = column
        return damaged

    def restore(self) -> None:
        for companion in ("-wal", "-shm"):
            self._path.with_name(self._path.name + companion).unlink(missing_ok=True)
        self._path.write_bytes(self._before)
