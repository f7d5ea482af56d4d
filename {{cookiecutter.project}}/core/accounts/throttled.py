"""Attempts that were turned away, summed up, so that an attack writes a few lines into the audit trail and not each."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from core.accounts.audit import Actor

_MAXIMUM = 10_000


@dataclass(slots=True, kw_only=True)
class Refused:
    """What was turned away for want of one allowance after the first, which was written down at once."""

    by: Actor
    subject: str
    since: datetime
    more: int = 0


class Refusals:
    """The sums of this process since they were last taken. Safe for threads; what waits is lost with the process."""

    def __init__(self, maximum: int = _MAXIMUM) -> None:
        self._lock = threading.Lock()
        self._maximum = maximum
        self._sums: OrderedDict[str, Refused] = OrderedDict()

    def add(self, allowance: str, *, by: Actor, subject: str, now: datetime) -> bool:
        """Count one. True for the first of its allowance, which the caller writes down."""
        with self._lock:
            known = self._sums.get(allowance)
            if known is not None:
                known.more += 1
                return False
            self._sums[allowance] = Refused(by=by, subject=subject, since=now)
            if len(self._sums) > self._maximum:
                self._sums.popitem(last=False)
            return True

    def take(self) -> list[Refused]:
        """Return the sums there is something to tell of, and begin anew."""
        with self._lock:
            sums, self._sums = self._sums, OrderedDict()
        return [refused for refused in sums.values() if refused.more]
