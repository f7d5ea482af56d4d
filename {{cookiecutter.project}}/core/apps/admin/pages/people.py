"""People: who may sign in and with which roles, and who is invited."""

import secrets
from urllib.parse import urlsplit

import streamlit as st

from core import ui
from core.accounts import Accounts, Invitation, User
from core.accounts.invitations import LIFETIME, link
from core.accounts.oidc import NEWCOMER
from core.accounts.users import LONGEST_NAME
from core.apps.admin.common import PER_PAGE, offset, pagination, show_refusal, to_first_page
from core.auth import acting
from core.permissions import current_permissions, requires
from core.router import page
from core.services import get_services
from core.settings import Settings
from core.storage.database import reachable
from core.web.address import app_folder
from core.wildcards import lacking

_NUMBER = "admin-people-number"
_DONE = "admin-people-done"


@page(title="People", icon=":material/group:", order=1, needs_sign_in=True)
@requires("admin.people")
def people() -> None:
    services = get_services()
    accounts, settings = services.accounts, services.settings
    with reachable():
        roles = accounts.roles.all()
    yours = [role.role for role in roles if not lacking(current_permissions(), role.permissions)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title(ui.words().title("People"), width="stretch")
        if settings.auth == "password" and st.button("Invite", icon=":material/link:", type="primary"):
            _ask_whom(accounts, yours)
    if settings.auth == "oidc":
        st.caption(_provided(settings))
    if others := [f"`{role.role}`" for role in roles if role.role not in yours]:
        st.caption(f"You give and take what you have yourself. These roles give more: {', '.join(others)}.")
    search = st.text_input("Search", placeholder="Name, username or e-mail", on_change=to_first_page, args=(_NUMBER,))
    with reachable():
        invitations = accounts.invitations.all()
        total = accounts.users.count(search)
        found = accounts.users.search(search, limit=PER_PAGE, offset=offset(_NUMBER, total))
    if invitations and not search and settings.auth == "password":
        _invited(accounts, invitations)
    st.caption(f"{ui.words().number(total)} {'person' if total == 1 else 'people'}")
    if not found:
        ui.empty_state(":material/person_search:", "No results", "No one matches your search.")
    for user in found:
        _row(accounts, user, yours, provided=settings.auth == "oidc")
    pagination(_NUMBER, total)


def _provided(settings: Settings) -> str:
    """Return what `auth=oidc` changes here."""
    text = "People come through your provider: each is here from their first sign-in on."
    if not settings.oidc_roles:
        return text
    managed = ", ".join(f"`{role}`" for role in sorted(set(settings.oidc_roles.values())))
    return (
        f"{text} It also decides, by their groups, who has {managed} (`OIDC_ROLES`): "
        "given or taken here, these last until the person's next sign-in. All other roles are given here, and stay."
    )


def _row(accounts: Accounts, user: User, yours: list[str], *, provided: bool) -> None:
    key = f"roles-{user.user_id}"
    more = lacking(current_permissions(), user.permissions)
    st.session_state[key] = sorted(user.roles)  # what the database has, whoever changed it
    with st.container(border=True, key=f"person-{user.user_id}"):
        who, may, state = st.columns([3, 4, 2], vertical_alignment="center")
        with who:
            st.markdown(f"**{ui.plain(user.name)}**" + ("" if user.active else "  :gray-badge[locked out]"))
            seen = ui.local_time(user.last_sign_in) if user.last_sign_in else "never"
            known_as = user.email or user.username if provided else user.username
            st.caption(f"{ui.plain(known_as)} · last signed in: {seen}")
        with may:
            st.multiselect(
                f"Roles of {ui.plain(user.name)}",
                sorted({*yours, *user.roles}),
                key=key,
                label_visibility="collapsed",
                placeholder="No roles",
                on_change=_change_roles,
                args=(accounts, user, key),
            )
        with state, st.popover("Manage", icon=":material/more_horiz:", width="stretch"):
            if more and user.user_id != acting().user_id:
                st.caption(f"Has more than you: {', '.join(f'`{each}`' for each in more)}. Ask somebody who has it.")
            else:
                _manage(accounts, user, key, provided=provided)


def _manage(accounts: Accounts, user: User, key: str, *, provided: bool) -> None:
    if not provided:
        with st.form(f"describe-{key}", border=False):
            name = st.text_input("Name", user.name, max_chars=LONGEST_NAME)
            email = st.text_input("Email", user.email or "", type="email")
            if st.form_submit_button("Save", width="stretch"):
                with show_refusal():
                    _describe(accounts, user, name, email)
                    st.rerun()
    if user.active:
        st.button("Lock out", key=f"lock-{key}", on_click=_set_active, args=(accounts, user, False), width="stretch")
    else:
        st.button("Admit again", key=f"admit-{key}", on_click=_set_active, args=(accounts, user, True), width="stretch")
    if not provided and st.button("New password", key=f"password-{key}", width="stretch"):
        with show_refusal():
            _show_password(user, _renew(accounts, user))


def _invited(accounts: Accounts, invitations: list[Invitation]) -> None:
    with st.container(border=True, key="invitations"):
        st.markdown(f"**Open invitations** · {ui.words().number(len(invitations))}")
        for invitation in invitations:
            whom, how, end = st.columns([3, 4, 2], vertical_alignment="center")
            whom.markdown(ui.plain(invitation.label))
            whom.caption(f"by {ui.plain(invitation.invited_by) or 'command line'}")
            how.markdown(", ".join(invitation.roles) or "No roles")
            how.caption(
                f"until {ui.local_time(invitation.expires_at)}"
                if invitation.counts
                else ":orange[Admits nobody: whoever invited may not invite any more]"
            )
            end.button(
                "Withdraw",
                key=f"withdraw-{invitation.invitation_hash[:16]}",
                help=f"Withdraw the invitation of {ui.plain(invitation.label)}",
                on_click=_withdraw,
                args=(accounts, invitation),
                width="stretch",
            )


@st.dialog("Invite")
def _ask_whom(accounts: Accounts, existing: list[str]) -> None:
    _close_when_done()
    with st.form("invite", border=False):
        label = st.text_input("Whom", placeholder="A name or an e-mail address", max_chars=LONGEST_NAME)
        roles = st.multiselect("Roles", existing, [role for role in existing if role == NEWCOMER])
        st.caption(f"You get a link to send. It admits one person, within {LIFETIME.days} days.")
        if not st.form_submit_button("Make the link", type="primary", icon=":material/link:"):
            return
    with show_refusal():
        secret = _invite(accounts, label, roles)
        st.markdown(f"Send this link to **{ui.plain(label)}**. Whoever opens it first comes in. It is shown only now.")
        parts = urlsplit(st.context.url or "")
        st.code(link(secret, f"{parts.scheme}://{parts.netloc}{app_folder()}"), language=None, wrap_lines=True)
        st.button("Done", key=_DONE)


@st.dialog("New password")
def _show_password(user: User, password: str) -> None:
    _close_when_done()
    st.markdown(
        f"**{ui.plain(user.username)}** signs in with this password once, and then chooses their own. "
        "It is shown only now."
    )
    st.code(password, language=None)
    st.button("Done", key=_DONE)


def _close_when_done() -> None:
    """Close the dialog. Asked for at its beginning: what it shows at its end is not there in the run after that."""
    if st.session_state.get(_DONE):
        st.rerun()


@requires("admin.people")
def _invite(accounts: Accounts, label: str, roles: list[str]) -> str:
    return accounts.invitations.invite(label, roles, by=acting())


@requires("admin.people")
def _withdraw(accounts: Accounts, invitation: Invitation) -> None:
    with show_refusal():
        accounts.invitations.withdraw(invitation.invitation_hash, by=acting())


@requires("admin.people")
def _renew(accounts: Accounts, user: User) -> str:
    password = secrets.token_urlsafe(12)
    accounts.users.set_password(user.user_id, password, must_change=True, by=acting())
    return password


@requires("admin.people")
def _change_roles(accounts: Accounts, user: User, key: str) -> None:
    """Give and take what this person added and removed. What others changed meanwhile stays as it is."""
    with show_refusal():
        accounts.users.set_roles(user.user_id, st.session_state[key], seen=user.roles, by=acting())


@requires("admin.people")
def _describe(accounts: Accounts, user: User, name: str, email: str) -> None:
    accounts.users.describe(user.user_id, name=name, email=email, by=acting())


@requires("admin.people")
def _set_active(accounts: Accounts, user: User, active: bool) -> None:
    with show_refusal():
        accounts.users.set_active(user.user_id, active, by=acting())
