"""Who is there: the person behind this tab, checked anew in every run."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st
from streamlit.errors import StreamlitAuthError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.accounts import LOCAL_USER, Accounts, Standing, User
from core.errors import AccountError, StoreUnavailableError
from core.handover import hand_over
from core.language import words_for
from core.services import Services, get_services
from core.sign_in import ask_new_password, ask_password
from core.storage.database import reachable
from core.web.binding import get_bindings
from core.web.device import describe_device
from core.web.token import anonymous_session_id, token_hash, verify

_IDENTITY_KEY = "_keep_identity"
_ANONYMOUS_KEY = "_keep_anonymous"
_LEAVING_KEY = "_keep_leaving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a tab belongs to. `user` is None before sign-in; `version` is the session's, None if it has no row yet."""

    session_id: str
    user: User | None
    token_hash: str | None
    """None for a browser without a valid cookie of ours."""
    version: int | None
    standing: Standing = "good"
    """`ended`: signed out or expired, nothing may be written. `stale`: rights changed, the token gets exchanged."""


def current_identity() -> Identity:
    """Find out who this tab belongs to now: one query, two before a browser's first edit, none for one
    without a valid cookie.

    Raises StoreUnavailableError when the database can't be asked: soon in a tab whose last answer still stands, and
    after some patience in a new one.
    """
    services = get_services()
    with nullcontext() if active_identity() is None else services.accounts.hurry:
        return _ask(services)


def _ask(services: Services) -> Identity:
    secret = services.settings.secret_key.get_secret_value()
    token = st.context.cookies.get(services.settings.cookie_name, "")
    identity = _of_token(services, token, secret) if verify(token, secret) else _without_token()
    if services.settings.auth == "none" and identity.standing == "good":
        with reachable():
            local = _local_user(services.accounts)
        identity = dataclasses.replace(identity, user=local, session_id=local.session_id, version=None)
    st.session_state[_IDENTITY_KEY] = identity
    return identity


def active_identity() -> Identity | None:
    """Who this tab belonged to when last asked, without a query; None before the first time."""
    identity: Identity | None = st.session_state.get(_IDENTITY_KEY)
    return identity


def current_device() -> str:
    """A few words for this tab's browser, such as "Firefox on Linux"."""
    return describe_device(st.context.headers.get("User-Agent"))


def may_write(identity: Identity, session_id: str) -> bool:
    """Whether a tab still has a right to its session, by one query. During an outage the last known answer stands."""
    services = get_services()
    if identity.token_hash is None:
        return True
    try:
        with services.accounts.hurry, reachable():
            state = services.accounts.check(identity.token_hash)
            if state is None:  # a browser before its first edit
                nobody = identity.user is None or services.settings.auth == "none"
                return nobody and not services.accounts.is_deleted(session_id)
    except StoreUnavailableError:
        return True
    return state.standing != "ended" and (services.settings.auth == "none" or state.session_id == session_id)


def require_sign_in(identity: Identity) -> None:
    """Go on only for somebody who may use the app; otherwise show what they must do first and end the run."""
    services, say = get_services(), words_for()
    if identity.standing == "ended":
        leaving = st.session_state.pop(_LEAVING_KEY, None)
        signed_out = leaving is not None
        message = say("auth.signed_out" if signed_out else "auth.ended")
        if not signed_out and _provider_vouches(services):
            leaving = "auth/logout"  # or the provider's own cookie would sign the browser in again at once
        _exchange(services, identity, None, message, clear=True, signed_out=signed_out, then=leaving)
    if identity.standing == "stale":
        _exchange(services, identity, identity.user, say("auth.rights_changed"))
    if services.settings.auth == "password":
        _require_password(services, identity)
    elif services.settings.auth == "oidc":
        _require_provider(services, identity)


def sign_out() -> None:
    """End this browser's right on the server at once; the page then forgets the person and loads anew.

    For a button: `st.button("Sign out", on_click=sign_out)`. Called from the script itself it ends the run.
    """
    services = get_services()
    identity = active_identity()
    if identity is None or identity.token_hash is None:
        return
    try:
        with reachable():
            services.accounts.revoke(identity.token_hash)
    except StoreUnavailableError:
        st.error(words_for()("auth.still_signed_in"))
        return
    st.session_state[_LEAVING_KEY] = "auth/logout" if _provider_vouches(services) else ""
    context = get_script_run_ctx()
    if context is not None and context.has_script_started:
        st.rerun()  # a callback needs none: the script runs right after it


