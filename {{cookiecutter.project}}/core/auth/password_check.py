"""The check of a password, wherever one is asked for.

streamlit-authenticator checks it. It is given one account at a time, from our database; of it we use the controller
that signs in, not the view: that one mounts a component for a cookie we don't use, waits, forbids password managers,
and hands bcrypt the bare password, which ends at 72 bytes. Its other controls (forgotten passwords and names, hints,
codes of four digits) are used nowhere.
"""

from __future__ import annotations

from contextlib import suppress

import streamlit as st
import structlog

from core.accounts import Accounts, Actor, Attempt, User
from core.accounts.passwords import MAXIMUM_LENGTH, digest
from core.errors import UncheckedPasswordError

_AUTHENTICATOR_KEYS = ("name", "authentication_status", "username", "email", "roles", "logout", "password_hint")
"""Keys that streamlit-authenticator leaves in `st.session_state`; the names would collide with widgets' keys."""
_ACCOUNT = "account"
_LONGEST = 20 * MAXIMUM_LENGTH
"""Characters of which a digest is made. More are no password, however its letters are composed."""

log = structlog.get_logger(__name__)


def check_password(
    accounts: Accounts, username: str, password: str, *, token_hash: str | None, by: Actor
) -> User | None:
    """Return the person if the password is theirs. Nothing is hashed before there is a place for the attempt.

    Raises ThrottledError when too many were tried lately, and UncheckedPasswordError where that can't be found out.
    """
    attempt = accounts.throttle.begin(username, token_hash=token_hash, by=by)
    user = accounts.users.find(attempt.username) if _fits(attempt, password) else None
    if user is None:
        accounts.throttle.wrong(attempt, by=by)
    else:
        accounts.throttle.right(attempt)
    return user


def _fits(attempt: Attempt, password: str) -> bool:
    # Imported here because it takes longer than all of Streamlit, and only a server where people sign in needs it.
    from streamlit_authenticator.controllers import AuthenticationController

    # Under a name that is as good as any: theirs is lowered, stripped and refused where it is empty.
    account = {"name": _ACCOUNT, "password": attempt.password_hash}
    try:
        controller = AuthenticationController(credentials={"usernames": {_ACCOUNT: account}}, auto_hash=False)
        return bool(controller.login(_ACCOUNT, digest(password[:_LONGEST])))
    except Exception as error:
        log.exception("streamlit-authenticator failed, so a password was not checked")
        raise UncheckedPasswordError("The password could not be checked.") from error
    finally:
        for key in _AUTHENTICATOR_KEYS:
            with suppress(KeyError):  # two runs of one tab may be at it at once, between which `pop` would fail
                del st.session_state[key]
