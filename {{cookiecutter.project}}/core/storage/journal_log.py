"""The journal's write-ahead log: how long it is, how long a transaction may make it, and how it is emptied.

SQLite can't empty the log while a reader holds an old view of the file. So nothing is written that could take it past
its bound: what a transaction adds to it at most is reckoned before it writes, while it holds the lock.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

import apsw

from core.errors import JournalError

MAX_WAL_BYTES = 64 * 1024 * 1024
"""The log never grows beyond this, even while a stopped process pins it by a read."""
EDIT_BYTES = MAX_WAL_BYTES - 16 * 1024 * 1024
"""So long edits may make it; the rest is room for removing what is stored, which overwrites it and so takes as much."""
REMOVAL_BYTES = MAX_WAL_BYTES - 8 * 1024 * 1024
"""So long removals and new keys may make it; the rest is room for deleting a person, and for setting aside."""

_FRAME_HEADER, _LOG_HEADER = 24, 32
_OVERFLOW_HEADER = 4
_IN_A_LEAF = 400
"""Bytes of a value that don't leave the page its row is in."""
_AROUND_A_ROW = 6
"""Pages of the tree that are changed for one row: its own, its neighbours, and those above."""
_MARGIN = 16
"""Pages: the first one, the list of free ones, the root that becomes two."""
_RETRY_SECONDS = 1.0
_RETRY_MS = 50


class LogFullError(JournalError):
    """There is no room for this in the log now. For less there may be."""


class JournalLog:
    """The log of the file that `connection` writes. Everything but `bytes` needs the writer's lock."""

    def __init__(self, connection: apsw.Connection, path: Path, busy_timeout_ms: int) -> None:
        self._connection, self._busy_timeout_ms = connection, busy_timeout_ms
        self._path = path.with_name(path.name + "-wal")
        self._page = int(connection.execute("PRAGMA page_size").get)
        self._retry_at = 0.0

    @property
    def bytes(self) -> int:
        """How long it is."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def has_room(self, sizes: Collection[int], bound: int) -> bool:
        """Whether it stays within `bound` bytes when rows of these sizes are written, replaced or removed.

        What replaces something counts twice: removing is overwriting.
        """
        full = self._page - _OVERFLOW_HEADER
        overflow = sum(size // full + 1 for size in sizes if size > _IN_A_LEAF)
        leaves = sum(min(size, self._page) for size in sizes) // (self._page // 2)
        tree = min(_AROUND_A_ROW * len(sizes), self._pages())
        return self._would_fit(overflow + overflow // 500 + leaves + tree, bound)

    def has_room_for_everything(self, bound: int) -> bool:
        """Whether it stays within `bound` bytes when the whole file is written anew."""
        return self._would_fit(self._pages() - int(self._connection.execute("PRAGMA freelist_count").get), bound)

    def empty(self) -> None:
        """Empty it, outside of a transaction. Raises LogFullError while a reader keeps it from that."""
        if time.monotonic() >= self._retry_at:
            self._connection.set_busy_timeout(_RETRY_MS)
            try:
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                return
            except apsw.BusyError:
                self._retry_at = time.monotonic() + _RETRY_SECONDS
            finally:
                self._connection.set_busy_timeout(self._busy_timeout_ms)
        raise LogFullError(
            f"{self._path.name} is full, and a process that reads the journal keeps it from being emptied."
        )

    def _would_fit(self, pages: int, bound: int) -> bool:
        return self.bytes + _LOG_HEADER + (pages + _MARGIN) * (self._page + _FRAME_HEADER) <= bound

    def _pages(self) -> int:
        return int(self._connection.execute("PRAGMA page_count").get)
