"""The sheet's page: one field of each kind, and a script that takes a moment, as scripts do."""

import os
import time
from contextlib import nullcontext

import streamlit as st

from core import bootstrap_session, get_session_manager, ui
from core.discovery import App, PageSpec
from core.router import Router

FORM = "sheet"
RUN_SECONDS = 0.2
"""What a page that does some work takes. An edit in that time stops the run before."""


def sheet() -> None:
    st.title("Sheet")
    ui.text_input("One", form=FORM, field="one")
    ui.text_input("Two", form=FORM, field="two")
    ui.text_area("Long", form=FORM, field="long")
    ui.number_input("Number", 0, 10**9, form=FORM, field="number")
    ui.selectbox("Choice", [f"choice {number}" for number in range(20)], form=FORM, field="choice")
    ui.slider("Slider", 0, 100, form=FORM, field="slider")
    ui.checkbox("Tick", form=FORM, field="tick")
    st.button("Work", key="work")  # lets the script run, so that what is done next meets one that runs
    with st.form("together"):
        ui.text_input("Inside", form=FORM, field="inside")
        st.form_submit_button("Hand in")
    time.sleep(RUN_SECONDS)


SPEC = PageSpec(
    name="sheet",
    title="Sheet",
    icon=":material/edit:",
    order=1,
    app=App(title="Sheet"),
    app_name="sheet",
    function=sheet,
    public=True,
)


def main() -> None:
    ui.set_page()
    bootstrap_session()
    manager = get_session_manager()
    router = Router(manager, [SPEC])
    without_outbox = "outbox" in os.environ.get("SHEET_WITHOUT", "")
    with nullcontext() if without_outbox else ui.save_status(manager):
        router.run()


main()
