"""Throttle sign-ins: so many passwords per account and per network address, counted before any is hashed.

The law: in any 15 minutes at most 10 wrong passwords are checked for one name, and at most 100 from one network
address, by all processes together. A browser in which that person has signed in before has 10 of its own and uses up
none of the others, so nobody else's guesses keep a person out there. A right password gives back what it used. The
place is taken in a transaction that holds the rows it counts, so of any number that come at once no more get through.
Each process notes and counts with one clock, which setting the machine's doesn't move. What the processes' clocks
differ by is missing from the 15 minutes.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, cast

from sqlalchemy import Connection, Engine, Table, and_, bindparam, delete, select, update

from core.accounts.audit import Actor, AuditTrail
from core.accounts.passwords import unfit_hash
from core.accounts.users import normalise
from core.clock import SteadyClock
from core.errors import ThrottledError
from core.rate import RateLimit
from core.signing import sign
from core.storage.database import read_from, upserting_insert
from core.storage.models import AttemptModel, KnownDeviceModel, UserModel

WINDOW = timedelta(minutes=15)
PER_ACCOUNT, PER_ADDRESS = 10, 100
"""An address may be an office's, so it has more."""
KNOWN_FOR = timedelta(days=400)
"""Time after the last sign-in for which a device stays known: as long as a browser keeps its cookie."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_WINDOW = WINDOW // _MILLISECOND
_attempts = cast(Table, AttemptModel.__table__)
_known = and_(KnownDeviceModel.user_id == UserModel.user_id, KnownDeviceModel.token_hash == bindparam("token_hash"))
_ACCOUNT = (
    select(UserModel.user_id, UserModel.active, UserModel.password_hash, KnownDeviceModel.token_hash)
    .outerjoin(KnownDeviceModel, _known)
    .where(UserModel.username == bindparam("username"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One password that may be checked now, against `password_hash`; for nobody that is one no password fits."""

    username: str
    user_id: str | None
    password_hash: str
    allowances: tuple[str, ...]
    """The allowances in which its place was taken."""
    at: int
    """Milliseconds since 1970."""


