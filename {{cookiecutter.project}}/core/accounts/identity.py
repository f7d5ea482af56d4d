"""Resolve a browser's token to an identity: in one place for every entrance, with one policy for outages.

A run, a callback, a WebSocket edit, an upload and each route ask `resolve_identity`. While the database doesn't answer,
also for the second after a slow query, the last answer of this process stands: whose session it is for as long as that
takes, and the person's permissions for `GRACE_SECONDS`. After that, and for a browser that this process hasn't met,
nothing that needs a permission is shown or done: closed, not open.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import dataclass

from core.accounts.tokens import Standing, Tokens, TokenState
from core.accounts.users import User, Users
from core.errors import AccountError, NotAllowedError, SignedOutError, StoreUnavailableError
from core.storage.database import CircuitBreaker, reachable
from core.wildcards import matches

LOCAL_USER = "local"
"""The one person of `auth=none`."""
GRACE_SECONDS = 15 * 60.0
"""Time for which known permissions stand while the database can't be asked. Where nobody signs in, they always do."""
_MAXIMUM = 20_000


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
    state: TokenState | None = None
    """The browser's row. An anonymous one gets it at its first edit."""
    session_deleted: bool = False
    """With `ended`: the session was deleted, so nothing typed here can be kept."""
    database_away: bool = False
    """This is the last answer, because the database can't be asked now."""

    @property
    def registered(self) -> bool:
        """True if the browser has its row."""
        return self.state is not None

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


class Identities(Users, Tokens):
    """The part of `Accounts` that resolves tokens to identities."""

    db_budget: CircuitBreaker
    known_identities: IdentityCache
    signing_in: bool

    def resolve_identity(self, token_hash: str | None, anonymous_id: str, *, patient: bool = False) -> Identity:
        """Resolve the hash of a token: one query, two before its first edit, one or two more where nobody signs in.

        `patient` waits for a slow database, for a page that has nothing to show yet. Raises StoreUnavailableError while
        the database can't be asked and nothing is known of the browser.
        """
        known, browser = self.known_identities, token_hash or anonymous_id
        try:
            with nullcontext() if patient else self.db_budget, reachable():
                identity = self._ask(token_hash, anonymous_id)
        except StoreUnavailableError:
            remembered = known.recall(browser, GRACE_SECONDS if self.signing_in else math.inf)
            if remembered is None:
                raise
            return remembered
        if identity.standing == "ended":
            known.forget(browser)
        elif token_hash is not None or identity.user is not None:
            known.remember(browser, identity)
        return identity

    def ended_or_stale(self, token_hashes: Collection[str]) -> set[str]:
        """Return those of these tokens that are no longer good, by one query a thousand; the others are confirmed.

        An outage to come finds them ended, too. Raises StoreUnavailableError.
        """
        with self.db_budget, reachable():
            found = self.no_longer_good(token_hashes)
        for token_hash in found:
            self.known_identities.forget(token_hash)
        self.known_identities.confirm(set(token_hashes) - found)
        return found

    def _ask(self, token_hash: str | None, anonymous_id: str) -> Identity:
        state = self.check(token_hash) if token_hash is not None else None
        nobody = Identity(
            session_id=anonymous_id, user=None, token_hash=token_hash, anonymous_id=anonymous_id, state=state
        )
        if state is None and token_hash is not None and self.is_deleted(anonymous_id):
            return dataclasses.replace(nobody, standing="ended", session_deleted=True)
        if state is not None and state.standing == "ended":
            return dataclasses.replace(nobody, standing="ended", session_deleted=self.is_deleted(state.session_id))
        if not self.signing_in:
            local = self._local_user()
            return dataclasses.replace(nobody, session_id=local.session_id, user=local)
        if state is not None:
            return dataclasses.replace(
                nobody, session_id=state.session_id, user=state.user, version=state.version, standing=state.standing
            )
        return nobody

    def _local_user(self) -> User:
        """Return the one user of a project where nobody signs in, who has every permission."""
        user = self.find(LOCAL_USER) or self._created_local_user()
        return dataclasses.replace(self.ensure_session(user), permissions=frozenset({"*"}))

    def _created_local_user(self) -> User:
        try:
            return self.create_user(LOCAL_USER, "Local user")
        except AccountError:
            created = self.find(LOCAL_USER)  # another tab was first
            if created is None:
                raise
            return created
