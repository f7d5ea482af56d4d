"""Pages on which something is entered that isn't kept yet, or never: of none of it the corner may say that it is."""

import json
from datetime import date, time

import streamlit as st
from pydantic import BaseModel

from core import bootstrap_session, get_session_manager, ui
from core.discovery import PageSpec
from core.router import Router

COLOURS = ["red", "green", "blue"]


class Order(BaseModel):
    many: int
    name: str = ""


def order() -> None:
    """A form that is saved with a button, which a key presses as well. The address names it."""
    st.title("Order")
    with ui.form(name := st.query_params.get("form", "order"), model=Order) as form:
        ui.number_input("Many", 0, 9, field="many")
        ui.text_input("Name", field="name")
        st.button("Save by key", shortcut="Ctrl+S", on_click=form.save)
    st.code(json.dumps(get_session_manager().session.form(name).saved), language=None)


def hidden() -> None:
    """Fields that are taken out of the page and put back without a run."""
    st.title("Hidden")
    with st.popover("More"):
        ui.text_input("Name", form="hidden", field="name")
        ui.text_area("Note", form="hidden", field="note")
        ui.number_input("Many", 0, 9, form="hidden", field="many")
        ui.selectbox("Colour", COLOURS, form="hidden", field="colour")
        ui.slider("Size", 0, 9, form="hidden", field="size")
    with st.expander("Rest"):
        ui.text_input("In the expander", form="hidden", field="expander")
    for tab, name in zip(st.tabs(["One", "Two"]), ["one", "two"], strict=True):
        with tab:
            ui.text_input(f"In tab {name}", form="hidden", field=name)


def waiting() -> None:
    st.title("Waiting")
    with st.form("entry"):
        ui.slider("Size", 0, 9, form="entry", field="size")
        ui.selectbox("Colour", COLOURS, form="entry", field="colour")
        ui.checkbox("Gift", form="entry", field="gift")
        ui.text_input("Name", form="entry", field="name")
        ui.date_input("Day", date(2026, 5, 1), form="entry", field="day")
        st.form_submit_button("Send")
    ui.text_input("Beside", form="entry", field="beside")


def parts() -> None:
    st.title("Parts")
    ui.text_input("Kept", form="parts", field="kept")
    part()


@st.fragment
def part() -> None:
    ui.checkbox("Agree", form="parts", field="agree")
    if st.button("Add"):
        st.session_state["cart"] = [*st.session_state.get("cart", ()), "lamp"]
    if st.button("Nothing"):
        st.text("Nothing was done")
    if st.checkbox("More"):
        st.text_input("Loose", key="loose")
    if st.button("Ask"):
        ask()


@st.dialog("Question")
def ask() -> None:
    st.checkbox("Tick", key="tick")
    ui.text_input("Answer", form="parts", field="answer")


def named() -> None:
    st.title("Named")
    ui.text_input("Kept", form="named", field="kept")
    st.text_input("Mine", key="keep-me")


def halves() -> None:
    st.title("Halves")
    ui.date_input("Day", date(2026, 5, 1), form="halves", field="day")
    ui.time_input("Time", time(9), form="halves", field="time")
    ui.selectbox("Colour", COLOURS, form="halves", field="colour", accept_new_options=True)
    ui.multiselect("Colours", COLOURS, form="halves", field="colours", accept_new_options=True)


def twice() -> None:
    st.title("Twice")
    ui.text_input("One", form="twice", field="text", key="one")
    ui.text_input("Two", form="twice", field="text", key="two")


PAGES = (order, hidden, waiting, parts, named, halves, twice)


def page(order: int) -> PageSpec:
    function = PAGES[order]
    return PageSpec(
        name=function.__name__,
        title=function.__name__.title(),
        icon=":material/edit:",
        order=order,
        app="corner",
        app_title="Corner",
        app_icon=":material/edit:",
        app_description="",
        app_order=1,
        function=function,
    )


def main() -> None:
    ui.set_page()
    bootstrap_session()
    manager = get_session_manager()
    router = Router(manager, [page(order) for order in range(len(PAGES))])
    with ui.save_status(manager):
        router.run()


main()
