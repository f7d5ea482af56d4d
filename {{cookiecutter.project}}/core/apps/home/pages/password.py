"""A person's own password, to change it. Reached from the menu under their name."""

import streamlit as st

from core import get_session_manager, ui
from core.auth import acting, renew_token
from core.auth.pages import ask_change
from core.router import page
from core.services import get_services


@page(title="Password", icon=":material/key:", order=92, listed=False)
def password() -> None:
    say, manager, services = ui.words(), get_session_manager(), get_services()
    st.title(say("password.title"))
    identity = manager.identity
    if services.settings.auth != "password" or identity.user is None:
        ui.empty_state(":material/key_off:", say("password.none"), say("password.none_text"))
        return
    st.caption(say("password.caption"))
    form = st.empty()
    with form.container():
        stored = ask_change(
            services.accounts,
            identity.user,
            say,
            token_hash=identity.token_hash,
            by=acting(),
        )
    if stored:
        form.empty()
        renew_token(say("auth.password_saved"))