def _of_new_token(services: Services, session_id: str, hashed: str) -> Identity:
    """A browser before its first edit. Where a session was deleted nothing can be kept: it gets a new token."""
    with reachable():
        deleted = services.accounts.is_deleted(session_id)
    return _ended(hashed) if deleted else Identity(session_id=session_id, user=None, token_hash=hashed, version=None)


def _ended(hashed: str) -> Identity:
    return dataclasses.replace(_without_token(), token_hash=hashed, standing="ended")


def _of_token(services: Services, token: str, secret: str) -> Identity:
    hashed = token_hash(token)
    context = get_script_run_ctx()
    if context is not None:
        get_bindings().bind(context.session_id, hashed)
    with reachable():
        state = services.accounts.check(hashed)
    if state is None:
        return _of_new_token(services, anonymous_session_id(token, secret), hashed)
    if state.standing == "ended":
        return _ended(hashed)
    services.accounts.touch_if_due(state)
    return Identity(
        session_id=state.session_id,
        user=state.user,
        token_hash=hashed,
        version=state.version,
        standing=state.standing,
    )


def _without_token() -> Identity:
    """A session for this tab only, which nobody can come back to."""
    session_id = st.session_state.setdefault(_ANONYMOUS_KEY, f"anon-{secrets.token_hex(16)}")
    return Identity(session_id=session_id, user=None, token_hash=None, version=None)


def _exchange(
    services: Services,
    identity: Identity,
    user: User | None,
    message: str,
    *,
    clear: bool = False,
    signed_out: bool = False,
    then: str | None = None,
) -> NoReturn:
    """Give the browser a new token, for `user` or anonymous, and end the run."""
    if identity.token_hash is None:
        st.error(words_for()("auth.no_cookie"))
        st.stop()
    try:
        with reachable():
            ticket = services.accounts.issue_ticket(identity.token_hash, user.user_id if user else None)
    except StoreUnavailableError:
        st.error(words_for()("auth.no_database"))
        st.stop()
    hand_over(ticket, message=message, clear=clear, signed_out=signed_out, then=then)
    st.stop()


def _provider_vouches(services: Services) -> bool:
    return services.settings.auth == "oidc" and bool(st.user.get("is_logged_in"))


def _require_password(services: Services, identity: Identity) -> None:
    title = services.settings.title
    page = st.empty()
    if identity.user is None:
        with page.container():
            user = ask_password(services.accounts, title)
        if user is None:
            st.stop()
        page.empty()
        _exchange(services, identity, user, words_for()("auth.signing_in"))
    if identity.user.must_change_password:
        with page.container():
            changed = ask_new_password(services.accounts, identity.user, title)
        if not changed:
            st.stop()
        page.empty()
        _exchange(services, identity, identity.user, words_for()("auth.password_saved"))


def _require_provider(services: Services, identity: Identity) -> None:
    """`auth=oidc`: Streamlit signs in with the provider; the person it names becomes one of ours."""
    title = services.settings.title
    if not st.user.get("is_logged_in"):
        if identity.user is not None:
            return  # our own cookie outlives the provider's, and is the one that can be revoked
        st.title(title, anchor=False)
        if st.button(words_for()("sign_in.button"), type="primary"):
            try:
                st.login()
            except StreamlitAuthError as error:
                st.error(f"Signing in isn't set up yet: {error} Fill in [auth] in .streamlit/secrets.toml.")
        st.stop()
    with reachable():
        user = _provided_user(services.accounts)
    if not user.active:
        st.error(words_for()("auth.locked"))
        st.stop()
    if identity.user is None or identity.user.user_id != user.user_id:
        _exchange(services, identity, user, words_for()("auth.signing_in"))


def _provided_user(accounts: Accounts) -> User:
    # Issuer and subject together name a person for ever; an e-mail address may pass to somebody else.
    issuer, subject = str(st.user.get("iss", "")), str(st.user.get("sub", ""))
    username = "oidc-" + hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()[:32]
    email = st.user.get("email")
    name = str(st.user.get("name") or email or username)
    return _found_or_created(accounts, username, name, roles=("member",), email=str(email) if email else None)


def _local_user(accounts: Accounts) -> User:
    user = _found_or_created(accounts, LOCAL_USER, "Local user")
    return dataclasses.replace(accounts.ensure_session(user), permissions=frozenset({"*"}))


def _found_or_created(
    accounts: Accounts, username: str, name: str, *, roles: tuple[str, ...] = (), email: str | None = None
) -> User:
    user = accounts.find(username)
    if user is not None:
        return user
    try:
        return accounts.create_user(username, name, email=email, roles=roles)
    except AccountError:
        created = accounts.find(username)  # another tab was first
        if created is None:
            raise
        return created
