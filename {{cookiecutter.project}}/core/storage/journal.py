"""The journal: where an edit is durable before anybody is told so, and stays until the database has it.

One SQLite file per machine, shared by all its processes. WAL with `synchronous=FULL` syncs the log at
each commit, so an acknowledged edit survives power loss. SQLite before 3.51.3 can lose a commit when
two connections reset the WAL at once, so the file is only ever opened by the `apsw` wheels' own SQLite.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

from core.errors import JournalError
from core.storage.entry import Entry, Quarantined
from core.storage.group_commit import GroupCommit
from core.storage.journal_file import JournalFile, Row

_WAL_RESET_FIXED = (3, 51, 3)
_OPENING_TIMEOUT_MS = 10_000
_BUSY_TIMEOUT_MS = 2_000
"""The time an edit waits for another process's commit. One that takes longer was stopped in it; the edit goes on."""
_BATCH_BYTES = 1_000_000
"""Bytes that are removed in one transaction."""

MAX_WAL_BYTES = 64 * 1024 * 1024
"""The write-ahead log stays below this, even while a stopped process pins it by a read and it can't be emptied."""
_EDIT_WAL_BYTES = MAX_WAL_BYTES - 24 * 1024 * 1024
"""WAL limit for edits. The rest is reserved for removals, which overwrite what is removed and so append to it, too."""
_REMOVAL_WAL_BYTES = MAX_WAL_BYTES - 8 * 1024 * 1024
"""WAL limit for removals. Each is a small transaction, and the rest is room for one of them."""
_MOST_READERS = 8
"""Reads at a time. Each open connection takes some memory."""
_EMPTYING_PAUSE_SECONDS = 1.0
_EMPTYING_TIMEOUT_MS = 50

# Columns are read as bytes, and quarantined entries are addressed as bytes: text that was damaged on the disk need not
# be UTF-8 any more, may even have lost its type, and must be found all the same.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    session_id TEXT NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL, stamp TEXT NOT NULL, base TEXT NOT NULL,
    PRIMARY KEY (session_id, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
    session_id TEXT NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL, stamp TEXT NOT NULL, base TEXT NOT NULL,
    reason TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (session_id, path, stamp)
) WITHOUT ROWID;
CREATE TEMP VIEW IF NOT EXISTS bytes AS
SELECT session_id, path, CAST(session_id AS BLOB) AS s, CAST(path AS BLOB) AS p,
    CAST(value AS BLOB) AS v, CAST(stamp AS BLOB) AS t, CAST(base AS BLOB) AS b
FROM main.entry;
"""
_UPSERT = """
INSERT INTO entry (session_id, path, value, stamp, base)
VALUES (CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT))
ON CONFLICT (session_id, path) DO UPDATE
SET value = excluded.value, stamp = excluded.stamp, base = excluded.base WHERE excluded.stamp > entry.stamp
"""
_PENDING = "SELECT s, p, v, t, b FROM bytes WHERE session_id = ?"
_BATCH = "SELECT s, p, v, t, b FROM bytes ORDER BY session_id, path LIMIT ?"
_COUNT = "SELECT count(*) FROM entry"
_OLDEST = "SELECT CAST(min(stamp) AS BLOB) FROM entry"
_DISCARD = "DELETE FROM entry WHERE session_id = ? AND path = ? AND stamp = ?"
_DISCARD_SESSION = """
DELETE FROM entry WHERE session_id = ?1 AND path IN (SELECT path FROM entry WHERE session_id = ?1 LIMIT 20)
"""
_QUARANTINE = """
INSERT OR REPLACE INTO quarantine
VALUES (CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?, ?)
"""
_DISCARD_DAMAGED = """
DELETE FROM entry NOT INDEXED
WHERE CAST(session_id AS BLOB) = ? AND CAST(path AS BLOB) = ? AND CAST(stamp AS BLOB) = ?
"""
_QUARANTINED = """
SELECT CAST(session_id AS BLOB), CAST(path AS BLOB), CAST(value AS BLOB), CAST(stamp AS BLOB), CAST(base AS BLOB),
    reason, at
