"""The pages before sign-in with `auth=password`, and the form by which a person changes their password."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.accounts import Accounts, Actor, User
from core.accounts.invitations import PARAMETER as INVITATION
from core.accounts.password_resets import PARAMETER as RESET
from core.accounts.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH, Flaw, flaw, verify_password
from core.accounts.users import LONGEST_NAME
from core.auth.password_check import check_password
from core.errors import (
    AccountError,
    InvalidLinkError,
    KeepError,
    StoreUnavailableError,
    ThrottledError,
    UncheckedPasswordError,
    UsernameTakenError,
)
from core.language import mark_page, plain, words_for
from core.storage.database import reachable
from core.words import Words

_CARD_WIDTH = 420
"""Pixels; narrower where the screen is."""
_EXPECTED = (AccountError, StoreUnavailableError, ThrottledError, UncheckedPasswordError)

_FLAWS: dict[Flaw, str] = {
    "too_short": "sign_in.too_short",
    "too_long": "sign_in.too_long",
    "too_common": "sign_in.too_common",
    "too_near": "sign_in.too_near",
}
Link = tuple[str, str]
"""The parameter of a link's query, and its secret."""
_UNUSABLE = {INVITATION: "invitation.unusable", RESET: "reset.unusable"}
_NO_DATABASE = {INVITATION: "invitation.no_database", RESET: "sign_in.password_no_database"}


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
        st.caption(say("sign_in.forgotten"))
        if not asked:
            return None
        if not username.strip() or not password:
            st.error(say("sign_in.incomplete"), icon=":material/edit:")
            return None
        user = None
        with show_refusal(say, "sign_in.no_database"):
            user = check_password(accounts, username, password, token_hash=token_hash, by=by)
            if user is None:
                st.error(say("sign_in.wrong"), icon=":material/error:")
        return user


def card(title: str, text: str) -> DeltaGenerator:
    """Begin a page for somebody who is not signed in yet; returns the container for its form."""
    mark_page(words_for().language)
    card = st.container(horizontal_alignment="center").container(
        border=True, width=_CARD_WIDTH, key="keep-sign-in-card"
    )
    card.title(plain(title), anchor=False)
    card.markdown(text)
    return card


@contextmanager
def show_refusal(say: Words, no_database: str) -> Iterator[None]:
    """Show why something is refused, instead of a traceback. The block ends there, and what follows it goes on.

    `no_database` is the entry that tells what can't be done while the database is away.
    """
    try:
        with reachable():
            yield
    except _EXPECTED as error:
        text, icon = why_refused(error, say, no_database)
        st.error(text, icon=icon)


def why_refused(error: KeepError, say: Words, no_database: str) -> tuple[str, str]:
    """Return the text for something refused, and its icon. `no_database` is as for `show_refusal`."""
    match error:
        case ThrottledError():
            return say("sign_in.too_many", n=math.ceil(error.seconds / 60)), ":material/hourglass_top:"
        case UncheckedPasswordError():
            return say("sign_in.unchecked"), ":material/build:"
        case AccountError():
            return plain(error.said(say)), ":material/edit:"
        case _:
            return say(no_database), ":material/cloud_off:"


def link_in_address() -> Link | None:
    """Return which link the address of this tab is, if any: its parameter and its secret."""
    return next(((name, st.query_params[name]) for name in _BY_LINK if name in st.query_params), None)


def forget_link() -> None:
    """Take the link out of the address, so that it gets into no history."""
    for name in _BY_LINK:
        st.query_params.pop(name, None)


def ask_by_link(accounts: Accounts, link: Link, title: str, *, by: Actor) -> User | None:
    """Show the page of a link, or why it admits nobody. Returns the person once it is used."""
    say, user, (name, secret) = words_for(), None, link
    with show_refusal(say, _NO_DATABASE[name]):
        try:
            user = _BY_LINK[name](accounts, secret, title, by)
        except InvalidLinkError:
            with card(title, ""):
                st.error(say(_UNUSABLE[name]), icon=":material/link_off:")
                st.button(say("sign_in.instead"), on_click=forget_link, width="stretch")
    return user


