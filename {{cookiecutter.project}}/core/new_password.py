"""Choosing a password of one's own: in place of one that was given, or of one's own, whenever one likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import streamlit as st

from core.accounts import Accounts, Actor, User
from core.accounts.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH, Flaw, flaw, verify_password
from core.errors import AccountError
from core.language import words_for
from core.sign_in import card, check_password, refusals
from core.words import Words

_FLAWS: dict[Flaw, str] = {
    "too_short": "sign_in.too_short",
    "too_long": "sign_in.too_long",
    "too_common": "sign_in.too_common",
    "too_near": "sign_in.too_near",
}


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
            with refusals(say, "sign_in.password_no_database"):
                require_fit(new, again, say, known=(accounts.title, user.username, user.email))
                attempt = accounts.begin_attempt(user.username, token_hash=token_hash, by=by)  # no place for guessing
                if verify_password(new, attempt.password_hash):
                    raise AccountError(say("sign_in.same"))
                accounts.right(attempt)
                accounts.set_password(user.user_id, new, keep=token_hash, by=by)
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
        with refusals(say, "sign_in.password_no_database"):
            require_fit(new, again, say, known=(accounts.title, user.username, user.email))
            if check_password(accounts, user.username, old, token_hash=token_hash, by=by) is None:
                raise AccountError(say("password.wrong"))
            if new == old:
                raise AccountError(say("password.same"))
            accounts.set_password(user.user_id, new, keep=token_hash, by=by)
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
