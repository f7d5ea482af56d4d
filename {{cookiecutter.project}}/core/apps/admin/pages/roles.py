"""Roles: named sets of permissions, who has them, and who may do what because of it."""

from itertools import product

import pandas as pd
import streamlit as st

from core import ui
from core.accounts import Accounts, Holder, Reason, Role, User
from core.accounts.holders import granting
from core.apps.admin.changing import or_say_so
from core.apps.admin.paging import PER_PAGE, from_the_start, offset, turn
from core.apps.admin.tables import show_table
from core.auth import acting
from core.discovery import discover
from core.pages import required_permissions, unknown_permissions
from core.permissions import current_permissions, matches, requires
from core.router import page
from core.services import get_services
from core.storage.database import reachable
from core.wildcards import lacking

_MOST = 1_000
_NEW = ""
_NUMBER, _CHOSEN = "admin-roles-number", "admin-roles-chosen"


@page(title="Roles", icon=":material/key:", order=2, needs_sign_in=True)
@requires("admin.roles")
def roles() -> None:
    st.title(ui.words().title("Roles"))
    accounts = get_services().accounts
    specs = discover()
    known = required_permissions(specs)
    with reachable():
        by_name = {role.role: role for role in accounts.roles()}
        counts = accounts.count_holders()
    each, why = ui.tabs(["Roles", "Who may do what"], key="admin-roles-tabs")
    with each:
        show_table(_overview(by_name, counts), alt="All roles")
        name = st.selectbox(
            "Role",
            [*by_name, _NEW],
            format_func=lambda name: name or "Add a role …",
            key=_CHOSEN,
            on_change=from_the_start,
            args=(_NUMBER,),
        )
        chosen = by_name.get(name, Role(role=_NEW, description="", permissions=()))
        more = lacking(current_permissions(), chosen.permissions)
        if more:
            st.caption(
                f"This role gives {', '.join(f'`{each}`' for each in more)}, which you don't have yourself. "
                "You can neither give, take nor delete it; somebody who has that can."
            )
        _editor(chosen, known, deletable=not more)
        for permission, closest in unknown_permissions(chosen.permissions, known, {spec.app for spec in specs}).items():
            suggestion = f" Did you mean `{closest}`?" if closest else ""
            st.warning(f"No page or action requires `{permission}`.{suggestion}", icon=":material/spellcheck:")
        if name in by_name:
            _people(accounts, name, counts.get(name, 0), yours=not more)
    with why:
        _reasons(accounts, by_name, known)


def _overview(by_name: dict[str, Role], counts: dict[str, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Role": role.role,
            "People": counts.get(role.role, 0),
            "Permissions": "  ".join(role.permissions),
            "Description": role.description,
        }
        for role in by_name.values()
    )


def _editor(role: Role, known: list[str], *, deletable: bool) -> None:
    with st.form(f"role-{role.role}"):
        name = role.role or st.text_input("Name", placeholder="order-desk")
        left, right = st.columns(2)
        description = left.text_input("Description", role.description)
        left.caption(
            "A permission is written like `orders.use`; `orders.*` gives all of one app, `*` everything. "
            f"In use: {', '.join(f'`{permission}`' for permission in known)}. "
            "You can add and remove what you have yourself."
        )
        permissions = right.text_area("Permissions, one a line", "\n".join(role.permissions), height=160)
        if st.form_submit_button("Save", icon=":material/save:", type="primary"):
            with or_say_so():
                _save(name, permissions.split(), description)
                st.rerun()
    if role.role and deletable:
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown(f"Whoever has the role **{role.role}** loses it, and what it gives them, at once.")
            st.button("Delete the role", key=f"delete-{role.role}", type="primary", on_click=_delete, args=(role.role,))


