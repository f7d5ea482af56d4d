"""The debounced writer: turns many dirty marks into few flushes. It knows nothing of what is flushed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from core.clock import Clock, SystemClock
from core.errors import StoreUnavailableError

_PAUSES = (0.5, 1.0, 2.0, 4.0, 5.0)
"""Seconds before a flush is tried again, after so many failures in a row; then the last one."""
CLOSE_SECONDS = 6.0
"""How long a shutdown waits for its flush: it has ten seconds until the process is killed."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterStatus:
    """How the last flushes went. `failures` counts those in a row."""

    last_flush: datetime | None
    failures: int
    last_error: str | None


class DebouncedWriter:
    """Calls `flush` at most `debounce_delay` seconds after the first mark, in a thread of its own.

    The deadline counts from the first mark, so steady typing can't postpone it for ever. A flush that
    fails is tried again with growing pauses; nothing is dropped, because whoever marks keeps what it marked.
    """

    def __init__(self, flush: Callable[[], None], debounce_delay: float = 2.0, *, clock: Clock | None = None) -> None:
        self._flush = flush
        self._clock = clock or SystemClock()
        self.debounce_delay = debounce_delay
        self._changed = threading.Condition()
        self._flushing = threading.Lock()
        self._deadline: float | None = None
        self._marked = self._flushed = 0
        """How many marks there were, and how many of them the last flush that succeeded has seen."""
        self._thread: threading.Thread | None = None
        self._closed = False
        self._status = WriterStatus(last_flush=None, failures=0, last_error=None)

    @property
    def deadline(self) -> float | None:
        """When the next flush is due, in seconds of `time.monotonic()`; None when nothing is marked."""
        with self._changed:
            return self._deadline

    @property
    def status(self) -> WriterStatus:
        return self._status

    def mark(self) -> None:
        """Say that there is something to flush."""
        with self._changed:
            self._marked += 1
            if self._deadline is None:
                self._deadline = time.monotonic() + self.debounce_delay
                self._changed.notify_all()
            self._start()

    def hasten(self, patience: float) -> bool:
        """Flush as soon as possible, and wait for that up to `patience` seconds. Whether all marked so far is flushed.

        While flushes fail there is nothing to hasten: the next one comes when it is due.
        """
        with self._changed:
            wanted = self._marked
            if self._flushed < wanted and (self._status.failures or self._thread is None):
                return False
            if self._deadline is not None:
                self._deadline = time.monotonic()
                self._changed.notify_all()
            return self._changed.wait_for(lambda: self._flushed >= wanted or self._status.failures > 0, patience) and (
                self._flushed >= wanted
            )

    def flush(self) -> None:
        """Flush now. Raises what the flush raised; the marks stay, and it will be tried again."""
        with self._flushing:
            with self._changed:
                self._deadline, seen = None, self._marked
            try:
                self._flush()
            except BaseException as error:
                self._failed(error)
                raise
            with self._changed:
                self._status = WriterStatus(last_flush=self._clock.now(), failures=0, last_error=None)
                self._flushed = seen
                self._changed.notify_all()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Flush once more and stop the thread. Closing twice is harmless.

        Raises what the flush raised, or TimeoutError when it takes longer than `timeout` seconds. Either way
        whatever was marked is still where it was.
        """
        with self._changed:
            already, self._closed = self._closed, True
            self._changed.notify_all()
        if already:
            return
        last = _LastFlush(self)
        last.start()
        last.join(timeout)
        if last.is_alive():
            raise TimeoutError(f"the last flush took longer than {timeout:.0f} s")
        if last.error is not None:
            raise last.error

    def close_soon(self, timeout: float) -> None:
        """Like `close`, for marks that are no loss: what can't be flushed within `timeout` seconds is let go."""
        try:
            self.close(timeout)
        except (StoreUnavailableError, TimeoutError) as error:
            log.debug("closed without the last flush", error=str(error))

    def _start(self) -> None:
        """Have a thread that flushes. Where none can be had the next mark tries again; what was marked is not lost."""
        if self._closed or (self._thread is not None and self._thread.is_alive()):
            return
        thread = threading.Thread(target=self._run, name="debounced-writer", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            log.error("no thread for flushes", error=str(error))
        else:
            self._thread = thread

    def _failed(self, error: BaseException) -> None:
        failures = self._status.failures + 1
        pause = _PAUSES[min(failures, len(_PAUSES)) - 1]
        self._status = WriterStatus(last_flush=self._status.last_flush, failures=failures, last_error=str(error))
        log.warning("flush failed", error=str(error), failures=failures, retry_seconds=pause)
        with self._changed:
            self._deadline = time.monotonic() + pause
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (self._deadline is None or self._deadline > time.monotonic()):
                    wait = None if self._deadline is None else self._deadline - time.monotonic()
                    self._changed.wait(wait)
                if self._closed:
                    return
            try:
                self.flush()
            except BaseException:
                # Noted, logged and rescheduled by `flush`; the thread must live on, whatever that was.
                log.debug("flush will be tried again", exc_info=True)


class _LastFlush(threading.Thread):
    """The flush of a shutdown, in a thread of its own, because a database may take longer than a shutdown has time."""

    def __init__(self, writer: DebouncedWriter) -> None:
        super().__init__(name="last-flush", daemon=True)
        self._writer = writer
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._writer.flush()
        except Exception as error:
            self.error = error  # raised by whoever waits for this thread
            log.debug("the last flush failed", exc_info=True)
