"""Whose session a request of a page writes into."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cache

from starlette.exceptions import HTTPException
from starlette.requests import Request

from core.accounts import LOCAL_USER
from core.errors import StoreUnavailableError
from core.services import Services
from core.storage.database import reachable
from core.web.request import browser_token
from core.web.token import anonymous_session_id, token_hash

_MAXIMUM = 20_000
_ENDED = "This browser was signed out. Reload the page."


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The session a browser may write into, and what is known of it."""

    token_hash: str
    session_id: str
    user_id: str | None
    registered: bool
    """Whether the browser has a row. An anonymous one gets it at its first edit."""
    database_away: bool = False
    """The answer is the last one this process was given, because the database can't be asked now."""


class KnownOwners:
    """The last good answer per browser, for outages of the database. Safe for threads.

    Nobody can be signed out while the database is away, so the last answer stands, as it does for an open page.
    """

    def __init__(self, maximum: int = _MAXIMUM) -> None:
        self._lock = threading.Lock()
        self._maximum = maximum
        self._owners: OrderedDict[str, Owner] = OrderedDict()

    def remember(self, owner: Owner) -> None:
        with self._lock:
            self._owners[owner.token_hash] = owner
            self._owners.move_to_end(owner.token_hash)
            while len(self._owners) > self._maximum:
                self._owners.popitem(last=False)

    def forget(self, token_hash: str) -> None:
        with self._lock:
            self._owners.pop(token_hash, None)

    def recall(self, token_hash: str) -> Owner | None:
        with self._lock:
            return self._owners.get(token_hash)


@cache
def get_known_owners() -> KnownOwners:
    """Return the known owners of this process."""
    return KnownOwners()


def require_token(request: Request, services: Services) -> str:
    """Return the token of the browser that sent a request. Raises 401 when it has no valid one."""
    settings = services.settings
    token = browser_token(request, settings.cookie_name, settings.secret_key.get_secret_value())
    if token is None:
        raise HTTPException(401, "This browser has no session here. Reload the page.")
    return token


def find_owner(services: Services, token: str) -> Owner:
    """Find out into which session a browser writes: one query, two before its first edit.

    Raises 401 for a token that has ended, and StoreUnavailableError while the database is away and this process
    hasn't met the browser before.
    """
    known, hashed = get_known_owners(), token_hash(token)
    try:
        with services.accounts.hurry, reachable():
            owner = _ask(services, token, hashed)
    except StoreUnavailableError:
        remembered = known.recall(hashed)
        if remembered is None:
            raise
        return replace(remembered, database_away=True)
    if owner is None:
        known.forget(hashed)
        raise HTTPException(401, _ENDED)
    known.remember(owner)
    return owner


def _ask(services: Services, token: str, hashed: str) -> Owner | None:
    """Return the owner, None for a token that has ended."""
    accounts = services.accounts
    state = accounts.check(hashed)
    if state is not None and state.standing == "ended":
        return None
    if services.settings.auth == "none" and (local := accounts.find(LOCAL_USER)) is not None:
        return Owner(
            token_hash=hashed, session_id=local.session_id, user_id=local.user_id, registered=state is not None
        )
    if state is not None:
        user_id = state.user.user_id if state.user else None
        return Owner(token_hash=hashed, session_id=state.session_id, user_id=user_id, registered=True)
    session_id = anonymous_session_id(token, services.settings.secret_key.get_secret_value())
    if accounts.is_deleted(session_id):
        return None
    return Owner(token_hash=hashed, session_id=session_id, user_id=None, registered=False)
