"""Pages on which something is entered that isn't kept yet, or never: of none of it the corner may say that it is."""

import json
from datetime import date

import streamlit as st
from pydantic import BaseModel

from core import bootstrap_session, get_session_manager, ui
from core.discovery import App, PageSpec
from core.router import Router

COLOURS = ["red", "green", "blue"]


class Order(BaseModel):
    many: int
    name: str = ""


class Trip(BaseModel):
    span: tuple[date, date]
    day: date


def order() -> None:
    """A form that is saved with a button, which a key presses as well. The address names it."""
    st.title("Order")
    with ui.form(name := st.query_params.get("form", "order"), model=Order) as form:
        ui.number_input("Many", 0, 9, field="many")
        ui.text_input("Name", field="name")
        st.button("Save by key", shortcut="Ctrl+S", on_click=form.save)
    st.code(json.dumps(get_session_manager().session.form(name).saved, sort_keys=True), language=None)


def hidden() -> None:
    """Fields that are taken out of the page and put back without a run. The address names their form."""
    st.title("Hidden")
    form = st.query_params.get("form", "hidden")
    with st.popover("More"):
        ui.text_area("Note", form=form, field="note")
        ui.number_input("Many", 0, 9, form=form, field="many")
    ui.checkbox("Agree", form=form, field="agree")
    st.button("Clear", on_click=lambda: st.session_state.update({ui.widget_key(form, "note"): ""}))


def waiting() -> None:
    """A form that is sent. The address names it."""
    st.title("Waiting")
    form = st.query_params.get("form", "entry")
    with st.form("waiting"):
        ui.slider("Size", 0, 9, form=form, field="size")
        ui.selectbox("Colour", COLOURS, form=form, field="colour")
        ui.checkbox("Gift", form=form, field="gift")
        ui.text_input("Name", form=form, field="name")
        ui.number_input("Many", 0, 9, form=form, field="many")
        ui.date_input("Day", date(2026, 5, 1), form=form, field="day")
        st.form_submit_button("Send")
    ui.text_input("Beside", form=form, field="beside")


def parts() -> None:
    """Of which nothing is lost at first."""
    st.title("Parts")
    ui.text_input("Kept", form="parts", field="kept")
    if st.button("Add here"):
        st.session_state["basket"] = "a lamp"
    part()


@st.fragment
def part() -> None:
    ui.checkbox("Agree", form="parts", field="agree")
    ui.number_input("Many", 0, 9, form="parts", field="many")
    if st.button("Nothing"):
        st.text("Nothing was done")
    if st.button("Add"):
        st.session_state["cart"] = "a lamp"
    if st.button("More"):
        st.checkbox("Tick", key="tick")
    if st.button("Ask"):
        ask()
    if st.button("Write"):
        write()


@st.dialog("Question")
def ask() -> None:
    st.checkbox("Really", key="really")


@st.dialog("Answer")
def write() -> None:
    ui.text_input("Answer", form="parts", field="answer")
    with st.form("answered"):
        ui.checkbox("Sure", form="parts", field="sure")
        st.form_submit_button("Reply")


def trip() -> None:
    """A form with a field that shows halves."""
    st.title("Trip")
    with ui.form(name := st.query_params.get("form", "trip"), model=Trip):
        ui.date_input("Span", (date(2026, 5, 1), date(2026, 5, 3)), field="span")
        ui.date_input("Day", date(2026, 5, 1), field="day")
    st.code(str(get_session_manager().session.form(name).saved.get("day")), language=None)


def later() -> None:
    """What arrives later than it was handed in, beside a part that runs by itself. The address names the form."""
    st.title("Later")
    form = st.query_params.get("form", "later")
    ui.file_uploader("File", form=form, field="file")
    ui.camera_input("Photo", form=form, field="photo")
    ui.audio_input("Sound", form=form, field="sound")
    ui.chat_input("Say something", accept_file=True, form=form, field="say")
    ticking()


@st.fragment(run_every=0.5)
def ticking() -> None:
    st.session_state["_ticks"] = st.session_state.get("_ticks", 0) + 1
    st.text(f"tick {st.session_state['_ticks']}")
    ui.date_input("Day", date(2026, 5, 1), form=st.query_params.get("form", "later"), field="day")


def ignored() -> None:
    st.title("Ignored")
    ui.checkbox("Ignored", form="ignored", field="ignored", on_change="ignore")
    ui.checkbox("Heard", form="ignored", field="heard")


def named() -> None:
    st.title("Named")
    ui.text_input("Kept", form="named", field="kept")
    st.text_input("Mine", key="keep-me")
    st.code(st.text_input("Another", key="one"), language=None)
    st.button("Nothing")


def halves() -> None:
    """What is entered in several moves."""
    st.title("Halves")
    ui.date_input("Day", date(2026, 5, 1), form="halves", field="day")
    ui.date_input("Span", (date(2026, 5, 1), date(2026, 5, 3)), form="halves", field="span")
    ui.selectbox("Colour", COLOURS, form="halves", field="colour", accept_new_options=True)
    ui.multiselect("Colours", COLOURS, form="halves", field="colours", accept_new_options=True)
    ui.color_picker("Paint", form="halves", field="paint")
    ui.checkbox("Agree", form="halves", field="agree")


def twice() -> None:
    st.title("Twice")
    ui.text_input("One", form="twice", field="text", key="one")
    ui.text_input("Two", form="twice", field="text", key="two")


PAGES = (order, hidden, waiting, parts, trip, later, ignored, named, halves, twice)


def page(order: int) -> PageSpec:
    function = PAGES[order]
    return PageSpec(
        name=function.__name__,
        title=function.__name__.title(),
        icon=":material/edit:",
        order=order,
        app=App(title="Corner"),
        app_name="corner",
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
