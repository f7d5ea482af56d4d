"""The person of this tab, checked anew in every run, and what must be done before they may use the app."""

from __future__ import annotations

import dataclasses
import secrets
from typing import NoReturn

import streamlit as st
import structlog
from streamlit.errors import StreamlitAuthError

from core.accounts import Actor, Identity, User
from core.auth.pages import ask_by_link, ask_new_password, ask_password, card, forget_link, link_in_address
from core.auth.token_rotation import rotate_token
from core.errors import StoreUnavailableError
from core.language import plain, words_for
from core.services import Services, get_services
from core.storage.database import reachable
from core.streamlit_compat.run import run_context
from core.streamlit_compat.user import answer_user
from core.web.binding import get_bindings
from core.web.client import describe_device, noted_address
from core.web.oidc import Failure, OidcFlow
from core.web.token import anonymous_session_id, token_hash, verify

_IDENTITY_KEY = "_keep_identity"
_ANONYMOUS_KEY = "_keep_anonymous"
_LEAVING_KEY = "_keep_leaving"
_REASONS: dict[Failure, str] = {
    "cancelled": "auth.cancelled",
    "failed": "auth.failed",
    "stale": "auth.failed",
    "away": "auth.provider_away",
    "not_admitted": "auth.not_admitted",
    "locked": "auth.locked",
    "no_database": "sign_in.no_database",
    "left_open": "auth.left_open",
}
"""Texts for why somebody came back from the identity provider without being signed in."""

log = structlog.get_logger(__name__)


def current_identity() -> Identity:
    """Resolve this tab's cookie to an identity (see `core.accounts.identity`).

    Raises StoreUnavailableError when the database can't be asked and nothing is known of this browser.
    """
    services = get_services()
    secret = services.settings.secret_key.get_secret_value()
    token = st.context.cookies.get(services.settings.cookie_name, "")
    hashed = token_hash(token) if verify(token, secret) else None
    # Without a valid cookie it is a session for this tab only, which nobody can come back to.
    own = st.session_state.setdefault(_ANONYMOUS_KEY, f"anon-{secrets.token_hex(16)}")
    context = run_context()
    if hashed is not None and context is not None:
        get_bindings().bind(context.session_id, hashed)
    anonymous = own if hashed is None else anonymous_session_id(token, secret)
    identity = services.accounts.identities.resolve(hashed, anonymous, patient=active_identity() is None)
    if identity.standing == "ended":
        identity = dataclasses.replace(identity, session_id=own)
    elif identity.registered and not identity.database_away:
        services.accounts.tokens.touch(identity)
    st.session_state[_IDENTITY_KEY] = identity
    return identity


def active_identity() -> Identity | None:
    """Return this tab's identity as of the last check, without a query; None before the first one."""
    identity: Identity | None = st.session_state.get(_IDENTITY_KEY)
    return identity


def _user_facts() -> dict[str, str | bool | None]:
    """Return what `st.user` says: who is signed in in this tab, as of the last check, without a query."""
    identity = active_identity()
    if identity is None or identity.user is None:
        return {"is_logged_in": False}
    user = identity.user
    return {"is_logged_in": True, "sub": user.user_id, "name": user.name, "email": user.email}


answer_user(_user_facts)


def current_device() -> str:
    """Return a few words for this tab's browser, such as "Firefox on Linux"."""
    return describe_device(st.context.headers.get("User-Agent"))


def acting() -> Actor:
    """Return the person of this tab, and from where they act, for the audit trail."""
    identity = active_identity()
    user_id = identity.user.user_id if identity and identity.user else None
    return Actor(user_id=user_id, address=noted_address(st.context.ip_address), device=current_device())


