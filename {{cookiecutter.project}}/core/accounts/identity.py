"""Resolve a browser's token to an identity: in one place for every entrance, with one policy for outages.

A run, a callback, a WebSocket edit, an upload and each route ask `Identities.resolve`. While the database doesn't
answer, also for the second after a slow query, the last answer of this process stands: whose session it is for as long
as that takes, and the person's permissions for `GRACE_SECONDS`. After that, and for a browser that this process hasn't
met, nothing that needs a permission is shown or done: closed, not open.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Select, String, bindparam, func, select
from sqlalchemy.orm import aliased

from core.accounts.users import USER_COLUMNS, User, Users, user_of
from core.clock import SteadyClock
from core.errors import NotAllowedError, SignedOutError, StoreUnavailableError
from core.storage.database import CircuitBreaker, reachable, read_from
from core.storage.models import RoleModel, SessionModel, TokenModel, UserModel, UserRoleModel
from core.wildcards import matches

LOCAL_USER = "local"
"""The one person of `auth=none`."""
GRACE_SECONDS = 15 * 60.0
"""Time for which known permissions stand while the database can't be asked. Where nobody signs in, they always do."""
_MAXIMUM = 20_000
_ASKED_AT_ONCE = 1000

Standing = Literal["good", "stale", "ended"]
"""`good`: use it. `stale`: the person's rights changed, exchange it for a new one. `ended`: revoked or expired."""

_NO_LONGER_GOOD = (
    select(TokenModel.token_hash)
    .outerjoin(UserModel, UserModel.user_id == TokenModel.user_id)
    .where(
        TokenModel.token_hash.in_(bindparam("hashes", expanding=True)),
        TokenModel.revoked_at.is_not(None)
        | (TokenModel.expires_at <= bindparam("now", type_=TokenModel.expires_at.type))
        | UserModel.active.is_(False)
        | (TokenModel.epoch != UserModel.epoch),
    )
)


