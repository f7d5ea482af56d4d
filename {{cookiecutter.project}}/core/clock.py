"""Time as a port: aware UTC wall clock, and hybrid logical clock stamps that order edits.

A *stamp* is a fixed-width string that sorts in the order of the edits it marks: twelve hex digits of
milliseconds since the epoch, four of a counter, twelve of an origin. Plain string comparison is the
only operation anybody needs on it.

Source of the idea: Kulkarni et al., "Logical Physical Clocks" (2014).
"""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol

NO_STAMP = ""
"""Older than every stamp: the base of an edit made without having seen a value."""

_MS_DIGITS, _COUNTER_DIGITS, _ORIGIN_DIGITS = 12, 4, 12
_COUNTER_LIMIT = 16**_COUNTER_DIGITS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Clock(Protocol):
    """Anything that tells the current time as an aware UTC datetime."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FakeClock:
    """A clock that moves only when told to, so that no test has to sleep."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move by `seconds`; a negative number is a clock set back."""
        self._now += timedelta(seconds=seconds)


class HybridClock:
    """Issues stamps that only ever grow, even when the wall clock is set back.

    One instance per process. `observe` every stamp read from elsewhere, so that an edit made after
    seeing a value always sorts after that value.
    """

    def __init__(self, clock: Clock | None = None, origin: str | None = None) -> None:
        self._clock = clock or SystemClock()
        self.origin = origin or secrets.token_hex(_ORIGIN_DIGITS // 2)
        if len(self.origin) != _ORIGIN_DIGITS:
            raise ValueError(f"origin must have {_ORIGIN_DIGITS} hex digits, got {self.origin!r}")
        self._lock = threading.Lock()
        self._ms = 0
        self._counter = 0

    def tick(self) -> str:
        """Return a stamp greater than every stamp issued or observed so far."""
        with self._lock:
            wall = (self._clock.now() - _EPOCH) // _MILLISECOND
            if wall > self._ms:
                self._ms, self._counter = wall, 0
            else:
                self._counter += 1
                if self._counter == _COUNTER_LIMIT:
                    self._ms, self._counter = self._ms + 1, 0
            return f"{self._ms:0{_MS_DIGITS}x}{self._counter:0{_COUNTER_DIGITS}x}{self.origin}"

    def observe(self, stamp: str) -> None:
        """Take note of a stamp issued elsewhere."""
        if stamp == NO_STAMP:
            return
        ms = int(stamp[:_MS_DIGITS], 16)
        counter = int(stamp[_MS_DIGITS : _MS_DIGITS + _COUNTER_DIGITS], 16)
        with self._lock:
            self._ms, self._counter = max((self._ms, self._counter), (ms, counter))


def stamp_time(stamp: str) -> datetime:
    """Return the wall-clock part of a stamp as an aware UTC datetime (millisecond precision)."""
    return _EPOCH + int(stamp[:_MS_DIGITS], 16) * _MILLISECOND
