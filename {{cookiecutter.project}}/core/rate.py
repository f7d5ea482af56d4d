"""A rate limit, so that a runaway browser doesn't slow down the others."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MAXIMUM = 20_000


class RateLimit:
    """A bucket of `burst` requests per key that fills again by `per_second`. Kept in memory. Safe for threads."""

    def __init__(
        self,
        *,
        per_second: float,
        burst: int,
        monotonic: Callable[[], float] = time.monotonic,
        maximum: int = _MAXIMUM,
    ) -> None:
        self._per_second, self._burst = per_second, float(burst)
        self._monotonic, self._maximum = monotonic, maximum
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Per key: how many requests were left, and when that was."""

    def wait(self, key: str) -> float:
        """Take one request out of the bucket. Returns 0, or the seconds after which there will be one again."""
        now = self._monotonic()
        with self._lock:
            left, since = self._buckets.pop(key, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_second)
            missing = max(0.0, 1 - left)
            self._buckets[key] = (left if missing else left - 1, now)
            while len(self._buckets) > self._maximum:
                self._buckets.popitem(last=False)
        return missing / self._per_second
