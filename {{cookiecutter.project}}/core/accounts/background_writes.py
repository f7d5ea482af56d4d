"""Small writes that no page waits for: a browser was seen, a browser exists, something was refused."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from core.errors import StoreUnavailableError
from core.storage.database import CircuitBreaker, reachable

_MAXIMUM = 10_000
_RETRY_SECONDS = 1.0
_SETTLING_SECONDS = 10.0

log = structlog.get_logger(__name__)


class BackgroundWriter:
    """Retries writes in a thread of its own until the database takes them.

    What waits is in memory only, and lost with the process: for writes that the next event repeats, or without which
    nothing is wrong. One that a crash or an error drops is not tried again.
    """

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker
        self._lock = threading.Lock()
        self._waiting: dict[str, Callable[[], None]] = {}
        self._worker: threading.Thread | None = None
        self._closed = threading.Event()

    def write(self, key: str, write: Callable[[], None]) -> None:
        """Write now if the database takes it at once, otherwise later."""
        with self._breaker:
            done = self._try(write)
        if done:
            with self._lock:
                self._waiting.pop(key, None)
        else:
            self.later(key, write)

    def later(self, key: str, write: Callable[[], None]) -> None:
        """Write soon, in another thread; replaces what waits under the same key."""
        with self._lock:
            self._waiting[key] = write
            if len(self._waiting) > _MAXIMUM:
                del self._waiting[next(iter(self._waiting))]
            if self._worker is not None or self._closed.is_set():
                return
            worker = threading.Thread(target=self._work, name="background-writes", daemon=True)
            try:
                worker.start()
            except RuntimeError as error:  # the next write tries again
                log.error("no thread for background writes", error=str(error), waiting=len(self._waiting))
            else:
                self._worker = worker

    def settle(self, seconds: float = _SETTLING_SECONDS) -> bool:
        """Wait until all is written, for so long at most. Returns False if something is left."""
        if worker := self._worker:
            worker.join(seconds)
        return not self._waiting

    def close(self) -> None:
        """Stop retrying, after one more attempt."""
        self._closed.set()
        self.settle(_RETRY_SECONDS)
        with self._breaker:
            while self._waiting and self._try(self._waiting.pop(next(iter(self._waiting)))):
                pass

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._closed.is_set():
                    self._worker = None
                    return
                key, write = next(iter(self._waiting.items()))
            try:
                done = self._try(write)
            except Exception:
                log.exception("a background write is given up")
                done = True
            with self._lock:
                if done and self._waiting.get(key) is write:
                    del self._waiting[key]
            if not done:
                self._closed.wait(_RETRY_SECONDS)

    def _try(self, write: Callable[[], None]) -> bool:
        """Return False if the database doesn't take it now."""
        try:
            with reachable():
                write()
        except StoreUnavailableError as error:
            log.debug("a write has to wait", error=str(error))
            return False
        return True
