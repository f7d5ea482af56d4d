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

log = structlog.get_logger(__name__)


class PutOff:
    """Tries a write at once, in a hurry, and if the database doesn't take it again and again in a thread of its own.

    What waits here is in memory only, and lost with the process. So it is for writes that the next event repeats.
    """

    def __init__(self, hurry: Hurry) -> None:
        self._hurry = hurry
        self._lock = threading.Lock()
        self._waiting: dict[str, Callable[[], None]] = {}
        self._retrying = False
        self._closed = threading.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def write(self, key: str, write: Callable[[], None]) -> None:
        """Do it now if the database takes it, otherwise later. A later write of the same key takes its place."""
        with self._lock:
            self._waiting[key] = write
            if len(self._waiting) > _MAXIMUM:
                del self._waiting[next(iter(self._waiting))]
        with self._hurry:
            done = self._try(key, write)
        if not done:
            self._retry_later()

    def close(self) -> None:
        """Stop trying."""
        self._closed.set()

    def _retry_later(self) -> None:
        with self._lock:
            if self._retrying or self._closed.is_set():
                return
            self._retrying = True
        threading.Thread(target=self._retry, name="put-off-writes", daemon=True).start()

    def _retry(self) -> None:
        while not self._closed.wait(_RETRY_SECONDS):
            with self._lock:
                waiting = list(self._waiting.items())
                self._retrying = bool(waiting)
            if not waiting:
                return
            for key, write in waiting:
                if self._closed.is_set() or not self._try(key, write):
                    break

    def _try(self, key: str, write: Callable[[], None]) -> bool:
        try:
            with reachable():
                write()
        except StoreUnavailableError as error:
            log.debug("a write is put off", error=str(error), waiting=len(self._waiting))
            return False
        with self._lock:
            if self._waiting.get(key) is write:
                del self._waiting[key]
        return True
