"""Whose session a browser's token opens, and what its person may do: asked in one place, with one policy for outages.

A run, an edit over the WebSocket, an upload and a route of ours all ask here. While the database doesn't answer, the
last answer that this process got stands: nobody can be signed out meanwhile. What the person may do stands for
`GRACE_SECONDS`; after that nothing that needs a permission is shown or done until the database answers. Of a browser
that this process hasn't met nothing is known, and it has to wait.
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
from functools import cache

from starlette.exceptions import HTTPException
from starlette.requests import Request

from core.accounts import LOCAL_USER, Accounts, Standing, TokenState, User
from core.errors import AccountError, NotAllowedError, StoreUnavailableError
from core.services import Services
from core.storage.database import reachable
from core.web.request import browser_token
from core.web.token import anonymous_session_id, token_hash
from core.wildcards import matches

GRACE_SECONDS = 15 * 60.0
"""How long the last answer about somebody's permissions stands while the database can't be asked."""
_MAXIMUM = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a browser belongs to."""

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
    database_away: bool = False
    """This is the last answer, because the database can't be asked now."""

    @property
    def registered(self) -> bool:
        """Whether the browser has its row."""
        return self.state is not None

    @property
    def user_id(self) -> str | None:
        return self.user.user_id if self.user else None

    @property
    def permissions(self) -> frozenset[str]:
        """What the person was granted; nothing before sign-in."""
        return self.user.permissions if self.user else frozenset()

    def require(self, *permissions: str) -> None:
        """Raise NotAllowedError where a permission is lacking, StoreUnavailableError where that isn't known now."""
        for permission in permissions:
            if not matches(self.permissions, permission):
                if self.database_away:
                    raise StoreUnavailableError("What you may do can't be checked now.")
                raise NotAllowedError(permission)


class KnownIdentities:
    """The last good answer per browser, for outages of the database. Safe for threads."""

    def __init__(self, maximum: int = _MAXIMUM, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._maximum = maximum
        self._monotonic = monotonic
        self._known: OrderedDict[str, tuple[Identity, float]] = OrderedDict()

    def remember(self, browser: str, identity: Identity) -> None:
        """Note the answer about a browser, by the hash of its token."""
        with self._lock:
            self._known[browser] = (identity, self._monotonic())
            self._known.move_to_end(browser)
            while len(self._known) > self._maximum:
                self._known.popitem(last=False)

    def confirm(self, browsers: Collection[str]) -> None:
        """Note that the answers about these browsers still hold."""
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


@cache
def get_known_identities() -> KnownIdentities:
    """Return the known identities of this process."""
    return KnownIdentities()


def resolve_identity(
    services: Services, token_hash: str | None, anonymous_id: str, *, patient: bool = False
) -> Identity:
    """Find out who a browser belongs to: one query, two before its first edit, one or two more where nobody signs in.

    `patient` waits for a slow database, for a page that has nothing to show yet. Raises StoreUnavailableError while the
    database can't be asked and nothing is known of the browser.
    """
    known, browser = get_known_identities(), token_hash or anonymous_id
    try:
        with nullcontext() if patient else services.accounts.hurry, reachable():
            identity = _ask(services, token_hash, anonymous_id)
    except StoreUnavailableError:
        # Where nobody signs in, the database has no say in what somebody may do.
        remembered = known.recall(browser, math.inf if services.settings.auth == "none" else GRACE_SECONDS)
        if remembered is None:
            raise
        return remembered
    if identity.standing == "ended":
        known.forget(browser)
    elif token_hash is not None or identity.user is not None:
        known.remember(browser, identity)
    return identity


def require_token(request: Request, services: Services) -> str:
    """Return the token of the browser that sent a request. Raises 401 when it has no valid one."""
    settings = services.settings
    token = browser_token(request, settings.cookie_name, settings.secret_key.get_secret_value())
    if token is None:
        raise HTTPException(401, "This browser has no session here. Reload the page.")
    return token


def identity_of(services: Services, token: str) -> Identity:
    """Find out into which session a browser writes.

    Raises 401 for a token that has ended, and StoreUnavailableError as `resolve_identity` does.
    """
    secret = services.settings.secret_key.get_secret_value()
    identity = resolve_identity(services, token_hash(token), anonymous_session_id(token, secret))
    if identity.standing == "ended":
        raise HTTPException(401, "This browser was signed out. Reload the page.")
    return identity


def _ask(services: Services, token_hash: str | None, anonymous_id: str) -> Identity:
    accounts = services.accounts
    state = accounts.check(token_hash) if token_hash is not None else None
    nobody = Identity(session_id=anonymous_id, user=None, token_hash=token_hash, anonymous_id=anonymous_id, state=state)
    # Where a session was deleted nothing can be kept: the browser gets a new token.
    deleted = state is None and token_hash is not None and accounts.is_deleted(anonymous_id)
    if deleted or (state is not None and state.standing == "ended"):
        return dataclasses.replace(nobody, standing="ended")
    if services.settings.auth == "none":
        local = _local_user(accounts)
        return dataclasses.replace(nobody, session_id=local.session_id, user=local)
    if state is not None:
        return dataclasses.replace(
            nobody, session_id=state.session_id, user=state.user, version=state.version, standing=state.standing
        )
    return nobody


def _local_user(accounts: Accounts) -> User:
    """Return the one user where nobody signs in, who may do everything."""
    user = accounts.find(LOCAL_USER) or _created_local_user(accounts)
    return dataclasses.replace(accounts.ensure_session(user), permissions=frozenset({"*"}))


def _created_local_user(accounts: Accounts) -> User:
    try:
        return accounts.create_user(LOCAL_USER, "Local user")
    except AccountError:
        created = accounts.find(LOCAL_USER)  # another tab was first
        if created is None:
            raise
        return created
