"""The journal's file, shared by processes. Found damaged it is put into quarantine, and what is readable is saved."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import structlog

log = structlog.get_logger(__name__)

Row = tuple[Any, ...]

_TABLES = """
SELECT s.name FROM sqlite_schema s
WHERE type = 'table' AND (SELECT count(*) FROM pragma_table_info(s.name)) = ?
"""
_COMPANIONS = ("-wal", "-shm")


class JournalFile:
    """A part in the use of a file, by a lock on a file beside it. The lock ends with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = self._beside(".lock").open("ab")

    def join(self, queries: Sequence[str], columns: int, build: Callable[[Path, Sequence[Row]], None]) -> None:
        """Become one of the file's users; whoever is the first looks whether it is damaged, and mends it.

        The damaged file is kept as `<name>.damaged-<time>`. `build` makes a new one from the rows that `queries`
        could still read, from the front and from the back, all `columns` of one table. A crash in the middle is made
        good by the next to come.
        """
        if self._alone():
            mended = self._beside(".mended")
            damage = None if mended.exists() else _damage(self.path, queries)
            if damage:
                rows = _readable(self.path, queries, columns)
                unfinished = self._beside(".mending")
                _remove(unfinished)
                build(unfinished, rows)
                unfinished.rename(mended)
                log.error("a damaged file is put into quarantine", file=self.path.name, damage=damage, saved=len(rows))
            if mended.exists():
                self._quarantine()
                mended.rename(self.path)
                self._sync_folder()
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def close(self) -> None:
        """Leave the file to the others."""
        self._lock.close()

    def _alone(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _quarantine(self) -> None:
        name = f"{self.path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        for part in (*_COMPANIONS, ""):  # the log first: it must never meet the new file
            piece = self._beside(part)
            if piece.exists():
                piece.rename(self.path.with_name(name + part))
        self._sync_folder()

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(self.path.name + ending)

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _damage(path: Path, queries: Sequence[str]) -> str | None:
    """Return what is wrong with a SQLite file, None if it is sound or not there yet."""
    if not path.exists():
        return None
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            answer = str(connection.execute("PRAGMA quick_check(1)").get)
            if connection.execute("SELECT count(*) FROM sqlite_schema").get:
                for query in queries:  # SQLite's check passes a name that was damaged into another name
                    connection.execute(f"EXPLAIN {query}")
        finally:
            connection.close()
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError) as error:
        return str(error)
    return None if answer == "ok" else answer


def _readable(path: Path, queries: Sequence[str], columns: int) -> list[Row]:
    """Return what each query reads up to the damage. Where names are damaged, all tables of that width are read."""
    found: dict[Row, None] = {}
    for query in queries:
        try:
            connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                for statement in _readings(connection, query, columns):
                    for row in connection.execute(statement):
                        found[tuple(row)] = None
            finally:
                connection.close()
        except apsw.Error as error:
            log.warning("a damaged file could be read in part", file=path.name, rows=len(found), error=str(error))
    return list(found)


def _readings(connection: apsw.Connection, query: str, columns: int) -> list[str]:
    """Return the query itself or, where the file lacks its names, one for each table it may have meant."""
    try:
        connection.execute(f"EXPLAIN {query}")
    except apsw.SQLError:
        tables = connection.execute(_TABLES, (columns,)).fetchall()
        # A damaged file names its tables itself, and SQLite quotes what it is called.
        return [f"SELECT * FROM {apsw.format_sql_value(name)}" for (name,) in tables]  # noqa: S608  # nosec B608
    return [query]


def _remove(path: Path) -> None:
    for part in (*_COMPANIONS, ""):
        path.with_name(path.name + part).unlink(missing_ok=True)
