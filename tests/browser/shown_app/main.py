"""A page whose fields come and go: on another page, in a dialog, in a fragment, as other elements; and one without."""

import json
from datetime import date, datetime, time

import streamlit as st

from core import bootstrap_session, get_session_manager, ui
from core.discovery import App, PageSpec
from core.router import Router

COLOURS = ["red", "green", "blue"]
NARROW = {
    "text": ("text_input", ["Text"], {"max_chars": 9}, {"max_chars": 20}),
    "area": ("text_area", ["Area"], {}, {"max_chars": 20}),
    "slider": ("slider", ["Slider", 10], {"max_value": 15}, {"max_value": 20}),
    "select": ("selectbox", ["Select", COLOURS], {}, {"accept_new_options": True}),
    "multi": ("multiselect", ["Multi", COLOURS], {}, {"max_selections": 2}),
    "time": ("time_input", ["Time", time(9)], {}, {"step": 3600}),
    "date": ("date_input", ["Date", date(2026, 5, 1)], {}, {"format": "DD.MM.YYYY"}),
    "moment": ("datetime_input", ["Moment", datetime.fromisoformat("2026-05-01T12:00")], {}, {"step": 3600}),
    "feedback": ("feedback", [], {"options": "stars"}, {"options": "faces"}),
}


@st.dialog("Edit")
def edit() -> None:
    ui.text_input("In the dialog", form="shown", field="dialog")


@st.fragment
def ticking() -> None:
    if st.button("Tick"):
        st.session_state["hidden"] = not st.session_state.get("hidden")
    if not st.session_state.get("hidden"):
        ui.text_input("In the fragment", form="shown", field="fragment")


def fields() -> None:
    st.title("Fields")
    ui.text_input("Name", form="shown", field="name")
    if st.button("Edit"):
        edit()
    ticking()
    key = ui.widget_key("shown", "name")
    st.button("Sample", on_click=lambda: st.session_state.update({key: "a sample"}))
    st.button("Reset", on_click=lambda: st.session_state.pop(key))


def followed() -> None:
    st.title("Followed")
    ui.text_input("Name", form="shown", field="name")
    if st.button("Edit"):
        edit()
    ui.live_refresh(0.5)


def elements() -> None:
    st.title("Elements")
    is_narrow = st.toggle("Narrow")
    values = {}
    for name, (kind, arguments, wide, narrow) in NARROW.items():
        options = {**wide, **(narrow if is_narrow else {})}
        values[name] = repr(getattr(ui, kind)(*arguments, form="elements", field=name, **options))
    ui.text_input("Another", form="elements", field="another")
    st.code(
        json.dumps({**values, "kept": sorted(get_session_manager().session.form("elements").values)}), language=None
    )


def elsewhere() -> None:
    st.title("Elsewhere")


def page(function: object, order: int) -> PageSpec:
    name = function.__name__
    return PageSpec(
        name=name,
        title=name.title(),
        icon=":material/edit:",
        order=order,
        app=App(title="Shown"),
        app_name="shown",
        function=function,
    )


def main() -> None:
    ui.set_page()
    bootstrap_session()
    manager = get_session_manager()
    router = Router(
        manager, [page(each, number) for number, each in enumerate((fields, elements, elsewhere, followed))]
    )
    with ui.save_status(manager):
        router.run()


main()
