"""Group commit: threads that write at the same moment share one transaction, hence one fsync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from core.storage.entry import Entry


class _Waiting:
    """One caller's entries, and what became of them."""

    __slots__ = ("done", "entries", "error")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.done = False
        self.error: BaseException | None = None


class GroupCommit:
    """Wraps `write`, which makes a batch durable or raises.

    Whoever gets the lock first writes for all who wait behind it; they find their work done.
    """

    def __init__(self, write: Callable[[Sequence[Entry]], None]) -> None:
        self._write = write
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()

    def append(self, entries: Sequence[Entry]) -> None:
        """Return once `entries` are durable; raise what `write` raised if they are not."""
        mine = _Waiting(entries)
        with self._queue_lock:
            self._queue.append(mine)
        with self._write_lock:
            if not mine.done:
                self._write_all()
        if mine.error is not None:
            raise mine.error

    def _write_all(self) -> None:
        with self._queue_lock:
            group, self._queue = self._queue, []
        try:
            self._write([entry for waiting in group for entry in waiting.entries])
        except BaseException as error:
            for waiting in group:
                waiting.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            for waiting in group:
                waiting.done = True
