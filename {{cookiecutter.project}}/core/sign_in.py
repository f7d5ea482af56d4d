"""Signing in with `auth=password`: the page, and the check of a password wherever one is asked for.

streamlit-authenticator checks the password. It is given one account at a time, from our database; of it we use the
controller that signs in, not the view: that one mounts a component for a cookie we don't use, waits, forbids password
managers, and hands bcrypt the bare password, which ends at 72 bytes. Its other controls (forgotten passwords and names,
hints, codes of four digits) are used nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import streamlit as st
import structlog
from streamlit.delta_generator import DeltaGenerator

from core.accounts import Accounts, Actor, Attempt, User
from core.accounts.passwords import MAXIMUM_LENGTH, digest
from core.errors import AccountError, KeepError, StoreUnavailableError, ThrottledError, UncheckedPasswordError
from core.language import mark_page, words_for
from core.plain import plain
from core.storage.database import reachable
from core.words import Words

_CARD_WIDTH = 420
"""Pixels; narrower where the screen is."""
_STYLE = """<style>
.st-key-keep-sign-in-card { margin-top: min(12vh, 7rem); padding: 0.5rem 1.75rem 1.75rem; }
.st-key-keep-language { position: absolute; visibility: hidden; }
</style>"""
_THEIR_KEYS = ("name", "authentication_status", "username", "email", "roles", "logout", "password_hint")
"""What streamlit-authenticator leaves in `st.session_state`; the names would collide with widgets' keys."""
_REFUSALS = (AccountError, StoreUnavailableError, ThrottledError, UncheckedPasswordError)

_ACCOUNT = "account"
_LONGEST = 20 * MAXIMUM_LENGTH
"""Characters of which a digest is made. More are no password, however its letters are composed."""

log = structlog.get_logger(__name__)


def ask_password(accounts: Accounts, title: str, *, token_hash: str | None, by: Actor) -> User | None:
    """Show the sign-in page. Returns the person once name and password are right.

    `token_hash` is the browser's: where that person has signed in before, others' guesses don't keep them out.
    """
    say = words_for()
    with card(title, say("sign_in.text")):
        with st.form("keep-sign-in", border=False):
            username = st.text_input(say("sign_in.username"), autocomplete="username")
            password = st.text_input(say("sign_in.password"), type="password", autocomplete="current-password")
            asked = st.form_submit_button(say("sign_in.button"), type="primary", width="stretch")
        if not asked:
            return None
        if not username.strip() or not password:
            st.error(say("sign_in.incomplete"), icon=":material/edit:")
            return None
        user = None
        with refusals(say, "sign_in.no_database"):
            user = check_password(accounts, username, password, token_hash=token_hash, by=by)
            if user is None:
                st.error(say("sign_in.wrong"), icon=":material/error:")
        return user


def card(title: str, text: str) -> DeltaGenerator:
    """Begin a page for somebody who is not signed in yet; returns the container for its form."""
    st.html(_STYLE)
    mark_page(words_for().language)
    card = st.container(horizontal_alignment="center").container(
        border=True, width=_CARD_WIDTH, key="keep-sign-in-card"
    )
    card.title(plain(title), anchor=False)
    card.markdown(text)
    return card


@contextmanager
def refusals(say: Words, no_database: str) -> Iterator[None]:
    """Say why something is refused, instead of a traceback. The block ends there, and what follows it goes on.

    `no_database` is the entry that tells what can't be done while the database is away.
    """
    try:
        with reachable():
            yield
    except _REFUSALS as error:
        text, icon = why_refused(error, say, no_database)
        st.error(text, icon=icon)


def why_refused(error: KeepError, say: Words, no_database: str) -> tuple[str, str]:
    """Why something was refused, in words for the person, and the icon for it. `no_database` is as for `refusals`."""
    match error:
        case ThrottledError():
            return say("sign_in.too_many", n=math.ceil(error.seconds / 60)), ":material/hourglass_top:"
        case UncheckedPasswordError():
            return say("sign_in.unchecked"), ":material/build:"
        case AccountError():
            return plain(str(error)), ":material/edit:"
        case _:
            return say(no_database), ":material/cloud_off:"


def check_password(
    accounts: Accounts, username: str, password: str, *, token_hash: str | None, by: Actor
) -> User | None:
    """Return the person if the password is theirs. Nothing is hashed before there is a place for the attempt.

    Raises ThrottledError when too many were tried lately, and UncheckedPasswordError where that can't be found out.
    """
    attempt = accounts.begin_attempt(username, token_hash=token_hash, by=by)
    user = accounts.find(attempt.username) if _fits(attempt, password) else None
    if user is None:
        accounts.wrong(attempt, by=by)
    else:
        accounts.right(attempt)
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
        for key in _THEIR_KEYS:
            with suppress(KeyError):  # two runs of one tab may be at it at once, between which `pop` would fail
                del st.session_state[key]
