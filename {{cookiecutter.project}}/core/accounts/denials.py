"""Refusals in the audit trail: enough of them to see what somebody tried, however often they try.

What was refused to one person, or to one address while nobody is signed in, is noted once a minute; the next line says
how often it happened in between. Beyond that a process notes so many a minute, with an allowance of its own for people
who are signed in: strangers can neither fill the table nor drown what a person does.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from core.accounts.audit import Actor, AuditTrail
from core.accounts.put_off import PutOff
from core.clock import SteadyClock
from core.rate import RateLimit
from core.storage.models import TokenModel

PAUSE_SECONDS = 60.0
PER_MINUTE, AT_ONCE = 60, 200
"""Lines a process writes, of people who are signed in and of strangers: each 86,400 a day and 200 at most."""
_MAXIMUM = 10_000
_HOLDER = select(TokenModel.user_id).where(
    TokenModel.token_hash == bindparam("hash"),
    TokenModel.revoked_at.is_(None),
    TokenModel.expires_at > bindparam("now"),
)


class Denials:
    """Decides which refusals are worth a line. Kept in memory. Safe for threads."""

    def __init__(self, monotonic: Callable[[], float], maximum: int = _MAXIMUM) -> None:
        self._monotonic, self._maximum = monotonic, maximum
        self._lock = threading.Lock()
        self._noted: OrderedDict[str, float] = OrderedDict()
        self._passed_over: OrderedDict[str, int] = OrderedDict()
        self._people, self._strangers = (
            RateLimit(per_second=PER_MINUTE / 60, burst=AT_ONCE, monotonic=monotonic) for _ in range(2)
        )

    def passed_over(self, key: str, *, stranger: bool) -> int | None:
        """How often this was refused since it was noted last, if it is to be noted now; None if it isn't."""
        now = self._monotonic()
        with self._lock:
            last = self._noted.get(key)
            waiting = last is not None and now - last < PAUSE_SECONDS
            if waiting or (self._strangers if stranger else self._people).wait(""):
                self._passed_over[key] = self._passed_over.get(key, 0) + 1
                _limit(self._passed_over, key, self._maximum)
                return None
            self._noted[key] = now
            _limit(self._noted, key, self._maximum)
            return self._passed_over.pop(key, 0)


class Denying(AuditTrail):
    """The part of `Accounts` that notes refusals."""

    _steady: SteadyClock
    _put_off: PutOff
    _denials: Denials

    def deny(self, what: str, *, by: Actor, browser: str | None = None, owner: str | None = None) -> None:
        """Note soon that somebody was refused something. Nobody waits for it, and of many not each is noted.

        `what` is said by the code, never by a request. `browser` is the hash of the token of an actor who isn't known
        yet, `owner` that of the browser to which belongs what was asked for: without it, or once its time is over,
        there was nothing to take and nothing is noted.
        """
        key = "\0".join([what, by.user_id or by.address])
        more = self._denials.passed_over(key, stranger=by.user_id is None)
        if more is None:
            return
        detail = f"{what} ({more} more before)" if more else what
        at = self._clock.now()
        self._put_off.later(f"deny {key} {at}", partial(self._write_denial, detail, by, browser, owner, at))

    def settle(self) -> bool:
        """Write now what was put off, such as refusals. Returns whether nothing is left."""
        return self._put_off.settle()

    def _write_denial(self, detail: str, by: Actor, browser: str | None, owner: str | None, at: datetime) -> None:
        with self._database.begin() as connection:
            subject = ""
            if owner is not None:
                found = self._holder(connection, owner)
                if found is None:
                    return
                subject = f"person:{found.user_id}" if found.user_id else ""
            if browser is not None and (actor := self._holder(connection, browser)) is not None:
                by = replace(by, user_id=actor.user_id)
            self._note(connection, "refused", by=by, subject=subject, detail=detail, at=at)

    def _holder(self, connection: Connection, token_hash: str) -> Row[str | None] | None:
        """Whose a token is, while it can be used."""
        values = {"hash": token_hash, "now": self._steady.now()}
        return connection.execute(_HOLDER, values).one_or_none()


def _limit(kept: OrderedDict[str, Any], key: str, maximum: int) -> None:
    """Make a key the latest, and let go of the earliest beyond the maximum."""
    kept.move_to_end(key)
    while len(kept) > maximum:
        kept.popitem(last=False)