def ask_new_password(
    accounts: Accounts, user: User, title: str, *, token_hash: str | None, by: Actor, leave: Callable[[], None]
) -> bool:
    """Show the page on which a person replaces a password they were given. Returns True once it is stored.

    `leave` signs them out, for who would rather do that another time.
    """
    say, stored = words_for(), False
    with card(title, say("sign_in.choose", name=user.name)):
        with st.form("keep-new-password", border=False):
            new, again = new_password(say)
            asked = st.form_submit_button(say("sign_in.save"), type="primary", width="stretch")
        st.button(say("frame.sign_out"), icon=":material/logout:", type="tertiary", width="stretch", on_click=leave)
        if asked:
            with show_refusal(say, "sign_in.password_no_database"):
                require_fit(new, again, say, known=(accounts.users.title, user.username, user.email))
                attempt = accounts.throttle.begin(user.username, token_hash=token_hash, by=by)  # no place for guessing
                if verify_password(new, attempt.password_hash):
                    raise AccountError(say("sign_in.same"))
                accounts.throttle.right(attempt)
                accounts.users.set_password(user.user_id, new, keep=token_hash, by=by)
                stored = True
    return stored


def ask_change(accounts: Accounts, user: User, say: Words, *, token_hash: str | None, by: Actor) -> bool:
    """Show the form by which a person changes their password. Returns True once the new one is stored.

    All their other browsers are signed out then; this one receives another token at its next event.
    """
    stored = False
    with st.form("keep-change-password", border=True, width=480):
        old = st.text_input(say("password.old"), type="password", autocomplete="current-password")
        new, again = new_password(say)
        asked = st.form_submit_button(say("sign_in.save"), type="primary")
    if asked:
        with show_refusal(say, "sign_in.password_no_database"):
            require_fit(new, again, say, known=(accounts.users.title, user.username, user.email))
            if check_password(accounts, user.username, old, token_hash=token_hash, by=by) is None:
                raise AccountError(say("password.wrong"))
            if new == old:
                raise AccountError(say("password.same"))
            accounts.users.set_password(user.user_id, new, keep=token_hash, by=by)
            stored = True
    return stored


def new_password(say: Words) -> tuple[str, str]:
    """Show the two fields of a new password and the rule for it, within a form; returns what was entered."""
    new = st.text_input(say("sign_in.new_password"), type="password", autocomplete="new-password")
    again = st.text_input(say("sign_in.once_more"), type="password", autocomplete="new-password")
    st.caption(say("sign_in.rule", low=MINIMUM_LENGTH, high=MAXIMUM_LENGTH))
    return new, again


def require_fit(new: str, again: str, say: Words, *, known: Iterable[str | None]) -> None:
    """Raise AccountError, in the person's language, for a password nobody may have, or two that differ.

    `known` is what everybody knows of the account.
    """
    if new != again:
        raise AccountError(say("sign_in.differ"))
    found = flaw(new, known)
    if found is not None:
        raise AccountError(say(_FLAWS[found], low=MINIMUM_LENGTH, high=MAXIMUM_LENGTH))


def _reset_form(accounts: Accounts, secret: str, title: str, by: Actor) -> User | None:
    say, user, person = words_for(), None, accounts.resets.find(secret, by=by)
    with card(title, say("reset.text", name=plain(person.name), username=plain(person.username))):
        with st.form("keep-reset", border=False):
            new, again = new_password(say)
            asked = st.form_submit_button(say("sign_in.save"), type="primary", width="stretch")
        if asked:
            with show_refusal(say, "sign_in.password_no_database"):
                require_fit(new, again, say, known=(accounts.users.title, person.username, person.email))
                try:
                    user = accounts.resets.use(secret, new, by=by)
                except InvalidLinkError as error:
                    raise AccountError(say("reset.unusable")) from error
    return user


def _invitation_form(accounts: Accounts, secret: str, title: str, by: Actor) -> User | None:
    say, user, invitation = words_for(), None, accounts.invitations.find(secret)
    address = invitation.email or ""
    with card(title, say("invitation.text")):
        with st.form("keep-invitation", border=False):
            name = st.text_input(
                say("invitation.name"),
                "" if address else invitation.label,
                max_chars=LONGEST_NAME,
                autocomplete="name",
            )
            username = st.text_input(say("sign_in.username"), address, max_chars=LONGEST_NAME, autocomplete="username")
            new, again = new_password(say)
            asked = st.form_submit_button(say("invitation.button"), type="primary", width="stretch")
        if asked:
            with show_refusal(say, "invitation.no_database"):
                if not name.strip() or not username.strip():
                    raise AccountError(say("invitation.incomplete"))
                require_fit(new, again, say, known=(accounts.users.title, username, invitation.email))
                try:
                    user = accounts.invitations.accept(secret, username, name, new, by=by)
                except UsernameTakenError as error:
                    raise AccountError(say("invitation.taken")) from error
                except InvalidLinkError as error:
                    raise AccountError(say("invitation.unusable")) from error
    return user


_BY_LINK: Mapping[str, Callable[[Accounts, str, str, Actor], User | None]] = {
    INVITATION: _invitation_form,
    RESET: _reset_form,
}
"""Pages by the parameter of the address that leads to them."""
