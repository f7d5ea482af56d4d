"""Roles: named sets of permissions."""

import streamlit as st

from core.accounts import Role
from core.discovery import discover
from core.errors import AccountError
from core.permissions import requires
from core.router import page
from core.services import get_services


@page(title="Roles", icon=":material/key:", order=2)
@requires("admin.roles")
def roles() -> None:
    st.title("Roles")
    known = sorted({permission for spec in discover() for permission in spec.permissions})
    st.caption(
        "A permission is written like `intake.use`; `intake.*` gives all of one app, `*` everything. "
        f"In use: {', '.join(f'`{name}`' for name in known)}."
    )
    for role in get_services().accounts.roles():
        _editor(role)
    with st.expander("Add a role", icon=":material/add:"):
        _editor(Role(role="", description="", permissions=()))


def _editor(role: Role) -> None:
    with st.form(f"role-{role.role}", border=bool(role.role)):
        name = role.role or st.text_input("Name", placeholder="order-desk")
        if role.role:
            st.markdown(f"#### {role.role}")
        left, right = st.columns(2)
        description = left.text_input("Description", role.description)
        permissions = right.text_area("Permissions, one a line", "\n".join(role.permissions), height=100)
        with st.container(horizontal=True):
            save = st.form_submit_button("Save", icon=":material/save:")
            delete = bool(role.role) and st.form_submit_button("Delete", icon=":material/delete:", type="tertiary")
    try:
        if save:
            _save(name, permissions.split(), description)
        elif delete:
            _delete(name)
        else:
            return
    except AccountError as error:
        st.error(str(error))
        return
    st.rerun()


@requires("admin.roles")
def _save(name: str, permissions: list[str], description: str) -> None:
    get_services().accounts.save_role(name, permissions, description)


@requires("admin.roles")
def _delete(name: str) -> None:
    get_services().accounts.delete_role(name)
