"""How often people got their work back, how long that took and how much it was.

Counted in memory where a session is opened, and written once in a while as this process's own row of the day: absolute
numbers, so writing them twice changes nothing. What was counted in the last half minute is lost with the process.
"""

from __future__ import annotations

import json
import secrets
import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from typing import Any, cast

from sqlalchemy import Engine, Table, select

from core.clock import Clock, stamp_time
from core.errors import CorruptValueError
from core.storage.database import reachable, upserting_insert
from core.storage.models import RecoveryModel
from core.storage.writer import DebouncedWriter

BOUNDS_MS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 2_000, 5_000)
"""A time counts for the first of these it doesn't exceed; what took longer is counted last."""

_SECONDS = 30.0
_CLOSE_SECONDS = 1.0
_recoveries = cast(Table, RecoveryModel.__table__)


@dataclass(slots=True, kw_only=True)
class Recovered:
    """What came back on one day, or on several together.

    `after_start` are those recoveries in which nothing had been entered since the server's start: people who had been
    working when it was stopped, or had gone before. `times` has one number for each of `BOUNDS_MS` and one for beyond.
    """

    recovered: int = 0
    after_start: int = 0
    fields: int = 0
    times: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))

    def add(self, other: Recovered) -> None:
        """Take another's numbers in."""
        self.recovered += other.recovered
        self.after_start += other.after_start
        self.fields += other.fields
        self.times = [one + two for one, two in zip(self.times, other.times, strict=True)]

    def at_most_ms(self, share: float) -> float | None:
        """Milliseconds that this share (0 to 1) of them took at most, as exact as `BOUNDS_MS`.

        `inf` where it took longer than all bounds, None where nothing was recovered.
        """
        if not self.recovered:
            return None
        wanted = share * self.recovered
        reached = next(place for place, total in enumerate(accumulate(self.times)) if total >= wanted)
        return BOUNDS_MS[reached] if reached < len(BOUNDS_MS) else float("inf")


class Recoveries:
    """Counts recoveries. Counting costs a run nothing it would notice; nothing is written then."""

    def __init__(self, database: Engine, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._started = clock.now()
        self._lock = threading.Lock()
        self._days: dict[date, Recovered] = {}
        self._writer = DebouncedWriter(self._write, _SECONDS, clock=clock)
        key = ["day", "process"]
        statement: Any = upserting_insert(database)(_recoveries)
        changed = {name: statement.excluded[name] for name in _recoveries.columns.keys() if name not in key}  # noqa: SIM118
        self._upsert = statement.on_conflict_do_update(index_elements=key, set_=changed)

    def note(self, *, seconds: float, fields: int, last_stamp: str) -> None:
        """Count that a session came back: how long opening it took, how many fields it has, its newest stamp."""
        one = Recovered(recovered=1, after_start=int(self._is_older(last_stamp)), fields=fields)
        one.times[bisect_left(BOUNDS_MS, seconds * 1000)] = 1
        with self._lock:
            self._days.setdefault(self._clock.now().date(), Recovered()).add(one)
        self._writer.mark()

    def by_day(self, since: date) -> dict[date, Recovered]:
        """What came back on each day from `since` on, in all processes, as far as they have written it.

        Raises StoreUnavailableError.
        """
        wanted = select(_recoveries).where(_recoveries.c.day >= since).order_by(_recoveries.c.day)
        days: dict[date, Recovered] = {}
        with reachable(), self._database.connect() as connection:
            for row in connection.execute(wanted):
                times = _times(row.times)
                if times is not None:
                    read = Recovered(
                        recovered=row.recovered, after_start=row.after_start, fields=row.fields, times=times
                    )
                    days.setdefault(row.day, Recovered()).add(read)
        return days

    def write(self) -> None:
        """Write now what was counted. Raises StoreUnavailableError; then it is tried again later."""
        self._writer.flush()

    def close(self) -> None:
        """Write what was counted, if that takes no time, and stop."""
        self._writer.close_soon(_CLOSE_SECONDS)

    def _is_older(self, stamp: str) -> bool:
        try:
            return stamp_time(stamp) < self._started
        except CorruptValueError:
            return False

    def _write(self) -> None:
        with self._lock:
            rows = [self._row(day, counted) for day, counted in self._days.items()]
        if not rows:
            return
        with reachable(), self._database.begin() as connection:
            connection.execute(self._upsert, rows)
        with self._lock:  # a day that is over won't change any more
            self._days = {day: counted for day, counted in self._days.items() if day >= self._clock.now().date()}

    def _row(self, day: date, counted: Recovered) -> dict[str, Any]:
        return {
            "day": day,
            "process": self._process,
            "recovered": counted.recovered,
            "after_start": counted.after_start,
            "fields": counted.fields,
            "times": json.dumps(counted.times),
        }


def together(days: Iterable[Recovered]) -> Recovered:
    """The numbers of several days in one."""
    total = Recovered()
    for day in days:
        total.add(day)
    return total


def _times(text: str) -> list[int] | None:
    """Read the times of a row; None for those of a version that counted otherwise."""
    try:
        times = json.loads(text)
    except ValueError:
        return None
    if isinstance(times, list) and len(times) == len(BOUNDS_MS) + 1 and all(isinstance(one, int) for one in times):
        return times
    return None
