"""Who is there: the person behind this tab, checked anew in every run."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st
import structlog
from streamlit.errors import StreamlitAuthError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.accounts import LOCAL_USER, Accounts, Actor, Standing, User
from core.errors import AccountError, NotAllowedError, SignedOutError, StoreUnavailableError
from core.handover import hand_over
from core.invited import ask_invited, forget_link, invitation_secret
from core.language import words_for
from core.new_password import ask_new_password
from core.services import Services, get_services
from core.sign_in import ask_password, card
from core.storage.database import reachable
from core.web.binding import get_bindings
from core.web.client import noted_address
from core.web.device import describe_device
from core.web.slip import Slip, Word
from core.web.token import anonymous_session_id, token_hash, verify
from core.wildcards import matches

_IDENTITY_KEY = "_keep_identity"
_ANONYMOUS_KEY = "_keep_anonymous"
_LEAVING_KEY = "_keep_leaving"
_REASONS: dict[Word, str] = {
    "cancelled": "auth.cancelled",
    "failed": "auth.failed",
    "stale": "auth.failed",
    "away": "auth.provider_away",
    "not_admitted": "auth.not_admitted",
    "locked": "auth.locked",
    "no_database": "sign_in.no_database",
}
"""Why somebody came back from the identity provider without being signed in."""

log = structlog.get_logger(__name__)


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
    registered: bool = False
    """Whether the token has its row, as each has from the browser's first edit on."""


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


def acting() -> Actor:
    """Who acts in this tab, and from where, for the audit trail."""
    identity = active_identity()
    user_id = identity.user.user_id if identity and identity.user else None
    return Actor(user_id=user_id, address=noted_address(st.context.ip_address), device=current_device())


def check_right(identity: Identity, session_id: str, needs: Iterable[str] = ()) -> int | None:
    """Check by one query that a tab still has a right to its session, and its person the permissions it needs.

    During an outage the last answer stands. Returns the version of the stored session where that came with the answer.
    Raises SignedOutError for a tab whose right has ended, and NotAllowedError for a person who lacks a permission.
    """
    services = get_services()
    if identity.token_hash is None:
        return None
    local = services.settings.auth == "none"
    try:
        with services.accounts.hurry, reachable():
            state = services.accounts.check(identity.token_hash)
            if state is None:  # a browser before its first edit
                allowed = (identity.user is None or local) and not services.accounts.is_deleted(session_id)
            else:
                allowed = state.standing != "ended" and (local or state.session_id == session_id)
    except StoreUnavailableError:
        return None
    if not allowed:
        raise SignedOutError
    if not local:
        granted = state.user.permissions if state is not None and state.user is not None else frozenset()
        for permission in needs:
            if not matches(granted, permission):
                raise NotAllowedError(permission)
    return state.version if state is not None and state.session_id == session_id else None


def require_sign_in(identity: Identity) -> None:
    """Go on only for somebody who may use the app; otherwise show what they must do first and end the run."""
    services, say = get_services(), words_for()
    if identity.standing == "ended":
        leaving = st.session_state.get(_LEAVING_KEY)
        signed_out = leaving is not None
        message = say("auth.signed_out" if signed_out else "auth.ended")
        forget = signed_out or _is_forgotten(services, identity)
        _exchange(services, identity, None, message, clear=True, signed_out=forget, then=leaving)
    st.session_state.pop(_LEAVING_KEY, None)
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
            state = services.accounts.check(identity.token_hash)
            if state is not None and state.standing == "ended":
                return  # the next run says so; somebody else may be signed in with this browser by now
            say_goodbye()
            services.accounts.revoke(identity.token_hash, by=acting(), event="sign_out")
        st.session_state.pop(_IDENTITY_KEY)  # that answer must not stand if the database is away a moment later
    except StoreUnavailableError:
        st.error(words_for()("auth.still_signed_in"))
        return
    context = get_script_run_ctx()
    if context is not None and context.has_script_started:
        st.rerun()  # a callback needs none: the script runs right after it


def say_goodbye() -> None:
    """Say, before ending this browser's right, that its person wishes so: then nothing of them stays in the browser.

    Before, because a page whose right has ended is run again at once (`core.web.watch`), which ends the callback.
    """
    st.session_state[_LEAVING_KEY] = "auth/logout" if get_services().settings.auth == "oidc" else ""


def renew_token(message: str) -> NoReturn:
    """Give this browser another token for the same person, showing `message` meanwhile, and end the run."""
    identity = active_identity()
    if identity is None or identity.user is None:
        st.stop()
    _exchange(get_services(), identity, identity.user, message)


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
        registered=True,
    )


def _is_forgotten(services: Services, identity: Identity) -> bool:
    """Whether what this browser wrote into was deleted. What was typed here then waits for nobody."""
    if identity.token_hash is None:
        return False
    try:
        with reachable():
            state = services.accounts.check(identity.token_hash)
            return state is not None and services.accounts.is_deleted(state.session_id)
    except StoreUnavailableError:
        return False


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


def _require_password(services: Services, identity: Identity) -> None:
    title, by = services.settings.title, acting()
    page, invitation = st.empty(), invitation_secret()
    if identity.user is None:
        with page.container():
            if invitation is None:
                user = ask_password(services.accounts, title, token_hash=identity.token_hash, by=by)
            else:
                user = _invited(services, identity, invitation)
        if user is None:
            st.stop()
        page.empty()
        # Without the invitation in its address.
        _exchange(services, identity, user, words_for()("auth.signing_in"), then=None if invitation is None else "")
    if invitation is not None:
        forget_link()
        st.toast(words_for()("invitation.signed_in"), icon=":material/link_off:")
    if identity.user.must_change_password:
        with page.container():
            changed = ask_new_password(
                services.accounts, identity.user, title, token_hash=identity.token_hash, by=by, leave=sign_out
            )
        if not changed:
            st.stop()
        page.empty()
        _exchange(services, identity, identity.user, words_for()("auth.password_saved"))


def _invited(services: Services, identity: Identity, invitation: str) -> User | None:
    if identity.token_hash is None:  # who can't be signed in afterwards uses nothing up
        st.error(words_for()("auth.no_cookie"))
        return None
    return ask_invited(services.accounts, invitation, services.settings.title, by=acting())


def _require_provider(services: Services, identity: Identity) -> None:
    """`auth=oidc`: Streamlit leads to the provider and back; `core.web.provider` signs in whom it names."""
    if identity.user is not None:
        return
    say = words_for()
    slip = Slip.read(st.context.cookies, services.settings)
    with card(services.settings.title, say("sign_in.text")):
        if slip is not None and slip.word:
            st.error(say(_REASONS[slip.word], who=slip.who), icon=":material/block:")
        if slip is not None and slip.word == "not_admitted":
            st.button(say("auth.other_account"), on_click=st.logout, width="stretch")
        elif st.button(say("sign_in.button"), type="primary", width="stretch"):
            try:
                st.login()
            except StreamlitAuthError as error:
                log.error("the identity provider is not described in .streamlit/secrets.toml", error=str(error))
                st.error(say("auth.not_set_up"), icon=":material/build:")
    st.stop()


def _local_user(accounts: Accounts) -> User:
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
