"""A page with a widget of every kind, and what each returned; and a page without any."""

import hashlib
import json
from datetime import date, datetime, time

import streamlit as st

from core import bootstrap_session, get_session_manager, ui
from core.discovery import App, PageSpec
from core.router import Router

COLOURS = ["red", "green", "blue"]
DAY, MOMENT = date(2026, 5, 1), datetime.fromisoformat("2026-05-01T12:00")
KINDS = {
    "text_input": ("text_input", ["Text"], {}),
    "text_area": ("text_area", ["Area"], {}),
    "number_input whole": ("number_input", ["Whole", 0, 10], {}),
    "number_input decimal": ("number_input", ["Decimal", 0.0, 10.0], {}),
    "slider": ("slider", ["Slider", 0, 10], {}),
    "slider range": ("slider", ["Range", 0, 10, (2, 8)], {}),
    "slider of days": ("slider", ["Days", DAY, date(2026, 5, 31)], {}),
    "selectbox": ("selectbox", ["Select", [1, 2, 3]], {}),
    "radio": ("radio", ["Radio", COLOURS], {"horizontal": True}),
    "multiselect": ("multiselect", ["Multi", COLOURS], {}),
    "select_slider": ("select_slider", ["Steps"], {"options": COLOURS}),
    "pills": ("pills", ["Pills", ["one", "two"]], {}),
    "segmented_control": ("segmented_control", ["Segments", ["left", "mid", "right"]], {"selection_mode": "multi"}),
    "checkbox": ("checkbox", ["Tick"], {}),
    "toggle": ("toggle", ["Toggle"], {}),
    "date_input": ("date_input", ["Date", DAY], {}),
    "date_input range": ("date_input", ["Span", (DAY, date(2026, 5, 3))], {}),
    "time_input": ("time_input", ["Time", time(9)], {}),
    "datetime_input": ("datetime_input", ["Moment", MOMENT], {}),
    "color_picker": ("color_picker", ["Colour"], {}),
    "feedback": ("feedback", ["stars"], {}),
    "pagination": ("pagination", [5], {}),
    "data_editor": ("data_editor", [{"name": ["apple", "pear"], "count": [1, 2]}], {"num_rows": "dynamic"}),
    "file_uploader": ("file_uploader", ["File"], {}),
    "camera_input": ("camera_input", ["Photo"], {}),
    "audio_input": ("audio_input", ["Sound"], {}),
    "chat_input": ("chat_input", ["Say something"], {}),
}


def told(value: object) -> str:
    """A value with its type; of a file, what is in it."""
    if isinstance(value, ui.KeptFile):
        return f"KeptFile {value.type} {hashlib.sha256(value.getvalue()).hexdigest()}"
    return repr(value)


def kinds() -> None:
    st.title("Kinds")
    values = {}
    for number, (name, (kind, arguments, options)) in enumerate(KINDS.items()):
        values[name] = getattr(ui, kind)(*arguments, form="kinds", field=name, key=f"kind-{number}", **options)
    values["chat_input"] = get_session_manager().field_value("kinds", "chat_input", None)
    st.code(json.dumps({name: told(value) for name, value in values.items()}), language=None)


def elsewhere() -> None:
    st.title("Elsewhere")


def page(name: str, function: object, order: int) -> PageSpec:
    return PageSpec(
        name=name,
        title=name.title(),
        icon=":material/edit:",
        order=order,
        app=App(title="Kinds"),
        app_name="kinds",
        function=function,
    )


def main() -> None:
    ui.set_page()
    bootstrap_session()
    manager = get_session_manager()
    router = Router(manager, [page("kinds", kinds, 1), page("elsewhere", elsewhere, 2)])
    with ui.save_status(manager):
        router.run()


main()
