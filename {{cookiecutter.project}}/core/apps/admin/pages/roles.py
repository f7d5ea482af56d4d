"""Roles: named sets of permissions, and how many people have each."""

import pandas as pd
import streamlit as st

from core import ui
from core.accounts import Role
from core.apps.admin.common import show_refusal, show_table
from core.auth import acting
from core.discovery import discover
from core.pages import required_permissions, unknown_permissions
from core.permissions import current_permissions, requires
from core.router import page
from core.services import get_services
from core.storage.database import reachable
from core.wildcards import lacking

_NEW = ""
_CHOSEN = "admin-roles-chosen"


@page(title="Roles", icon=":material/key:", order=2, needs_sign_in=True)
@requires("admin.roles")
def roles() -> None:
    st.title(ui.words().title("Roles"))
    accounts, specs = get_services().accounts, discover()
    known = required_permissions(specs)
    with reachable():
        by_name = {role.role: role for role in accounts.roles.all()}
    show_table(_overview(by_name), alt="All roles")
    st.caption("Roles are given to people on the page People.")
    name = st.selectbox(
        "Role", [*by_name, _NEW], format_func=lambda name: name or "Add a role …", key=_CHOSEN, width=480
    )
    chosen = by_name.get(name, Role(role=_NEW, description="", permissions=()))
    more = lacking(current_permissions(), chosen.permissions)
    if more:
        st.caption(
            f"This role gives {', '.join(f'`{each}`' for each in more)}, which you don't have yourself. "
            "You can neither give, take nor delete it; somebody who has that can."
        )
    _editor(chosen, known, deletable=not more)
    for permission, closest in unknown_permissions(
        chosen.permissions, known, {spec.app_name for spec in specs}
    ).items():
        suggestion = f" Did you mean `{closest}`?" if closest else ""
        st.warning(f"No page or action requires `{permission}`.{suggestion}", icon=":material/spellcheck:")


def _overview(by_name: dict[str, Role]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Role": role.role,
            "People": role.holders,
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
            with show_refusal():
                _save(name, permissions.split(), description)
                st.rerun()
    if role.role and deletable:
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown(f"Whoever has the role **{role.role}** loses it, and what it gives them, at once.")
            st.button("Delete the role", key=f"delete-{role.role}", type="primary", on_click=_delete, args=(role.role,))


@requires("admin.roles")
def _save(name: str, permissions: list[str], description: str) -> None:
    get_services().accounts.roles.save(name, permissions, description, by=acting())


@requires("admin.roles")
def _delete(name: str) -> None:
    with show_refusal():
        get_services().accounts.roles.delete(name, by=acting())
        st.session_state.pop(_CHOSEN, None)
