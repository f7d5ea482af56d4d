"""The requests this person has submitted."""

import streamlit as st
from sqlalchemy import select

from apps.intake.requests import RequestRow
from core import db, get_session_manager, ui
from core.permissions import requires
from core.router import page


@page(title="My requests", icon=":material/checklist:", order=2)
@requires("intake.use")
def my_requests() -> None:
    manager = get_session_manager()
    st.title("My requests")
    mine = select(RequestRow).where(RequestRow.session_id == manager.session.session_id)
    with db.session() as session:
        requests = session.scalars(mine.order_by(RequestRow.at.desc())).all()
    new = st.query_params.get("number")
    if new in {request.number for request in requests}:
        st.success(f"Request {new} is saved.", icon=":material/check_circle:")
    if not requests:
        ui.empty_state(":material/inbox:", "No requests yet", "What you submit appears here.")
        st.button("New request", icon=":material/add:", type="primary", on_click=manager.navigate_to, args=("intake",))
    for request in requests:
        with st.container(border=True, key=f"request-{request.number}"):
            with st.container(horizontal=True, horizontal_alignment="distribute"):
                st.markdown(
                    f"**{request.number}** · {ui.plain(request.kind)} · {ui.plain(request.site)}", width="content"
                )
                st.caption(ui.local_time(request.at), width="content")
            enclosed = request.enclosed
            st.text("\n".join([request.reason, *map(str, enclosed.items)]))
            with st.container(horizontal=True):
                for number, file in enumerate(enclosed.attachments):
                    ui.download_file(file, key=f"{request.number}-{number}")
