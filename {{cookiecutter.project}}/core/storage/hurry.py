"""Asking the database on behalf of somebody who waits for a page.

Another process may hold SQLite's write lock for long, or PostgreSQL may not answer. The flush waits for that; a page
must not, since it can be shown without the database. So within `with hurry:` the database gets little time, and once
it didn't answer, nobody who is in a hurry asks it again for a moment.
"""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar, Token
from types import TracebackType

from core.errors import StoreUnavailableError

HURRIED_SECONDS = 0.4
"""Longer than any transaction of ours takes, shorter than a person notices twice."""
_PAUSE_SECONDS = 1.0

_current: ContextVar[Hurry | None] = ContextVar("hurry", default=None)


class Hurry:
    """One per database. `with hurry:` is for one thread and may be nested."""

    def __init__(self) -> None:
        self._asked_again_at = 0.0
        self._entered = threading.local()

    def __enter__(self) -> None:
        tokens: list[Token[Hurry | None]] = self._entered.__dict__.setdefault("tokens", [])
        tokens.append(_current.set(self))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._entered.tokens.pop())

    def check(self) -> None:
        """Raise StoreUnavailableError while the database is given its pause."""
        if time.monotonic() < self._asked_again_at:
            raise StoreUnavailableError("The database didn't answer in time just now.")

    def failed(self) -> None:
        """Note that the database didn't answer."""
        self._asked_again_at = time.monotonic() + _PAUSE_SECONDS


def current_hurry() -> Hurry | None:
    """The hurry this thread is in, if it is in one."""
    return _current.get()
