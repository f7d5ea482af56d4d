"""The journal: where an edit is durable before anybody is told so, and stays until the database has it.

One SQLite file per machine, shared by all its processes. WAL with `synchronous=FULL` syncs the log at
each commit, so an acknowledged edit survives power loss. SQLite before 3.51.3 can lose a commit when
two connections reset the WAL at once, so the file is only ever opened by the `apsw` wheels' own SQLite.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import apsw

from core.errors import JournalError
from core.storage import journal_sql as sql
from core.storage.entry import Entry, Quarantined
from core.storage.group_commit import GroupCommit
from core.storage.journal_log import EDIT_BYTES, MAX_WAL_BYTES, REMOVAL_BYTES, JournalLog, LogFullError
from core.storage.salvage import Row, SharedFile

_WAL_RESET_FIXED = (3, 51, 3)
_OPENING_TIMEOUT_MS = 10_000
_BUSY_TIMEOUT_MS = 2_000
"""How long an edit waits for another process's commit. One that takes longer was stopped in it, so the edit goes on."""
_Step = tuple[str, Sequence[tuple[str | bytes, ...]]]
"""A statement, and the rows it is done for."""
T = TypeVar("T")
_AT_ONCE = 1_000_000
"""Bytes that are removed, or written under another key, in one transaction."""
_REWRITE_BATCH = 500


