"""An orderly end: on SIGTERM a replica is not ready any more, and ends once its load balancer has noticed.

Without this the server closes its port at once, and whoever is sent to it meanwhile is refused. A page that loses its
connection asks for another one by itself, which the balancer then gives it at another replica.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType

import structlog

log = structlog.get_logger(__name__)


class Shutdown:
    """The end of this process, in two steps: `begun`, when it takes no new people, and what its server then does."""

    def __init__(self) -> None:
        self.begun = False

    @contextmanager
    def before_signal(self, seconds: float) -> Iterator[None]:
        """Within the block, delay SIGTERM by so many seconds. A second one counts at once.

        Nothing is changed where nobody handles the signal, and outside of the main thread, which can't.
        """
        end = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(end):
            yield
            return
        loop = asyncio.get_running_loop()

        def handle(number: int, frame: FrameType | None) -> None:
            if self.begun or not seconds:
                self.begun = True
                end(number, frame)
                return
            self.begun = True
            log.info("not ready any more; the end follows", seconds=seconds)
            loop.call_soon_threadsafe(loop.call_later, seconds, end, number, None)

        signal.signal(signal.SIGTERM, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, end)
            self.begun = False


@cache
def get_shutdown() -> Shutdown:
    """Return the shutdown of this process."""
    return Shutdown()
