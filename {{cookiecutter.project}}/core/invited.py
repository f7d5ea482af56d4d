"""The page an invitation leads to: somebody new chooses under which name and with which password they sign in."""

from __future__ import annotations

import streamlit as st

from core.accounts import Accounts, Actor, Invitation, User
from core.accounts.invitations import PARAMETER
from core.accounts.users import LONGEST_NAME
from core.errors import AccountError, InvitationError, UsernameTakenError
from core.language import words_for
from core.new_password import new_password, require_fit
from core.sign_in import card, refusals


def invitation_secret() -> str | None:
    """Return what the address of this tab has for an invitation, if anything."""
    return st.query_params.get(PARAMETER)


def forget_link() -> None:
    """Take the invitation out of the address, so that it gets into no history."""
    if PARAMETER in st.query_params:
        del st.query_params[PARAMETER]


def ask_invited(accounts: Accounts, secret: str, title: str, *, by: Actor) -> User | None:
    """Show the page of an invitation, or why it admits nobody. Returns the new person once they are added."""
    say, user = words_for(), None
    with refusals(say, "invitation.no_database"):
        try:
            user = _ask(accounts, secret, accounts.invitation(secret), title, by)
        except InvitationError:
            with card(title, ""):
                st.error(say("invitation.unusable"), icon=":material/link_off:")
                st.button(say("invitation.to_sign_in"), on_click=forget_link, width="stretch")
    return user


def _ask(accounts: Accounts, secret: str, invitation: Invitation, title: str, by: Actor) -> User | None:
    say, user = words_for(), None
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
            with refusals(say, "invitation.no_database"):
                if not name.strip() or not username.strip():
                    raise AccountError(say("invitation.incomplete"))
                require_fit(new, again, say, known=(accounts.title, username, invitation.email))
                try:
                    user = accounts.accept(secret, username, name, new, by=by)
                except UsernameTakenError as error:
                    raise AccountError(say("invitation.taken")) from error
                except InvitationError as error:
                    raise AccountError(say("invitation.unusable")) from error
    return user