def _people(accounts: Accounts, role: str, count: int, *, yours: bool) -> None:
    st.subheader(f"Who has it: {ui.words().number(count)}", anchor=False)
    may_give = yours and matches(current_permissions(), "admin.people")
    with reachable():
        holders = accounts.holders(role, limit=PER_PAGE, offset=offset(_NUMBER, count))
    for holder in holders:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"has-{holder.user_id}"):
            st.markdown(_named(holder), width="stretch")
            if may_give:
                st.button(
                    "Remove",
                    key=f"take-{role}-{holder.user_id}",
                    help=f"Take the role {role} from {ui.plain(holder.name)}",
                    on_click=_take,
                    args=(holder.user_id, role),
                )
    turn(_NUMBER, count)
    if may_give:
        _offer(accounts, role)
    elif yours:
        st.caption("To give and take roles you need the permission `admin.people`.")


def _offer(accounts: Accounts, role: str) -> None:
    search = st.text_input("Give it to", placeholder="Name, username or e-mail", key=f"give-{role}").strip()
    if not search:
        return
    with reachable():
        found = accounts.find_people(search, limit=PER_PAGE)
    if not found:
        st.caption("No one matches your search.")
    for user in found:
        with st.container(horizontal=True, vertical_alignment="center", key=f"finds-{user.user_id}"):
            st.markdown(f"{ui.plain(user.name)} ({ui.plain(user.username)})", width="stretch")
            st.button(
                "Give",
                key=f"give-{role}-{user.user_id}",
                help=f"Give the role {role} to {ui.plain(user.name)}",
                on_click=_give,
                args=(user.user_id, role),
                disabled=role in user.roles,
            )


def _reasons(accounts: Accounts, by_name: dict[str, Role], known: list[str]) -> None:
    left, right = st.columns(2)
    permission = left.selectbox(
        "Permission", known, index=None, placeholder="Any that is in use", accept_new_options=True
    )
    search = right.text_input("Person", placeholder="Name, username or e-mail").strip()
    if not permission and not search:
        st.caption("Choose a permission, a person, or both.")
        return
    with reachable():
        rows = (
            _of_people(accounts.find_people(search, limit=PER_PAGE), by_name, [permission] if permission else known)
            if search
            else _of_permission(accounts.who_may(permission or "", limit=_MOST))
        )
    if rows:
        show_table(pd.DataFrame(rows), alt="Who may do what, and by which role")
    else:
        ui.empty_state(":material/key_off:", "Nobody", "Nobody who is like that may do it.")


def _of_permission(reasons: list[Reason]) -> list[dict[str, str]]:
    return [
        _row(
            f"{reason.holder.name} ({reason.holder.username})",
            reason.permission,
            reason.holder.role,
            reason.by,
            active=reason.holder.active,
        )
        for reason in reasons
    ]


def _of_people(people: list[User], by_name: dict[str, Role], permissions: list[str]) -> list[dict[str, str]]:
    rows = []
    for user, permission, name in product(people, permissions, by_name):
        by = granting(by_name[name].permissions, permission) if name in user.roles else ()
        if by:
            rows.append(_row(f"{user.name} ({user.username})", permission, name, by, active=user.active))
    return rows


def _row(who: str, permission: str, role: str, by: tuple[str, ...], *, active: bool) -> dict[str, str]:
    return {
        "Who": who,
        "May": permission,
        "By the role": role,
        "Which gives": "  ".join(by),
        "State": "" if active else "locked out",
    }


def _named(holder: Holder) -> str:
    badge = "" if holder.active else "  :gray-badge[locked out]"
    return f"**{ui.plain(holder.name)}** ({ui.plain(holder.username)}){badge}"


@requires("admin.roles")
def _save(name: str, permissions: list[str], description: str) -> None:
    get_services().accounts.save_role(name, permissions, description, by=acting())


@requires("admin.roles")
def _delete(name: str) -> None:
    with or_say_so():
        get_services().accounts.delete_role(name, by=acting())
        st.session_state.pop(_CHOSEN, None)


@requires("admin.people")
def _give(user_id: str, role: str) -> None:
    with or_say_so():
        get_services().accounts.give_role(user_id, role, by=acting())


@requires("admin.people")
def _take(user_id: str, role: str) -> None:
    with or_say_so():
        get_services().accounts.take_role(user_id, role, by=acting())
