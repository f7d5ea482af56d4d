"""The journal: where an edit is durable before anybody is told so, and stays until the database has it.

One SQLite file per machine, shared by all its processes. WAL with `synchronous=FULL` syncs the log at
each commit, so an acknowledged edit survives power loss. SQLite before 3.51.3 can lose a commit when
two connections reset the WAL at once, so the file is only ever opened by the `apsw` wheels' own SQLite.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

from core.errors import JournalError
from core.storage.entry import Entry
from core.storage.group_commit import GroupCommit

_BUSY_TIMEOUT_MS = 10_000
_WAL_RESET_FIXED = (3, 51, 3)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    session_id TEXT NOT NULL, path TEXT NOT NULL, value TEXT, stamp TEXT NOT NULL, base TEXT NOT NULL,
    PRIMARY KEY (session_id, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
    session_id TEXT NOT NULL, path TEXT NOT NULL, value TEXT, stamp TEXT NOT NULL, base TEXT NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (session_id, path, stamp)
) WITHOUT ROWID;
"""
_UPSERT = """
INSERT INTO entry (session_id, path, value, stamp, base) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (session_id, path) DO UPDATE
SET value = excluded.value, stamp = excluded.stamp, base = excluded.base WHERE excluded.stamp > entry.stamp
"""
_PENDING = "SELECT session_id, path, value, stamp, base FROM entry WHERE session_id = ?"
_BATCH = "SELECT session_id, path, value, stamp, base FROM entry ORDER BY session_id, path LIMIT ?"
_QUARANTINED = "SELECT session_id, path, value, stamp, base, reason FROM quarantine"


class Journal:
    """Entries that are durable here and not yet known to be in the database."""

    def __init__(self, path: Path) -> None:
        if tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) < _WAL_RESET_FIXED:
            raise JournalError(f"apsw brings SQLite {apsw.sqlite_lib_version()}, which can lose commits. Upgrade apsw.")
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._connect()
        self._reader = self._connect()
        self._reader_lock = threading.Lock()
        self._writer_lock = threading.Lock()
        self._commits = GroupCommit(self._write)
        self._closed = False

    def append(self, entries: Sequence[Entry]) -> None:
        """Return once `entries` would survive power loss. Raises JournalError when they would not."""
        try:
            self._commits.append(entries)
        except apsw.Error as error:
            raise JournalError(f"{self.path.name} can't be written ({error}). Check the disk's free space.") from error

    def pending(self, session_id: str) -> list[Entry]:
        """The entries of one session that the database may not have yet."""
        return self._read(_PENDING, (session_id,))

    def batch(self, limit: int) -> list[Entry]:
        """Up to `limit` entries of any session, in a stable order."""
        return self._read(_BATCH, (limit,))

    def discard(self, entries: Sequence[Entry]) -> None:
        """Remove entries that reached the database; one that was edited again meanwhile stays."""
        self._execute(
            "DELETE FROM entry WHERE session_id = ? AND path = ? AND stamp = ?",
            [(entry.session_id, entry.path, entry.stamp) for entry in entries],
        )

    def discard_session(self, session_id: str) -> None:
        """Remove all entries of a deleted session."""
        self._execute("DELETE FROM entry WHERE session_id = ?", [(session_id,)])

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Set an entry aside that the database refuses: kept and listed, but no longer in the way."""
        row = (entry.session_id, entry.path, entry.value, entry.stamp, entry.base, reason)
        self._execute("INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?, ?)", [row])
        self.discard([entry])

    def quarantined(self) -> list[tuple[Entry, str]]:
        """The entries set aside, each with the reason."""
        with self._reader_lock:
            rows = self._reader.execute(_QUARANTINED).fetchall()
        return [(_entry(row[:5]), str(row[5])) for row in rows]

    def count(self) -> int:
        """How many entries wait for the database."""
        with self._reader_lock:
            return int(self._reader.execute("SELECT count(*) FROM entry").get)

    def oldest_stamp(self) -> str | None:
        """The stamp of the entry that has waited longest, None when nothing waits."""
        with self._reader_lock:
            stamp: str | None = self._reader.execute("SELECT min(stamp) FROM entry").get
            return stamp

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        with self._writer_lock, self._reader_lock:
            if not self._closed:
                self._closed = True
                self._reader.close()
                self._writer.close()

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self.path))
        connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        connection.execute(_SCHEMA)
        return connection

    def _write(self, entries: Sequence[Entry]) -> None:
        rows = [(entry.session_id, entry.path, entry.value, entry.stamp, entry.base) for entry in entries]
        self._execute(_UPSERT, rows)

    def _execute(self, statement: str, rows: Sequence[tuple[str | None, ...]]) -> None:
        with self._writer_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.executemany(statement, rows)
                self._writer.execute("COMMIT")
            except BaseException:
                if not self._writer.get_autocommit():
                    self._writer.execute("ROLLBACK")
                raise

    def _read(self, statement: str, parameters: tuple[str | int, ...]) -> list[Entry]:
        with self._reader_lock:
            return [_entry(row) for row in self._reader.execute(statement, parameters)]


def _entry(row: Any) -> Entry:
    session_id, path, value, stamp, base = row
    return Entry(session_id=session_id, path=path, value=value, stamp=stamp, base=base)