def require_sign_in(identity: Identity) -> None:
    """Go on only for somebody who may use the app; otherwise show what they must do first and end the run."""
    services, say = get_services(), words_for()
    if identity.standing == "ended":
        leaving = st.session_state.get(_LEAVING_KEY)
        signed_out = leaving is not None
        message = say("auth.signed_out" if signed_out else "auth.ended")
        forget = signed_out or identity.session_deleted  # what was typed here then waits for nobody
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
            now = services.accounts.identities.resolve(identity.token_hash, identity.anonymous_id, patient=True)
            if now.standing == "ended":
                return  # the next run says so; somebody else may be signed in with this browser by now
            say_goodbye()
            services.accounts.tokens.revoke(identity.token_hash, by=acting(), event="sign_out")
        # That answer must not stand if the database is away a moment later; the next run asks with patience.
        st.session_state.pop(_IDENTITY_KEY)
    except StoreUnavailableError:
        st.error(words_for()("auth.still_signed_in"))
        return
    context = run_context()
    if context is not None and context.has_script_started:
        st.rerun()  # a callback needs none: the script runs right after it


def say_goodbye() -> None:
    """Say, before ending this browser's right, that its person wishes so: then nothing of them stays in the browser.

    Before, because a page whose right has ended is run again at once (`core.web.session_revocation`), which ends the
    callback.
    """
    st.session_state[_LEAVING_KEY] = "auth/logout" if get_services().settings.auth == "oidc" else ""


def renew_token(message: str) -> NoReturn:
    """Give this browser another token for the same person, showing `message` meanwhile, and end the run."""
    identity = active_identity()
    if identity is None or identity.user is None:
        st.stop()
    _exchange(get_services(), identity, identity.user, message)


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
    hashed = _require_cookie(services, identity)
    try:
        with reachable():
            ticket = services.accounts.tokens.issue_ticket(hashed, user.user_id if user else None)
    except StoreUnavailableError:
        st.error(words_for()("auth.no_database"))
        st.stop()
    rotate_token(ticket, message=message, clear=clear, signed_out=signed_out, then=then)
    st.stop()


def _require_cookie(services: Services, identity: Identity) -> str:
    """Return the digest of the browser's token. One that keeps no cookie is told so before anything is entered."""
    if identity.token_hash is None:
        with card(services.settings.title, words_for()("sign_in.text")):
            st.error(words_for()("auth.no_cookie"), icon=":material/cookie_off:")
        st.stop()
    return identity.token_hash


def _require_password(services: Services, identity: Identity) -> None:
    title, by, hashed = services.settings.title, acting(), _require_cookie(services, identity)
    page, link = st.empty(), link_in_address()
    if identity.user is None:
        with page.container():
            if link is None:
                user = ask_password(services.accounts, title, token_hash=hashed, by=by)
            else:
                user = ask_by_link(services.accounts, link, title, by=by)
        if user is None:
            st.stop()
        page.empty()
        # Without the link in its address.
        _exchange(services, identity, user, words_for()("auth.signing_in"), then=None if link is None else "")
    if link is not None:
        forget_link()
        st.toast(words_for()("auth.link_not_used"), icon=":material/link_off:")
    if identity.user.must_change_password:
        with page.container():
            changed = ask_new_password(
                services.accounts, identity.user, title, token_hash=hashed, by=by, leave=sign_out
            )
        if not changed:
            st.stop()
        page.empty()
        _exchange(services, identity, identity.user, words_for()("auth.password_saved"))


def _require_provider(services: Services, identity: Identity) -> None:
    """`auth=oidc`: Streamlit leads to the provider and back; `core.web.oidc` signs in whom it names."""
    if identity.user is not None:
        return
    _require_cookie(services, identity)
    say = words_for()
    flow = OidcFlow.read(st.context.cookies, services.settings)
    with card(services.settings.title, say("sign_in.text")):
        if flow is not None and flow.failure:
            st.error(say(_REASONS[flow.failure], who=plain(flow.who)), icon=":material/block:")
        if flow is not None and flow.failure == "not_admitted":
            st.button(say("auth.other_account"), on_click=st.logout, width="stretch")
        elif st.button(say("sign_in.button"), type="primary", width="stretch"):
            try:
                st.login()
            except StreamlitAuthError as error:
                log.error("the identity provider is not described in .streamlit/secrets.toml", error=str(error))
                st.error(say("auth.not_set_up"), icon=":material/build:")
    st.stop()
