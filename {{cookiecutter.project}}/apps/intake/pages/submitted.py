"""The requests this person has submitted."""

import streamlit as st

from apps.intake.requests import submitted
from core import get_session_manager, ui
from core.permissions import requires
from core.router import page


@page(title="My requests", icon=":material/checklist:", order=2)
@requires("intake.use")
def my_requests() -> None:
    manager = get_session_manager()
    st.title("My requests")
    new = st.query_params.get("number")
    requests = submitted(manager)
    if new in {request.number for request in requests}:
        st.success(f"Request {new} is saved.", icon=":material/check_circle:")
    if not requests:
        ui.empty_state(":material/inbox:", "No requests yet", "What you submit appears here.")
        st.button("New request", icon=":material/add:", type="primary", on_click=manager.navigate_to, args=("intake",))
    for request in requests:
        values = request.values
        with st.container(border=True, key=f"request-{request.number}"):
            with st.container(horizontal=True, horizontal_alignment="distribute"):
                st.markdown(f"**{request.number}** · {values['kind']} · {values['site']}", width="content")
                st.caption(ui.local_time(request.at), width="content")
            st.markdown(values["reason"])
