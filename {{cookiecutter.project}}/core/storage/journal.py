"""The journal: where an edit is durable before anybody is told so, and stays until the database has it.

One SQLite file per machine, shared by all its processes. WAL with `synchronous=FULL` syncs the log at
each commit, so an acknowledged edit survives power loss. SQLite before 3.51.3 can lose a commit when
two connections reset the WAL at once, so the file is only ever opened by the `apsw` wheels' own SQLite.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

from core.errors import JournalError
from core.storage import journal_sql as sql
from core.storage.entry import Entry, Quarantined
from core.storage.group_commit import GroupCommit
from core.storage.journal_upgrade import upgrade
from core.storage.salvage import Row, SharedFile

MAX_WAL_BYTES = 64 * 1024 * 1024
"""The write-ahead log never grows beyond this, even while a stopped process pins it by a read."""

_WAL_RESET_FIXED = (3, 51, 3)
_OPENING_TIMEOUT_MS = 10_000
_BUSY_TIMEOUT_MS = 2_000
"""How long an edit waits for another process's commit. One that takes longer was stopped in it, so the edit goes on."""
_WAL_FULL_BYTES = MAX_WAL_BYTES - 16 * 1024 * 1024
"""From here on no edit is begun; the rest is room for what threads commit together, and for removing what is stored."""
_WAL_LAST_BYTES = MAX_WAL_BYTES - 8 * 1024 * 1024
"""From here on nothing is removed either: that overwrites it, so it takes as much room again."""
_DISCARD_CHARACTERS = 1_000_000
"""So much is removed at a time."""
_WAL_RETRY_SECONDS = 1.0
_WAL_RETRY_MS = 50
_REWRITE_BATCH = 500


