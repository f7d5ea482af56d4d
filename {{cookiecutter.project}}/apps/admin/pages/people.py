"""People: who may sign in, and with which roles."""

import secrets

import streamlit as st

from core import ui
from core.accounts import Accounts, User
from core.errors import AccountError
from core.permissions import requires
from core.router import page
from core.services import get_services


@page(title="People", icon=":material/group:", order=1)
@requires("admin.people")
def people() -> None:
    accounts = get_services().accounts
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title("People")
        if st.button("Add a person", icon=":material/person_add:", type="primary"):
            _add(accounts)
    roles = [role.role for role in accounts.roles()]
    for user in accounts.users():
        _row(accounts, user, roles)


def _row(accounts: Accounts, user: User, roles: list[str]) -> None:
    key = f"roles-{user.user_id}"
    with st.container(border=True, key=f"person-{user.user_id}"):
        who, may, state = st.columns([3, 4, 2], vertical_alignment="center")
        with who:
            st.markdown(f"**{user.name}**" + ("" if user.active else "  :gray-badge[locked out]"))
            seen = ui.local_time(user.last_sign_in) if user.last_sign_in else "never"
            st.caption(f"{user.username} · last signed in: {seen}")
        with may:
            st.multiselect(
                f"Roles of {user.name}",
                roles,
                sorted(user.roles),
                key=key,
                label_visibility="collapsed",
                placeholder="No roles",
                on_change=lambda: _set_roles(accounts, user, st.session_state[key]),
            )
        with state, st.popover("Manage", icon=":material/more_horiz:", width="stretch"):
            if user.active:
                st.button("Lock out", key=f"lock-{key}", on_click=_set_active, args=(accounts, user, False))
            else:
                st.button("Admit again", key=f"admit-{key}", on_click=_set_active, args=(accounts, user, True))
            if st.button("New password", key=f"password-{key}"):
                _show_password(user, _renew(accounts, user))


@st.dialog("Add a person")
def _add(accounts: Accounts) -> None:
    with st.form("add-person", border=False):
        name = st.text_input("Name")
        username = st.text_input("Username")
        email = st.text_input("Email", type="email")
        roles = st.multiselect("Roles", [role.role for role in accounts.roles()], ["member"])
        if not st.form_submit_button("Add", type="primary", icon=":material/person_add:"):
            return
    try:
        password = _create(accounts, username, name, email, roles)
    except AccountError as error:
        st.error(str(error))
        return
    _tell_password(username, password)


@st.dialog("New password")
def _show_password(user: User, password: str) -> None:
    _tell_password(user.username, password)


def _tell_password(username: str, password: str) -> None:
    st.markdown(f"**{username}** signs in with this password once, and then chooses their own. It is shown only now.")
    st.code(password, language=None)
    if st.button("Done"):
        st.rerun()


@requires("admin.people")
def _create(accounts: Accounts, username: str, name: str, email: str, roles: list[str]) -> str:
    password = secrets.token_urlsafe(12)
    accounts.create_user(username, name, email=email or None, password=password, roles=roles, must_change_password=True)
    return password


@requires("admin.people")
def _renew(accounts: Accounts, user: User) -> str:
    password = secrets.token_urlsafe(12)
    accounts.set_password(user.user_id, password, must_change=True)
    return password


@requires("admin.people")
def _set_roles(accounts: Accounts, user: User, roles: list[str]) -> None:
    accounts.set_roles(user.user_id, roles)


@requires("admin.people")
def _set_active(accounts: Accounts, user: User, active: bool) -> None:
    accounts.set_active(user.user_id, active)