FROM quarantine ORDER BY at, session_id, path
"""
_FORGET = """
DELETE FROM quarantine NOT INDEXED
WHERE CAST(session_id AS BLOB) = ? AND CAST(path AS BLOB) = ? AND CAST(stamp AS BLOB) = ?
"""
_FORGET_SESSION = """
DELETE FROM quarantine WHERE (session_id, path, stamp) IN
(SELECT session_id, path, stamp FROM quarantine WHERE session_id = ? LIMIT 20)
"""

_COLUMNS = 5
"""Of a row, as `_SAVE` and `_UPSERT` name them."""
_SAVE = """
SELECT CAST(session_id AS BLOB), CAST(path AS BLOB), CAST(value AS BLOB), CAST(stamp AS BLOB), CAST(base AS BLOB)
FROM entry ORDER BY session_id, path
"""
"""Everything that can still be read from a damaged file, from the front."""
_SAVE_BACKWARDS = """
SELECT CAST(session_id AS BLOB), CAST(path AS BLOB), CAST(value AS BLOB), CAST(stamp AS BLOB), CAST(base AS BLOB)
FROM entry ORDER BY session_id DESC, path DESC
"""


class LogFullError(JournalError):
    """There is no room for this in the log now. For less there may be."""


class Journal:
    """Entries that are durable here and not yet known to be in the database. Values are sealed and opaque here."""

    def __init__(self, path: Path) -> None:
        if tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) < _WAL_RESET_FIXED:
            raise JournalError(f"apsw brings SQLite {apsw.sqlite_lib_version()}, which can lose commits. Upgrade apsw.")
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = JournalFile(path)
        except OSError as error:
            raise _unopened(path, error) from error
        try:
            self._file.join((_SAVE, _SAVE_BACKWARDS), _COLUMNS, _build)
            self._writer = _connect(path)
            self._readers = _Readers(path)
            self._writer.set_busy_timeout(_BUSY_TIMEOUT_MS)
            self._writer.transaction_mode = "IMMEDIATE"
        except (apsw.Error, OSError) as error:
            self._file.close()
            raise _unopened(path, error) from error
        self._log = path.with_name(path.name + "-wal")
        self._empty_again_at = 0.0
        self._writer_lock = threading.Lock()
        self._commits = GroupCommit(self._write, individual=(LogFullError,))
        self._closed = False

    def append(self, entries: Sequence[Entry]) -> None:
        """Return once `entries` would survive power loss. Raises JournalError when they would not."""
        self._commits.append(entries)

    def pending(self, session_id: str) -> list[Entry]:
        """Return the entries of one session that the database may not have yet."""
        return self._read(_PENDING, (session_id,))

    def batch(self, limit: int) -> list[Entry]:
        """Return up to `limit` entries of any session, in a stable order."""
        return self._read(_BATCH, (limit,))

    def discard(self, entries: Sequence[Entry]) -> None:
        """Remove entries that reached the database; one that was edited again meanwhile stays."""
        for group in _groups(entries):
            self._transact((_DISCARD, [(entry.session_id, entry.path, entry.stamp) for entry in group]))

    def discard_session(self, session_id: str) -> None:
        """Remove all entries of a deleted session, those in quarantine included."""
        for statement in (_DISCARD_SESSION, _FORGET_SESSION):
            while self._transact((statement, [(session_id,)])):
                pass

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Quarantine an entry that is damaged or that the database refuses: kept and listed, but out of the way."""
        at = datetime.now(UTC).isoformat()
        printable = reason.encode(errors="backslashreplace").decode()  # it may quote what was damaged
        self._transact((_QUARANTINE, [(*_row(entry), printable, at)]), (_DISCARD_DAMAGED, [_key(entry)]))

    def quarantined(self) -> list[Quarantined]:
        """Return the entries in quarantine, the oldest first."""
        with self._reading() as reader:
            rows = reader.execute(_QUARANTINED).fetchall()
        return [
            Quarantined(entry=_entry(row[:5]), reason=str(row[5]), at=datetime.fromisoformat(str(row[6])))
            for row in rows
        ]

    def forget(self, quarantined: Quarantined) -> None:
        """Delete one entry of the quarantine for good."""
        self._transact((_FORGET, [_key(quarantined.entry)]))

    def compact(self) -> None:
        """Leave nothing in the file and its log of values that were overwritten or removed.

        Raises JournalError while so much waits for the database that the log could not hold it.
        """
        with self._writing():
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            pages, unused, size = (
                int(self._writer.execute(f"PRAGMA {name}").get)
                for name in ("page_count", "freelist_count", "page_size")
            )
            if (pages - unused) * size > _REMOVAL_WAL_BYTES:
                raise LogFullError(f"{self.path.name} holds too much to be written anew. Flush it, and try again.")
            self._writer.execute("VACUUM")
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def count(self) -> int:
        """Return how many entries wait for the database."""
        with self._reading() as reader:
            return int(reader.execute(_COUNT).get)

    def oldest_stamp(self) -> str | None:
        """Return the stamp of the entry that has waited longest, None when nothing waits."""
        with self._reading() as reader:
            stamp = reader.execute(_OLDEST).get
        return None if stamp is None else _text(stamp)

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        with self._writer_lock:
            if not self._closed:
                self._closed = True
                self._readers.close()
                self._writer.close()
                self._file.close()

    def _write(self, entries: Sequence[Entry]) -> None:
        rows = [_row(entry) for entry in entries]
        # Twice, because what they replace is overwritten as well.
        self._transact(
            (_UPSERT, rows), room=2 * sum(len(column) for row in rows for column in row), limit=_EDIT_WAL_BYTES
        )

    def _transact(
        self, *steps: tuple[str, Sequence[tuple[Any, ...]]], room: int = 0, limit: int = _REMOVAL_WAL_BYTES
    ) -> int:
        """Execute statements, each with its rows, in one transaction; returns how many rows were changed.

        Raises LogFullError where the log has no `room` within its limit, and can't be emptied.
        """
        with self._writing():
            if self._log_bytes() + room > limit:
                self._empty_log()
                if room > limit:
                    raise LogFullError(f"{self.path.name} can't take so much at once.")
            before = self._writer.total_changes()
            with self._writer:
                for statement, rows in steps:
                    self._writer.executemany(statement, rows)
            return self._writer.total_changes() - before

    def _log_bytes(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def _empty_log(self) -> None:
        """Empty the log. Raises LogFullError while a reader that holds an old view of the file keeps it from that."""
        if time.monotonic() >= self._empty_again_at:
            self._writer.set_busy_timeout(_EMPTYING_TIMEOUT_MS)
            try:
                self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                return
            except apsw.BusyError:
                self._empty_again_at = time.monotonic() + _EMPTYING_PAUSE_SECONDS
            finally:
                self._writer.set_busy_timeout(_BUSY_TIMEOUT_MS)
        raise LogFullError(
            f"{self._log.name} is full, and a process that reads the journal keeps it from being emptied."
        )

    def _read(self, statement: str, parameters: tuple[str | int, ...]) -> list[Entry]:
        with self._reading() as reader:
            return [_entry(row) for row in reader.execute(statement, parameters)]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._writer_lock:
            try:
                yield
            except apsw.Error as error:
                remedy = "Check the disk's free space."
                raise JournalError(f"{self.path.name} can't be written ({error}). {remedy}") from error

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        try:
            with self._readers.one() as reader:
                yield reader
        except apsw.Error as error:
            remedy = "If it is damaged, a restart replaces it and saves what is readable."
            raise JournalError(f"{self.path.name} can't be read ({error}). {remedy}") from error


class _Readers:
    """Connections for reading: one for each that reads now, so that nobody waits for another one's read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_MOST_READERS)
        self._idle = [_connect(path)]
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[apsw.Connection]:
        """Lend a connection for the length of a block. Raises apsw.ConnectionClosedError after `close`."""
        with self._room:
            with self._lock:
                if self._closed:
                    raise apsw.ConnectionClosedError("the journal is closed")
                reader = self._idle.pop() if self._idle else None
            reader = reader or _connect(self._path)
            try:
                yield reader
            finally:
                with self._lock:
                    self._idle.append(reader)

    def close(self) -> None:
        """Close all, once nobody reads any more."""
        with self._lock:
            self._closed = True
        for _ in range(_MOST_READERS):
            self._room.acquire()
        for reader in self._idle:
            reader.close()
        for _ in range(_MOST_READERS):  # who comes later is told
            self._room.release()


def _unopened(path: Path, error: Exception) -> JournalError:
    reason = error.strerror if isinstance(error, OSError) else error
    return JournalError(
        f"The journal {path} can't be opened ({reason}). JOURNAL_PATH names it. "
        "This user must be able to write it and its folder; the disk needs room."
    )


def _groups(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield the entries in groups of a bounded size."""
    group, total = list[Entry](), 0
    for entry in entries:
        group.append(entry)
        total += _size(entry)
        if total >= _BATCH_BYTES:
            yield group
            group, total = [], 0
    if group:
        yield group


def _size(entry: Entry) -> int:
    """Return how many bytes an entry takes."""
    return sum(len(column) for column in _row(entry))


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(_OPENING_TIMEOUT_MS)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 4194304")
    connection.execute("PRAGMA secure_delete = ON")  # what was flushed or rotated leaves nothing readable behind
    connection.execute(_SCHEMA)
    return connection


def _build(path: Path, rows: Sequence[Row]) -> None:
    """Make a journal of rows saved from a damaged one. A damaged row among them is found when it is opened."""
    connection = _connect(path)
    with connection:
        connection.executemany(_UPSERT, rows)
    connection.close()


def _entry(row: Sequence[Any]) -> Entry:
    session_id, path, value, stamp, base = map(_text, row)
    return Entry(session_id=session_id, path=path, value=value, stamp=stamp, base=base)


def _text(column: Any) -> str:
    return str(column, "utf-8", "surrogateescape")


def _row(entry: Entry) -> tuple[bytes, ...]:
    return tuple(_bytes(column) for column in (entry.session_id, entry.path, entry.value, entry.stamp, entry.base))


def _key(entry: Entry) -> tuple[bytes, bytes, bytes]:
    return _bytes(entry.session_id), _bytes(entry.path), _bytes(entry.stamp)


def _bytes(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "surrogateescape")
