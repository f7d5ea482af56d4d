"""Small writes that can wait: that a browser was seen, that it exists. No page waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from core.errors import StoreUnavailableError
from core.storage.database import reachable
from core.storage.hurry import Hurry

_MAXIMUM = 10_000
_RETRY_SECONDS = 1.0
_SETTLING_SECONDS = 10.0

log = structlog.get_logger(__name__)


class PutOff:
    """Tries a write at once, in a hurry, and if the database doesn't take it again and again in a thread of its own.

    What waits here is in memory only, and lost with a process that dies. So it is for writes that the next event
    repeats, or without which nothing is wrong. No write is done by two threads.
    """

    def __init__(self, hurry: Hurry) -> None:
        self._hurry = hurry
        self._changed = threading.Condition()
        self._waiting: dict[str, Callable[[], None]] = {}
        self._in_hand = 0
        """How many writes some thread is at."""
        self._working = False
        self._closed = threading.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def write(self, key: str, write: Callable[[], None]) -> None:
        """Do it now if the database takes it, otherwise later. A later write of the same key takes its place."""
        self._wait(key, write)
        with self._hurry:
            done = self._try(key)
        if not done:
            self._work_off(_RETRY_SECONDS)

    def later(self, key: str, write: Callable[[], None]) -> None:
        """Do it soon, in another thread: the caller, who may be the server's one event loop, doesn't wait at all."""
        self._wait(key, write)
        self._work_off(0)

    def settle(self, seconds: float = _SETTLING_SECONDS) -> bool:
        """Do now what waits, and wait so long for what another thread is at. Returns whether nothing is left."""
        for key in list(self._waiting):
            if not self._try(key):
                break
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._in_hand, seconds)

    def close(self) -> None:
        """Stop trying, after once more."""
        self._closed.set()
        with self._hurry:
            for key in list(self._waiting):
                if not self._try(key):
                    break

    def _wait(self, key: str, write: Callable[[], None]) -> None:
        with self._changed:
            self._waiting[key] = write
            if len(self._waiting) > _MAXIMUM:
                del self._waiting[next(iter(self._waiting))]

    def _work_off(self, after: float) -> None:
        with self._changed:
            if self._working or self._closed.is_set():
                return
            try:
                threading.Thread(target=self._work, args=(after,), name="put-off-writes", daemon=True).start()
            except RuntimeError as error:  # the next write tries again
                log.error("no thread for writes that were put off", error=str(error), waiting=len(self._waiting))
            else:
                self._working = True

    def _work(self, after: float) -> None:
        while not self._closed.wait(after):
            with self._changed:
                keys = list(self._waiting)
                self._working = bool(keys)
            if not keys:
                return
            try:
                done = all(not self._closed.is_set() and self._try(key) for key in keys)
            except Exception:
                log.exception("a write that was put off is given up")
                done = True
            after = 0 if done else _RETRY_SECONDS

    def _try(self, key: str) -> bool:
        """Do the write of a key, unless another thread has taken it. False when it waits again."""
        with self._changed:
            write = self._waiting.pop(key, None)
            if write is None:
                return True
            self._in_hand += 1
        try:
            with reachable():
                write()
        except StoreUnavailableError as error:
            log.debug("a write is put off", error=str(error), waiting=len(self._waiting))
            with self._changed:
                self._waiting.setdefault(key, write)
            return False
        finally:
            with self._changed:
                self._in_hand -= 1
                self._changed.notify_all()
        return True
