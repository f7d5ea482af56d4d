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
    say = ui.words()
    st.title(say.title("Roles"))
    accounts, specs = get_services().accounts, discover()
    known = required_permissions(specs)
    with reachable():
        by_name = {role.role: role for role in accounts.roles.all()}
    show_table(_overview(by_name), alt=say("roles.overview"))
    st.caption(say("roles.given_on", page=say.title("People")))
    name = st.selectbox(
        say("roles.role"), [*by_name, _NEW], format_func=lambda name: name or say("roles.add"), key=_CHOSEN, width=480
    )
    chosen = by_name.get(name, Role(role=_NEW, description="", permissions=()))
    more = lacking(current_permissions(), chosen.permissions)
    if more:
        st.caption(say("roles.not_yours", permissions=", ".join(f"`{each}`" for each in more)))
    _editor(chosen, known, deletable=not more)
    for permission, closest in unknown_permissions(
        chosen.permissions, known, {spec.app_name for spec in specs}
    ).items():
        entry = "roles.closest" if closest else "roles.unknown"
        st.warning(say(entry, permission=permission, closest=closest), icon=":material/spellcheck:")


def _overview(by_name: dict[str, Role]) -> pd.DataFrame:
    say = ui.words()
    return pd.DataFrame(
        {
            say("roles.role"): role.role,
            say("roles.people"): role.holders,
            say("roles.permissions"): "  ".join(role.permissions),
            say("roles.description"): role.description,
        }
        for role in by_name.values()
    )


def _editor(role: Role, known: list[str], *, deletable: bool) -> None:
    say = ui.words()
    with st.form(f"role-{role.role}"):
        name = role.role or st.text_input(say("roles.name"), placeholder="order-desk")
        left, right = st.columns(2)
        description = left.text_input(say("roles.description"), role.description)
        left.caption(say("roles.help", permissions=", ".join(f"`{permission}`" for permission in known)))
        permissions = right.text_area(say("roles.lines"), "\n".join(role.permissions), height=160)
        if st.form_submit_button(say("roles.save"), icon=":material/save:", type="primary"):
            with show_refusal():
                _save(name, permissions.split(), description)
                st.rerun()
    if role.role and deletable:
        with st.popover(say("roles.delete"), icon=":material/delete:"):
            st.markdown(say("roles.delete_text", role=role.role))
            delete = say("roles.delete_button")
            st.button(delete, key=f"delete-{role.role}", type="primary", on_click=_delete, args=(role.role,))


@requires("admin.roles")
def _save(name: str, permissions: list[str], description: str) -> None:
    get_services().accounts.roles.save(name, permissions, description, by=acting())


@requires("admin.roles")
def _delete(name: str) -> None:
    with show_refusal():
        get_services().accounts.roles.delete(name, by=acting())
        st.session_state.pop(_CHOSEN, None)