def _query(person: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Return the query that resolves a token; `person` says whose account belongs to it."""
    asked = select(
        bindparam("token_hash", type_=String).label("token_hash"),
        bindparam("anonymous", type_=String).label("anonymous"),
    ).subquery("asked")
    own = aliased(SessionModel)
    return (
        select(
            TokenModel.session_id,
            TokenModel.epoch,
            TokenModel.last_seen,
            TokenModel.expires_at,
            TokenModel.revoked_at,
            UserModel.epoch.label("person_epoch"),
            SessionModel.version,
            SessionModel.purged_at,
            own.purged_at.label("own_purged_at"),
            *USER_COLUMNS,
        )
        .select_from(asked)
        .outerjoin(TokenModel, TokenModel.token_hash == asked.c.token_hash)
        .outerjoin(SessionModel, SessionModel.session_id == func.coalesce(TokenModel.session_id, asked.c.anonymous))
        .outerjoin(UserModel, person)
        .outerjoin(own, own.session_id == UserModel.session_id)
        .outerjoin(UserRoleModel, UserRoleModel.user_id == UserModel.user_id)
        .outerjoin(RoleModel, RoleModel.role == UserRoleModel.role)
    )


_OF_PEOPLE, _OF_LOCAL_USER = _query(UserModel.user_id == TokenModel.user_id), _query(UserModel.username == LOCAL_USER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A browser's session and person."""

    session_id: str
    user: User | None
    """None before sign-in."""
    token_hash: str | None
    """None for a browser without a valid cookie of ours."""
    anonymous_id: str
    """The id of the session that this browser has while nobody is signed in."""
    version: int | None = None
    """The session's; None if it has no row yet."""
    standing: Standing = "good"
    """`ended`: signed out or expired, nothing may be written. `stale`: rights changed, the token gets exchanged."""
    last_seen: datetime | None = None
    """The moment that the browser's row was last touched; None without one: a browser gets it at its first edit."""
    session_deleted: bool = False
    """With `ended`: the session was deleted, so nothing typed here can be kept."""
    database_away: bool = False
    """This is the last answer, because the database can't be asked now."""

    @property
    def registered(self) -> bool:
        """True if the browser has its row."""
        return self.last_seen is not None

    @property
    def user_id(self) -> str | None:
        return self.user.user_id if self.user else None

    @property
    def permissions(self) -> frozenset[str]:
        """The person's permissions; none before sign-in."""
        return self.user.permissions if self.user else frozenset()

    def require(self, *permissions: str) -> None:
        """Raise NotAllowedError for a permission that is lacking, StoreUnavailableError where that isn't known now.

        Raises SignedOutError for an ended sign-in.
        """
        if self.standing == "ended" and permissions:
            raise SignedOutError
        for permission in permissions:
            if not matches(self.permissions, permission):
                if self.database_away:
                    raise StoreUnavailableError("What you may do can't be checked now.")
                raise NotAllowedError(permission)


class IdentityCache:
    """The last good answer per browser, for outages of the database. Safe for threads."""

    def __init__(self, maximum: int = _MAXIMUM, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._maximum = maximum
        self._monotonic = monotonic
        self._known: OrderedDict[str, tuple[Identity, float]] = OrderedDict()

    def remember(self, browser: str, identity: Identity) -> None:
        """Store the answer about a browser, by the hash of its token."""
        with self._lock:
            self._known[browser] = (identity, self._monotonic())
            self._known.move_to_end(browser)
            while len(self._known) > self._maximum:
                self._known.popitem(last=False)

    def confirm(self, browsers: Collection[str]) -> None:
        """Renew the answers about these browsers: they still hold."""
        now = self._monotonic()
        with self._lock:
            for browser in browsers & self._known.keys():
                self._known[browser] = (self._known[browser][0], now)

    def forget(self, browser: str) -> None:
        with self._lock:
            self._known.pop(browser, None)

    def recall(self, browser: str, grace: float = GRACE_SECONDS) -> Identity | None:
        """Return the last answer, without any permission where it is older than `grace`; None where there is none."""
        with self._lock:
            identity, since = self._known.get(browser, (None, 0.0))
        if identity is None:
            return None
        user = identity.user
        if user is not None and self._monotonic() - since > grace:
            user = dataclasses.replace(user, permissions=frozenset())
        return dataclasses.replace(identity, user=user, database_away=True)


class Identities:
    """The identities of one database's browsers."""

    def __init__(
        self, database: Engine, clock: SteadyClock, users: Users, breaker: CircuitBreaker, *, signing_in: bool
    ) -> None:
        self._database, self._clock, self._users, self._breaker = database, clock, users, breaker
        self._signing_in = signing_in
        self.known = IdentityCache()

    def resolve(self, token_hash: str | None, anonymous_id: str, *, patient: bool = False) -> Identity:
        """Resolve the hash of a token by one query.

        `patient` waits for a slow database, for a page that has nothing to show yet. Raises StoreUnavailableError while
        the database can't be asked and nothing is known of the browser.
        """
        browser = token_hash or anonymous_id
        try:
            with nullcontext() if patient else self._breaker, reachable():
                identity = self.ask(token_hash, anonymous_id)
        except StoreUnavailableError:
            remembered = self.known.recall(browser, GRACE_SECONDS if self._signing_in else math.inf)
            if remembered is None:
                raise
            return remembered
        if identity.standing == "ended":
            self.known.forget(browser)
        elif token_hash is not None or identity.user is not None:
            self.known.remember(browser, identity)
        return identity

    def check(self, identity: Identity, session_id: str, needs: Iterable[str] = ()) -> int | None:
        """Check that a tab still has a right to its session, and its person the permissions it needs.

        Returns the version of the stored session, None where it has no row. Raises SignedOutError for a tab whose
        right has ended, NotAllowedError for a person who lacks a permission, and StoreUnavailableError where neither is
        known.
        """
        if identity.token_hash is not None:
            identity = self.resolve(identity.token_hash, identity.anonymous_id)
            if identity.standing == "ended" or identity.session_id != session_id:
                raise SignedOutError
        identity.require(*needs)
        return identity.version

    def ended_or_stale(self, token_hashes: Collection[str]) -> set[str]:
        """Return those of these tokens that are no longer good, by one query a thousand; the others are confirmed.

        An outage to come finds them ended, too. Raises StoreUnavailableError.
        """
        asked, now, found = list(token_hashes), self._clock.now(), set[str]()
        with self._breaker, reachable(), read_from(self._database) as connection:
            for start in range(0, len(asked), _ASKED_AT_ONCE):
                hashes = asked[start : start + _ASKED_AT_ONCE]
                found.update(connection.scalars(_NO_LONGER_GOOD, {"hashes": hashes, "now": now}))
        for token_hash in found:
            self.known.forget(token_hash)
        self.known.confirm(set(asked) - found)
        return found

    def ask(self, token_hash: str | None, anonymous_id: str) -> Identity:
        """Resolve the hash of a token as the database has it now, whatever was known before."""
        nobody = Identity(session_id=anonymous_id, user=None, token_hash=token_hash, anonymous_id=anonymous_id)
        if token_hash is None and self._signing_in:
            return nobody
        query = _OF_PEOPLE if self._signing_in else _OF_LOCAL_USER
        with read_from(self._database) as connection:
            rows = connection.execute(query, {"token_hash": token_hash, "anonymous": anonymous_id}).all()
        first, deleted = rows[0], rows[0].purged_at is not None
        nobody = dataclasses.replace(nobody, last_seen=first.last_seen)
        user = user_of(rows) if first.user_id is not None else None
        if not nobody.registered:
            ended = deleted and token_hash is not None
        else:
            locked_out = self._signing_in and user is not None and not user.active
            ended = first.revoked_at is not None or first.expires_at <= self._clock.now() or locked_out
        if ended:
            return dataclasses.replace(nobody, standing="ended", session_deleted=deleted)
        if not self._signing_in:
            user = user or self._users.ensure(LOCAL_USER, "Local user")
            if first.own_purged_at is not None:
                user = self._users.ensure_session(user)
            user = dataclasses.replace(user, permissions=frozenset({"*"}))
            return dataclasses.replace(nobody, session_id=user.session_id, user=user)
        if not nobody.registered:
            return nobody
        standing: Standing = "stale" if user is not None and first.epoch != first.person_epoch else "good"
        return dataclasses.replace(
            nobody, session_id=first.session_id, user=user, version=first.version, standing=standing
        )