class Journal:
    """Entries that are durable here and not yet known to be in the database. Values are sealed and opaque here."""

    def __init__(self, path: Path) -> None:
        if tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) < _WAL_RESET_FIXED:
            raise JournalError(f"apsw brings SQLite {apsw.sqlite_lib_version()}, which can lose commits. Upgrade apsw.")
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = SharedFile(path)
        try:
            self._file.join((sql.SAVE, sql.SAVE_BACKWARDS), sql.COLUMNS, _build)
            self._writer = _connect(path)
            self._reader = _connect(path)
            self._writer.set_busy_timeout(_BUSY_TIMEOUT_MS)
        except apsw.Error as error:
            self._file.close()
            raise JournalError(
                f"{path.name} can't be opened ({error}). Check the disk and the file's owner."
            ) from error
        self._wal = path.with_name(path.name + "-wal")
        self._wal_retry_at = 0.0
        self._reader_lock = threading.Lock()
        self._writer_lock = threading.Lock()
        self._commits = GroupCommit(self._write)
        self._closed = False

    def append(self, entries: Sequence[Entry]) -> None:
        """Return once `entries` would survive power loss. Raises JournalError when they would not."""
        self._commits.append(entries)

    def pending(self, session_id: str) -> list[Entry]:
        """The entries of one session that the database may not have yet."""
        return self._read(sql.PENDING, (session_id,))

    def batch(self, limit: int) -> list[Entry]:
        """Up to `limit` entries of any session, in a stable order."""
        return self._read(sql.BATCH, (limit,))

    def discard(self, entries: Sequence[Entry]) -> None:
        """Remove entries that reached the database; one that was edited again meanwhile stays."""
        for group in _groups(entries):
            rows = [(entry.session_id, entry.path, entry.stamp) for entry in group]
            self._execute(sql.DISCARD, rows, bound=_WAL_LAST_BYTES)

    def discard_session(self, session_id: str) -> None:
        """Remove all entries of a deleted session, those set aside included."""
        self._execute(sql.DISCARD_SESSION, [(session_id,)])
        self._execute(sql.FORGET_SESSION, [(session_id,)])

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Set an entry aside that is damaged or that the database refuses: kept and listed, but out of the way."""
        at = datetime.now(UTC).isoformat()
        told = reason.encode(errors="backslashreplace")  # it may quote what was damaged
        self._execute(sql.SET_ASIDE, [(*_row(entry), told.decode(), at)])
        self._execute(sql.DISCARD_DAMAGED, [_key(entry)])

    def quarantined(self) -> list[Quarantined]:
        """The entries set aside, the oldest first."""
        with self._reading():
            rows = self._reader.execute(sql.QUARANTINED).fetchall()
        return [
            Quarantined(entry=_entry(row[:5]), reason=str(row[5]), at=datetime.fromisoformat(str(row[6])))
            for row in rows
        ]

    def forget(self, quarantined: Quarantined) -> None:
        """Delete for good what was set aside."""
        self._execute(sql.FORGET, [_key(quarantined.entry)])

    def rewrite(self, reseal: Callable[[Entry], Entry]) -> int:
        """Replace the value of each entry by what `reseal` makes of it, batch by batch, while others write.

        Stamps stay, so to readers nothing has happened; an entry that was edited meanwhile keeps its edit.
        Returns how many were replaced. Interrupting it is harmless.
        """
        replaced, after = 0, ("", "")
        while batch := self._read(sql.FOLLOWING, (*after, _REWRITE_BATCH)):
            pairs = [(old, new) for old in batch if (new := reseal(old)) is not old]
            rows = [(_bytes(new.value), *_key(old), _bytes(old.value)) for old, new in pairs]
            self._execute(sql.REWRITE, rows)
            replaced += len(rows)
            after = (batch[-1].session_id, batch[-1].path)
        return replaced

    def compact(self) -> None:
        """Leave nothing in the file and its log of values that were overwritten or removed."""
        with self._writing():
            self._writer.execute("VACUUM")
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def count(self) -> int:
        """How many entries wait for the database."""
        with self._reading():
            return int(self._reader.execute(sql.COUNT).get)

    def oldest_stamp(self) -> str | None:
        """The stamp of the entry that has waited longest, None when nothing waits."""
        with self._reading():
            stamp = self._reader.execute(sql.OLDEST).get
        return None if stamp is None else stamp.decode("utf-8", "surrogateescape")

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        with self._writer_lock, self._reader_lock:
            if not self._closed:
                self._closed = True
                self._reader.close()
                self._writer.close()
                self._file.close()

    def _write(self, entries: Sequence[Entry]) -> None:
        self._execute(sql.UPSERT, [_row(entry) for entry in entries], bound=_WAL_FULL_BYTES)

    def _execute(self, statement: str, rows: Sequence[tuple[str | bytes, ...]], *, bound: int | None = None) -> None:
        with self._writing():
            if bound is not None:
                self._keep_the_log_within(bound)
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.executemany(statement, rows)
                self._writer.execute("COMMIT")
            except BaseException:
                if not self._writer.get_autocommit():
                    self._writer.execute("ROLLBACK")
                raise

    def _read(self, statement: str, parameters: tuple[str | int, ...]) -> list[Entry]:
        with self._reading():
            return [_entry(row) for row in self._reader.execute(statement, parameters)]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._writer_lock:
            try:
                yield
            except apsw.Error as error:
                remedy = "Check the disk's free space."
                raise JournalError(f"{self.path.name} can't be written ({error}). {remedy}") from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._reader_lock:
            try:
                yield
            except apsw.Error as error:
                remedy = "If it is damaged, a restart sets it aside and saves what is readable."
                raise JournalError(f"{self.path.name} can't be read ({error}). {remedy}") from error

    def _keep_the_log_within(self, bound: int) -> None:
        """Refuse to write while the log is full and a reader keeps it from being emptied."""
        if self._wal_bytes() < bound:
            return
        if time.monotonic() >= self._wal_retry_at:
            self._writer.set_busy_timeout(_WAL_RETRY_MS)
            try:
                self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                return
            except apsw.BusyError:
                self._wal_retry_at = time.monotonic() + _WAL_RETRY_SECONDS
            finally:
                self._writer.set_busy_timeout(_BUSY_TIMEOUT_MS)
        raise JournalError(
            f"{self._wal.name} is full, and a process that reads the journal keeps it from being emptied."
        )

    def _wal_bytes(self) -> int:
        try:
            return self._wal.stat().st_size
        except FileNotFoundError:
            return 0


def _groups(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The entries in groups of a bounded size."""
    group, size = list[Entry](), 0
    for entry in entries:
        group.append(entry)
        size += len(entry.value or "")
        if size >= _DISCARD_CHARACTERS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(_OPENING_TIMEOUT_MS)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 4194304")
    connection.execute("PRAGMA secure_delete = ON")  # what was flushed or rotated leaves nothing readable behind
    upgrade(connection)
    connection.execute(sql.SCHEMA)
    return connection


def _build(path: Path, rows: Sequence[Row]) -> None:
    """Make a journal of rows saved from a damaged one. A damaged row among them is found when it is opened."""
    connection = _connect(path)
    with connection:
        connection.executemany(sql.UPSERT, rows)
    connection.close()


def _entry(row: Sequence[Any]) -> Entry:
    session_id, path, value, stamp, base = (column.decode("utf-8", "surrogateescape") for column in row)
    return Entry(session_id=session_id, path=path, value=value, stamp=stamp, base=base)


def _row(entry: Entry) -> tuple[bytes, ...]:
    return tuple(_bytes(column) for column in (entry.session_id, entry.path, entry.value, entry.stamp, entry.base))


def _key(entry: Entry) -> tuple[bytes, bytes, bytes]:
    return _bytes(entry.session_id), _bytes(entry.path), _bytes(entry.stamp)


def _bytes(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "surrogateescape")
