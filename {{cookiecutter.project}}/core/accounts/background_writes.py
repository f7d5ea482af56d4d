"""Small writes that no page waits for: a browser was seen, a browser exists, something was refused."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from core.errors import StoreUnavailableError
from core.storage.database import CircuitBreaker, reachable
from core.storage.writer import DebouncedWriter

_MAXIMUM = 10_000
_SETTLING_SECONDS = 10.0
_CLOSE_SECONDS = 1.0

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
        self._writer = DebouncedWriter(self._write_all, debounce_delay=0)

    def write(self, key: str, write: Callable[[], None]) -> None:
        """Write now if the database takes it at once, otherwise later."""
        try:
            with self._breaker, reachable():
                write()
        except StoreUnavailableError as error:
            log.debug("a write has to wait", error=str(error))
            self.later(key, write)
        else:
            with self._lock:
                self._waiting.pop(key, None)

    def later(self, key: str, write: Callable[[], None]) -> None:
        """Write soon, in another thread; replaces what waits under the same key."""
        with self._lock:
            self._waiting[key] = write
            if len(self._waiting) > _MAXIMUM:
                del self._waiting[next(iter(self._waiting))]
        self._writer.mark()

    def settle(self, seconds: float = _SETTLING_SECONDS) -> bool:
        """Wait until all is written, for so long at most. Returns False if something is left."""
        return self._writer.flush_soon(seconds)

    def close(self) -> None:
        """Stop retrying, after one more attempt."""
        try:
            self._writer.close(_CLOSE_SECONDS)
        except (StoreUnavailableError, TimeoutError) as error:
            log.warning("closed with background writes that the database didn't take", error=str(error))

    def _write_all(self) -> None:
        with self._lock:
            waiting = dict(self._waiting)
        for key, write in waiting.items():
            try:
                with reachable():
                    write()
            except StoreUnavailableError:
                raise
            except Exception:
                log.exception("a background write is given up")
            with self._lock:
                if self._waiting.get(key) is write:
                    del self._waiting[key]