class Throttle:
    """The attempts at passwords of one database. Every method is one transaction.

    `secret` keys the hashes under which they are counted, and `rounds` is bcrypt's work factor.
    """

    def __init__(self, database: Engine, clock: SteadyClock, audit: AuditTrail, *, secret: str, rounds: int) -> None:
        self._database, self._clock, self._audit, self._secret, self._rounds = database, clock, audit, secret, rounds
        self._notes = RateLimit(per_second=1 / WINDOW.total_seconds(), burst=1, monotonic=clock.wall.monotonic)
        self._turn = Lock()

    def begin(self, username: str, *, token_hash: str | None, by: Actor) -> Attempt:
        """Take a place for checking one password of this name, known or not, before it is hashed.

        `token_hash` is the asking browser's. Raises ThrottledError when there is none left.
        """
        name = normalise(username)
        with read_from(self._database) as connection:
            person = connection.execute(_ACCOUNT, {"username": name, "token_hash": token_hash or ""}).one_or_none()
        user_id = person.user_id if person is not None else None
        if person is not None and person.token_hash is not None:
            limits = {self._allowance("device", f"{name}\0{token_hash}"): PER_ACCOUNT}
        else:
            address = self._allowance("address", network(by.address))
            limits = {self._allowance("account", name): PER_ACCOUNT, address: PER_ADDRESS}
        stored = person.password_hash if person is not None and person.active else None
        return Attempt(
            username=name,
            user_id=user_id,
            password_hash=stored or unfit_hash(self._rounds),
            allowances=tuple(limits),
            at=self._take(limits, user_id, by),
        )

    def right(self, attempt: Attempt) -> None:
        """Give back what an attempt used: its password was right."""
        with self._database.begin() as connection:
            for allowance in sorted(attempt.allowances):
                times = self._hold(connection, allowance)
                if attempt.at in times:
                    times.remove(attempt.at)
                self._write(connection, allowance, times)

    def wrong(self, attempt: Attempt, *, by: Actor) -> None:
        """Note that an attempt's password was wrong. Its place stays taken."""
        self._audit.note("sign_in.refused", by=by, subject=_person(attempt.user_id))

    def forget_attempts(self, limit: int = 1000) -> int:
        """Forget up to `limit` allowances of which nothing is used any more; returns how many."""
        over = AttemptModel.until <= self._clock.elapsed()
        some = select(AttemptModel.allowance).where(over).limit(limit).scalar_subquery()
        with self._database.begin() as connection:
            # Asked again outside: PostgreSQL looks at a row anew that somebody used meanwhile, but not at the list.
            return connection.execute(delete(AttemptModel).where(AttemptModel.allowance.in_(some), over)).rowcount

    def forget_devices(self, limit: int = 1000) -> int:
        """Forget up to `limit` browsers in which nobody has signed in for 400 days; returns how many."""
        over = KnownDeviceModel.last_sign_in <= self._clock.now() - KNOWN_FOR
        some = select(KnownDeviceModel.token_hash).where(over).limit(limit).scalar_subquery()
        with self._database.begin() as connection:
            return connection.execute(
                delete(KnownDeviceModel).where(KnownDeviceModel.token_hash.in_(some), over)
            ).rowcount

    def _take(self, limits: Mapping[str, int], user_id: str | None, by: Actor) -> int:
        """Take a place in all these allowances, or in none."""
        with read_from(self._database) as connection:  # an attack is turned away without a lock
            rows = connection.execute(select(_attempts).where(_attempts.c.allowance.in_(limits))).all()
        wait = self._wait({row.allowance: _parse(row.times) for row in rows}, limits)
        at = self._now()
        if not wait:
            # One thread of a process at a time: many would keep the one that holds the rows from going on.
            with self._turn, self._database.connect() as connection, connection.begin() as transaction:
                # In one order everywhere, so that no two wait for each other.
                used = {allowance: self._hold(connection, allowance) for allowance in sorted(limits)}
                wait = self._wait(used, limits)
                if wait:
                    transaction.rollback()
                else:
                    for allowance, times in used.items():
                        self._write(connection, allowance, [*self._counting(times), at])
        if not wait:
            return at
        full, milliseconds = max(wait.items(), key=lambda item: item[1])
        if not self._notes.wait(full):  # once in a window: an attack writes a line, and not each attempt
            self._audit.note("sign_in.throttled", by=by, subject=_person(user_id))
        raise ThrottledError(max(1, math.ceil(milliseconds / 1000)))

    def _wait(self, used: Mapping[str, Iterable[int]], limits: Mapping[str, int]) -> dict[str, int]:
        """Return the allowances without a place, and how many milliseconds it takes until they have one."""
        wait = {}
        for allowance, times in used.items():
            counting = self._counting(times)
            if len(counting) >= limits[allowance]:
                wait[allowance] = counting[-limits[allowance]] + _WINDOW - self._now()
        return wait

    def _counting(self, times: Iterable[int]) -> list[int]:
        # What lies farther ahead than the window was noted by a clock that was wrong.
        now = self._now()
        return sorted(time for time in times if now - _WINDOW < time <= now + _WINDOW)

    def _hold(self, connection: Connection, allowance: str) -> list[int]:
        """Return the times of an allowance. Until the transaction ends no other can read them so."""
        statement: Any = upserting_insert(self._database)(_attempts).values(
            allowance=allowance, times="", until=self._clock.elapsed()
        )
        # Writing the row as it is takes its lock on PostgreSQL, and the only writer's place on SQLite.
        held = statement.on_conflict_do_update(
            index_elements=["allowance"], set_={"times": _attempts.c.times}
        ).returning(_attempts.c.times)
        return _parse(connection.execute(held).scalar_one())

    def _write(self, connection: Connection, allowance: str, times: list[int]) -> None:
        until = _EPOCH + (max(times, default=self._now()) + _WINDOW) * _MILLISECOND
        values = {"times": " ".join(map(str, times)), "until": until}
        connection.execute(update(_attempts).where(_attempts.c.allowance == allowance).values(values))

    def _now(self) -> int:
        return (self._clock.elapsed() - _EPOCH) // _MILLISECOND

    def _allowance(self, kind: str, name: str) -> str:
        return sign(self._secret, "attempts", f"{kind}:{name}")


def network(address: str) -> str:
    """Return what one household or office has of an address in common: of an IPv6 address its first half."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or f"{int(parsed) >> 64:x}")
    return str(parsed)


def _parse(times: str) -> list[int]:
    return [int(time) for time in times.split()]


def _person(user_id: str | None) -> str:
    return f"person:{user_id}" if user_id else ""
