"""A new request. The step is part of the address, so Back goes back one step."""

import streamlit as st

from apps.intake.requests import FORM, Request, submit
from apps.intake.steps import STEPS
from core import get_session_manager, ui
from core.permissions import requires
from core.router import page


@page(title="New request", icon=":material/edit_note:", order=1)
@requires("intake.use")
def new() -> None:
    st.title("New request")
    ui.conflict_notice(FORM)
    with ui.form(
        FORM, model=Request, steps=STEPS, on_save=submit, after_save=_arrived, clear_on_save=True, label="Submit"
    ) as form:
        form.step.show()
    ui.undo_bar(FORM)
    ui.history_panel(FORM)
    ui.live_refresh()


def _arrived(number: str | None) -> None:
    get_session_manager().navigate_to("intake-submitted", {"number": number or ""})
