"""Time as a port: aware UTC wall clock, steady time for what ends, and hybrid logical clock stamps that order edits.

A *stamp* is a fixed-width string that sorts in the order of the edits it marks: twelve hex digits of
milliseconds since the epoch, four of a counter, twelve of an origin. Plain string comparison is the
only operation anybody needs on it.

Source of the idea: Kulkarni et al., "Logical Physical Clocks" (2014).
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from core.errors import CorruptValueError

NO_STAMP = ""
"""Older than every stamp: the base of an edit made without having seen a value."""

_MS_DIGITS, _COUNTER_DIGITS, _ORIGIN_DIGITS = 12, 4, 12
_COUNTER_LIMIT = 16**_COUNTER_DIGITS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FARTHEST_MS = timedelta(days=1) // _MILLISECOND
"""The most that a stamp may be ahead to be taken over: more than any zone mistaken for another."""
_DIGITS = _MS_DIGITS + _COUNTER_DIGITS + _ORIGIN_DIGITS
_STAMP = re.compile(f"[0-9a-f]{{{_DIGITS}}}")
_LAST_MS = f"{(datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND:0{_MS_DIGITS}x}"
"""The last moment that can be written as a date; no clock shows a later one."""


class Clock(Protocol):
    """Anything that tells the current time as an aware UTC datetime, and how much time passes."""

    def now(self) -> datetime:
        """The wall clock, which somebody may set."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment in the past. Nobody can set it, and it never goes back."""
        ...


# A suspended machine's sleep is time that passed; only this clock counts it, where there is one.
_ELAPSING: int = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", -1))


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() if _ELAPSING < 0 else time.clock_gettime(_ELAPSING)


class FakeClock:
    """A clock that moves only when told to, so that no test has to sleep."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError("time doesn't run backwards; a clock that is set back is a jump()")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back with a negative number, while no time passes."""
        self._now += timedelta(seconds=seconds)


class SteadyClock:
    """Two readings between which the true time lies, so that nothing ends early when the wall clock is set.

    What begins or goes on is noted with `latest`, and what is over is decided with `now`. Both are the wall clock
    while nobody touches it. After it was set forward by an hour `now` stays at the time that really passed, and after
    it was set back `latest` does; a lifetime noted with one and judged with the other may last longer, never shorter.
    That holds from the moment the clock was made, at the start of the process: whoever starts with a wrong wall clock
    can't know it.
    """

    def __init__(self, clock: Clock) -> None:
        self.wall = clock
        self._start = clock.now()
        self._started = clock.monotonic()

    def now(self) -> datetime:
        """Never ahead of the time that really passed: for deciding that something is over."""
        return min(self.wall.now(), self.elapsed())

    def latest(self) -> datetime:
        """Never behind the time that really passed: for noting when something began, or was last seen."""
        return max(self.wall.now(), self.elapsed())

    def elapsed(self) -> datetime:
        """The wall clock of this object's start plus the time that passed: for counting what happens within a time.

        What is noted with it and counted with it is neither lost nor kept longer when the wall clock is set.
        """
        return self._start + timedelta(seconds=self.wall.monotonic() - self._started)


class HybridClock:
    """Issues stamps that only ever grow, even when the wall clock is set back.

    One instance per process. `observe` every stamp read from elsewhere, so that an edit made after
    seeing a value always sorts after that value.

    A stamp more than a day ahead comes from a machine whose clock was wrong. Taking it over would put every later
    stamp of every process that meets it into that future, for ever. So it is left alone, and only the paths that
    carry one are given stamps beyond it: `tick(after)` with the stamp an edit replaces.
    """

    def __init__(self, clock: Clock | None = None, origin: str | None = None) -> None:
        self._clock = clock or SystemClock()
        self.origin = origin or secrets.token_hex(_ORIGIN_DIGITS // 2)
        if len(self.origin) != _ORIGIN_DIGITS:
            raise ValueError(f"origin must have {_ORIGIN_DIGITS} hex digits, got {self.origin!r}")
        self._lock = threading.Lock()
        self._last = (0, 0)
        self._far = (0, 0)
        """The last stamp issued beyond one that was too far ahead, so that no two of them are alike."""

    def tick(self, after: str = NO_STAMP) -> str:
        """Return a stamp greater than `after`, and than all issued or observed so far but those too far ahead."""
        seen = _parse(after)
        with self._lock:
            wall = self._wall()
            self._take_over(seen, wall)
            self._take_over(self._far, wall)
            self._last = (wall, 0) if wall > self._last[0] else _next(self._last)
            issued = self._last
            if issued <= seen:
                issued = self._far = _next(max(self._far, seen))
            return f"{issued[0]:0{_MS_DIGITS}x}{issued[1]:0{_COUNTER_DIGITS}x}{self.origin}"

    def observe(self, stamp: str) -> None:
        """Take note of a stamp issued elsewhere. Raises CorruptValueError for a text that is none."""
        seen = _parse(stamp)
        with self._lock:
            self._take_over(seen, self._wall())

    def _take_over(self, seen: tuple[int, int], wall: int) -> None:
        if seen[0] <= wall + _FARTHEST_MS:
            self._last = max(self._last, seen)

    def _wall(self) -> int:
        return max((self._clock.now() - _EPOCH) // _MILLISECOND, 0)


def stamp_time(stamp: str) -> datetime:
    """Return the wall-clock part of a stamp as an aware UTC datetime (millisecond precision).

    Raises CorruptValueError for a text that is no stamp.
    """
    return _EPOCH + _parse(stamp)[0] * _MILLISECOND


def first_stamp(moment: datetime) -> str:
    """Return the least stamp of a moment: all edits made before have lesser ones."""
    return f"{max((moment - _EPOCH) // _MILLISECOND, 0):0{_MS_DIGITS}x}".ljust(_DIGITS, "0")


def _parse(stamp: str) -> tuple[int, int]:
    """Return a stamp's milliseconds and counter."""
    if stamp == NO_STAMP:
        return (0, 0)
    if not _STAMP.fullmatch(stamp) or stamp[:_MS_DIGITS] > _LAST_MS:
        raise CorruptValueError(f"{stamp[:40]!r} is no stamp, which has {_DIGITS} hex digits")
    return int(stamp[:_MS_DIGITS], 16), int(stamp[_MS_DIGITS : _MS_DIGITS + _COUNTER_DIGITS], 16)


def _next(last: tuple[int, int]) -> tuple[int, int]:
    ms, counter = last
    return (ms, counter + 1) if counter + 1 < _COUNTER_LIMIT else (ms + 1, 0)