class Journal:
    """Entries that are durable here and not yet known to be in the database. Values are sealed and opaque here."""

    def __init__(self, path: Path) -> None:
        if tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) < _WAL_RESET_FIXED:
            raise JournalError(f"apsw brings SQLite {apsw.sqlite_lib_version()}, which can lose commits. Upgrade apsw.")
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = SharedFile(path)
        except OSError as error:
            raise _unopened(path, error) from error
        try:
            self._file.join((sql.SAVE, sql.SAVE_BACKWARDS), sql.COLUMNS, _build)
            self._writer = _connect(path)
            self._reader = _connect(path)
            self._writer.set_busy_timeout(_BUSY_TIMEOUT_MS)
            self._log = JournalLog(self._writer, path, _BUSY_TIMEOUT_MS)
        except (apsw.Error, OSError) as error:
            self._file.close()
            raise _unopened(path, error) from error
        self._reader_lock = threading.Lock()
        self._writer_lock = threading.Lock()
        self._commits = GroupCommit(self._write, individual=(LogFullError,))
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
        for group in _groups(entries, _size):
            rows = [(entry.session_id, entry.path, entry.stamp) for entry in group]
            self._transact((sql.DISCARD, rows), sizes=map(_size, group), bound=REMOVAL_BYTES)

    def discard_session(self, session_id: str) -> None:
        """Remove all entries of a deleted session, those set aside included."""
        whose = [(session_id,)]
        self._transact((sql.DISCARD_SESSION, whose), replaces=(sql.SIZES, whose))
        self._transact((sql.FORGET_SESSION, whose), replaces=(sql.SIZES_ASIDE, whose))

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Set an entry aside that is damaged or that the database refuses: kept and listed, but out of the way."""
        at = datetime.now(UTC).isoformat()
        told = reason.encode(errors="backslashreplace")  # it may quote what was damaged
        aside: tuple[str | bytes, ...] = (*_row(entry), told.decode(), at)
        steps = (sql.SET_ASIDE, [aside]), (sql.DISCARD_DAMAGED, [_key(entry)])
        self._transact(*steps, sizes=[_size(entry) + len(told), _size(entry)])

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
        size = _size(quarantined.entry) + len(quarantined.reason)
        self._transact((sql.FORGET, [_key(quarantined.entry)]), sizes=[size])

    def rewrite(self, reseal: Callable[[Entry], Entry]) -> int:
        """Replace the value of each entry by what `reseal` makes of it, batch by batch, while others write.

        Stamps stay, so to readers nothing has happened; an entry that was edited meanwhile keeps its edit.
        Returns how many were replaced. Interrupting it is harmless.
        """
        replaced, after = 0, ("", "")
        while batch := self._read(sql.FOLLOWING, (*after, _REWRITE_BATCH)):
            pairs = [(old, new) for old in batch if (new := reseal(old)) is not old]
            for group in _groups(pairs, _size_of_both):
                rows = [(_bytes(new.value), *_key(old), _bytes(old.value)) for old, new in group]
                sizes = [_size(entry) for pair in group for entry in pair]
                self._transact((sql.REWRITE, rows), sizes=sizes, bound=REMOVAL_BYTES)
                replaced += len(rows)
            after = (batch[-1].session_id, batch[-1].path)
        return replaced

    def compact(self) -> None:
        """Leave nothing in the file and its log of values that were overwritten or removed.

        Raises JournalError while so much waits for the database that the log could not hold it.
        """
        with self._writing():
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            if not self._log.has_room_for_everything(REMOVAL_BYTES):
                raise LogFullError(f"{self.path.name} holds too much to be written anew. Flush it, and try again.")
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
        return None if stamp is None else _text(stamp)

    def oldest_stamps(self, session_ids: Collection[str]) -> dict[str, str]:
        """By session: the stamp of its entry that has waited longest. A session of which nothing waits is not in it."""
        with self._reading():
            rows = self._reader.execute(sql.OLDEST_OF, (json.dumps(list(session_ids)),)).fetchall()
        return {_text(session_id): _text(stamp) for session_id, stamp in rows}

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        with self._writer_lock, self._reader_lock:
            if not self._closed:
                self._closed = True
                self._reader.close()
                self._writer.close()
                self._file.close()

    def _write(self, entries: Sequence[Entry]) -> None:
        rows = [_row(entry) for entry in entries]
        sizes = [sum(map(len, row)) for row in rows]
        self._transact(
            (sql.UPSERT, rows), sizes=sizes, replaces=(sql.SIZE, [row[:2] for row in rows]), bound=EDIT_BYTES
        )

    def _transact(
        self, *steps: _Step, sizes: Iterable[int] = (), replaces: _Step | None = None, bound: int = MAX_WAL_BYTES
    ) -> None:
        """Do all steps in one transaction that takes the log no further than `bound` bytes; raises LogFullError.

        `sizes` are those of what is written or removed; `replaces` asks for the sizes of what is there now.
        """
        sizes = list(sizes)
        with self._writing():
            for last in (False, True):
                with self._transaction():
                    found: Iterable[Any] = self._writer.executemany(*replaces) if replaces else ()
                    if self._log.has_room([*sizes, *(size for (size,) in found)], bound):
                        for step in steps:
                            self._writer.executemany(*step)
                        return
                if last:
                    raise LogFullError(f"{self.path.name} can't take so much at once.")
                self._log.empty()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
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


def _unopened(path: Path, error: Exception) -> JournalError:
    reason = error.strerror if isinstance(error, OSError) else error
    return JournalError(
        f"The journal {path} can't be opened ({reason}). JOURNAL_PATH names it. "
        "This user must be able to write it and its folder; the disk needs room."
    )


def _groups(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in groups of a bounded size."""
    group, total = list[T](), 0
    for item in items:
        group.append(item)
        total += size(item)
        if total >= _AT_ONCE:
            yield group
            group, total = [], 0
    if group:
        yield group


def _size(entry: Entry) -> int:
    """How many bytes an entry takes."""
    return sum(len(column) for column in _row(entry))


def _size_of_both(pair: tuple[Entry, Entry]) -> int:
    return _size(pair[0]) + _size(pair[1])


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(_OPENING_TIMEOUT_MS)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 4194304")
    connection.execute("PRAGMA secure_delete = ON")  # what was flushed or rotated leaves nothing readable behind
    connection.execute(sql.SCHEMA)
    return connection


def _build(path: Path, rows: Sequence[Row]) -> None:
    """Make a journal of rows saved from a damaged one. A damaged row among them is found when it is opened."""
    connection = _connect(path)
    with connection:
        connection.executemany(sql.UPSERT, rows)
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
