"""The two pages of `auth=password`: sign in, and choose a password of one's own.

streamlit-authenticator checks the password. It is given one account at a time, from our database; of it we use the
controller that signs in, not the view: that one mounts a component for a cookie we don't use, waits, forbids password
managers, and hands bcrypt the bare password, which ends at 72 bytes.
"""

from __future__ import annotations

import streamlit as st
import structlog
from streamlit.delta_generator import DeltaGenerator

from core.accounts import Accounts, User
from core.accounts.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH, digest, verify_password
from core.accounts.users import normalise
from core.errors import AccountError, StoreUnavailableError
from core.language import mark_page, words_for
from core.storage.database import reachable

_CARD_WIDTH = 420
"""Pixels; narrower where the screen is."""
_STYLE = """<style>
.st-key-keep-sign-in-card { margin-top: min(12vh, 7rem); padding: 0.5rem 1.75rem 1.75rem; }
.st-key-keep-language { position: absolute; visibility: hidden; }
</style>"""
_THEIR_KEYS = ("name", "authentication_status", "username", "email", "roles", "logout", "password_hint")
"""What streamlit-authenticator leaves in `st.session_state`; the names would collide with widgets' keys."""

log = structlog.get_logger(__name__)


def ask_password(accounts: Accounts, title: str) -> User | None:
    """Show the sign-in page. Returns the person once name and password are right."""
    say = words_for()
    with _card(title, say("sign_in.text")):
        with st.form("keep-sign-in", border=False):
            username = st.text_input(say("sign_in.username"), autocomplete="username")
            password = st.text_input(say("sign_in.password"), type="password", autocomplete="current-password")
            asked = st.form_submit_button(say("sign_in.button"), type="primary", width="stretch")
        if not asked:
            return None
        if not username.strip() or not password:
            st.error(say("sign_in.incomplete"), icon=":material/edit:")
            return None
        try:
            with reachable():
                user = _check(accounts, username, password)
        except StoreUnavailableError:
            st.error(say("sign_in.no_database"), icon=":material/cloud_off:")
            return None
        if user is None:
            st.error(say("sign_in.wrong"), icon=":material/error:")
        return user


def ask_new_password(accounts: Accounts, user: User, title: str) -> bool:
    """Show the page on which a person replaces a password they were given. Returns True once it is stored."""
    say = words_for()
    with _card(title, say("sign_in.choose", name=user.name)):
        with st.form("keep-new-password", border=False):
            new = st.text_input(say("sign_in.new_password"), type="password", autocomplete="new-password")
            again = st.text_input(say("sign_in.once_more"), type="password", autocomplete="new-password")
            st.caption(say("sign_in.rule", low=MINIMUM_LENGTH, high=MAXIMUM_LENGTH))
            asked = st.form_submit_button(say("sign_in.save"), type="primary", width="stretch")
        if not asked:
            return False
        try:
            with reachable():
                _replace(accounts, user, new, again)
        except AccountError as error:
            st.error(str(error), icon=":material/edit:")
            return False
        except StoreUnavailableError:
            st.error(say("sign_in.password_no_database"), icon=":material/cloud_off:")
            return False
        return True


def _card(title: str, text: str) -> DeltaGenerator:
    st.html(_STYLE)
    mark_page(words_for().language)
    card = st.container(horizontal_alignment="center").container(
        border=True, width=_CARD_WIDTH, key="keep-sign-in-card"
    )
    card.title(title, anchor=False)
    card.markdown(text)
    return card


def _check(accounts: Accounts, username: str, password: str) -> User | None:
    # Imported here because it takes longer than all of Streamlit, and only a server where people sign in needs it.
    from streamlit_authenticator.controllers import AuthenticationController

    name = normalise(username)
    account = {"name": name, "password": accounts.password_hash(name)}
    try:
        controller = AuthenticationController(credentials={"usernames": {name: account}}, auto_hash=False)
        right = controller.login(name, digest(password))
    except Exception:
        log.exception("streamlit-authenticator refused with an error")
        right = False
    finally:
        for key in _THEIR_KEYS:
            st.session_state.pop(key, None)
    return accounts.find(name) if right else None


def _replace(accounts: Accounts, user: User, new: str, again: str) -> None:
    say = words_for()
    if new != again:
        raise AccountError(say("sign_in.differ"))
    if len(new) < MINIMUM_LENGTH:
        raise AccountError(say("sign_in.too_short", n=MINIMUM_LENGTH))
    if len(new) > MAXIMUM_LENGTH:
        raise AccountError(say("sign_in.too_long", n=MAXIMUM_LENGTH))
    if verify_password(new, accounts.password_hash(user.username)):
        raise AccountError(say("sign_in.same"))
    accounts.set_password(user.user_id, new)
