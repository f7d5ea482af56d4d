"""Group commit: threads that write at the same moment share one transaction, hence one fsync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from core.storage.entry import Entry


class _Waiting:
    """The entries of one caller, and the outcome of their write."""

    __slots__ = ("done", "entries", "error")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.done = False
        self.error: BaseException | None = None


class GroupCommit:
    """Wraps `write`, which makes a batch durable or raises.

    Whoever gets the lock first writes for all who wait behind it; they find their work done. After an error
    of the kinds `individual`, which one caller's entries may have caused, each caller's are tried by themselves,
    so that nobody is refused for what another one wrote.
    """

    def __init__(
        self, write: Callable[[Sequence[Entry]], None], *, individual: tuple[type[Exception], ...] = ()
    ) -> None:
        self._write = write
        self._individual = individual
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()

    @property
    def queued(self) -> int:
        """The number of callers that wait for the next write."""
        return len(self._queue)

    def append(self, entries: Sequence[Entry]) -> None:
        """Return once `entries` are durable; raise what `write` raised if they are not."""
        mine = _Waiting(entries)
        with self._queue_lock:
            self._queue.append(mine)
        with self._write_lock:
            if not mine.done:
                with self._queue_lock:
                    group, self._queue = self._queue, []
                self._write_group(group)
        if mine.error is not None:
            raise mine.error

    def _write_group(self, group: Sequence[_Waiting]) -> None:
        try:
            self._write([entry for waiting in group for entry in waiting.entries])
        except BaseException as error:
            if isinstance(error, self._individual) and len(group) > 1:
                for waiting in group:
                    self._write_group([waiting])
                return
            for waiting in group:
                waiting.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            for waiting in group:
                waiting.done = True
