"""A page for each kind of widget: the same script with Streamlit's own widget and with the one of `ui`, side by side.

Each side prints what its widget returned in this run, and all calls of its callback so far.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial

import pandas as pd
import streamlit as st

from core import bootstrap_session, get_session_manager, ui
from core.discovery import App, PageSpec
from core.router import Router

COLOURS = ["red", "green", "blue", "grey"]
DAY, MOMENT = date(2026, 5, 1), datetime.fromisoformat("2026-05-01T12:00")


@dataclass
class Side:
    """One half of the page. `make` gives its widget of a kind; `note` is a callback."""

    name: str
    make: Callable[..., Callable[..., object]]

    @property
    def calls(self) -> list[list[str]]:
        calls: list[list[str]] = st.session_state.setdefault(f"{self.name}-calls", [])
        return calls

    def key(self, field: str) -> str:
        return f"{self.name}-{field}"

    def note(self, field: str, *, mark: str = "", reads: bool = True) -> None:
        self.calls.append([field, mark, printed(st.session_state[self.key(field)]) if reads else ""])

    def widget(self, kind: str, field: str, *arguments: object, **options: object) -> object:
        answer = "on_submit" if kind == "chat_input" else "on_change"
        noted = {"mark": "!", "reads": kind != "data_editor"}  # its edits are under a key of its own: see the reference
        options = {answer: self.note, "args": (field,), "kwargs": noted} | options
        return self.make(kind, field)(*arguments, key=self.key(field), **options)


def printed(value: object) -> str:
    """A value with its type; of a file its name, type and content, of a table its rows."""
    if isinstance(value, list):
        return f"[{', '.join(printed(each) for each in value)}]"
    if isinstance(value, pd.DataFrame):
        return repr(value.to_dict("records"))
    if hasattr(value, "getvalue"):
        if value.type.startswith(("image", "audio")):
            return value.type  # the name holds the time, and a recording is never twice the same
        return f"{value.name} {value.type} {hashlib.sha256(value.getvalue()).hexdigest()[:9]}"
    return repr(value)


def plain(kind: str, field: str) -> Callable[..., object]:
    return getattr(st, kind)


def controlled(kind: str, field: str) -> Callable[..., object]:
    return partial(getattr(ui, kind), form=st.session_state["case"], field=field)


KINDS: dict[str, tuple[str, list[object], dict[str, object]]] = {
    "text": ("text_input", ["Text"], {}),
    "text-limited": ("text_input", ["Text", "abc"], {"max_chars": 5, "placeholder": "short"}),
    "text-optional": ("text_input", ["Text", None], {}),
    "area": ("text_area", ["Area", "one"], {}),
    "whole": ("number_input", ["Whole", 0, 10, 5], {}),
    "decimal": ("number_input", ["Decimal", 0.0, 10.0], {"step": 0.5, "format": "%.1f"}),
    "number-optional": ("number_input", ["Optional"], {"value": None}),
    "slider": ("slider", ["Slider", 0, 10, 5], {}),
    "slider-range": ("slider", ["Range", 0.0, 1.0, (0.2, 0.8)], {}),
    "slider-days": ("slider", ["Days", DAY, date(2026, 5, 31)], {}),
    "selectbox": ("selectbox", ["Select", [1, 2, 3, 4]], {}),
    "selectbox-optional": ("selectbox", ["Select", COLOURS], {"index": None, "format_func": str.upper}),
    "radio": ("radio", ["Radio", COLOURS], {"horizontal": True}),
    "multiselect": ("multiselect", ["Multi", COLOURS, ["red"]], {}),
    "select-slider": ("select_slider", ["Steps"], {"options": COLOURS}),
    "pills": ("pills", ["Pills", COLOURS], {}),
    "segments": ("segmented_control", ["Segments", COLOURS], {"selection_mode": "multi", "default": ["red"]}),
    "checkbox": ("checkbox", ["Tick", True], {}),
    "toggle": ("toggle", ["Toggle"], {}),
    "date": ("date_input", ["Date", DAY], {}),
    "time": ("time_input", ["Time", time(9)], {}),
    "moment": ("datetime_input", ["Moment", MOMENT], {}),
    "colour": ("color_picker", ["Colour"], {}),
    "feedback": ("feedback", ["stars"], {}),
    "pagination": ("pagination", [5], {}),
    "table": ("data_editor", [pd.DataFrame({"name": ["apple", "pear"], "count": [1, 2]})], {}),
    "files": ("file_uploader", ["Files"], {"accept_multiple_files": True}),
    "camera": ("camera_input", ["Photo"], {}),
    "sound": ("audio_input", ["Sound"], {}),
    "chat": ("chat_input", ["Say something"], {}),
}


def one_widget(case: str, side: Side) -> dict[str, object]:
    kind, arguments, options = KINDS[case]
    return {"value": side.widget(kind, "value", *arguments, **options)}


def clamped(side: Side) -> dict[str, object]:
    """A callback corrects what was entered."""

    def clamp() -> None:
        side.note("value")
        st.session_state[side.key("value")] = min(st.session_state[side.key("value")], 5)

    return {"value": side.widget("number_input", "value", "Whole", 0, 10, on_change=clamp, args=(), kwargs={})}


def linked(side: Side) -> dict[str, object]:
    """Each of two widgets sets the other one."""

    def follow(source: str, target: str, factor: float) -> None:
        side.note(source)
        st.session_state[side.key(target)] = int(st.session_state[side.key(source)] * factor)

    return {
        "single": side.widget(
            "slider", "single", "Single", 0, 10, on_change=follow, args=("single", "double", 2), kwargs={}
        ),
        "double": side.widget(
            "slider", "double", "Double", 0, 20, on_change=follow, args=("double", "single", 0.5), kwargs={}
        ),
    }


def in_form(side: Side) -> dict[str, object]:
    """Nothing counts before the button is pressed."""

    def submitted() -> None:
        for field in ("name", "colour"):
            side.note(field, mark="submitted")

    with st.form(f"{side.name}-form"):
        values = {
            "name": side.widget("text_input", "name", "Text", on_change=None, args=None, kwargs=None),
            "colour": side.widget("radio", "colour", "Radio", COLOURS, on_change=None, args=None, kwargs=None),
        }
        return values | {"pressed": st.form_submit_button("Send", on_click=submitted)}


def in_fragment(side: Side) -> dict[str, object]:
    """The widget's edits run its fragment only."""
    st.session_state.setdefault(f"{side.name}-runs", 0)

    @st.fragment
    def fragment() -> None:
        value = side.widget("slider", "value", "Slider", 0, 10)
        show(side, {"value": value})

    fragment()
    return {}


def reset(side: Side) -> dict[str, object]:
    """A button puts another value into a widget."""

    def fill(text: str) -> None:
        side.calls.append(["button", "", text])
        st.session_state[side.key("value")] = text

    st.button("Sample", key=f"{side.name}-sample", on_click=fill, args=("a sample",))
    st.button("Clear", key=f"{side.name}-clear", on_click=fill, args=("",))
    return {"value": side.widget("text_input", "value", "Text")}


SCRIPTS: dict[str, Callable[[Side], dict[str, object]]] = {
    **{case: partial(one_widget, case) for case in KINDS},
    "clamped": clamped,
    "linked": linked,
    "form": in_form,
    "fragment": in_fragment,
    "reset": reset,
}


def show(side: Side, values: dict[str, object]) -> None:
    told = {"returned": {name: printed(value) for name, value in values.items()}, "calls": side.calls}
    st.code(json.dumps(told), language=None)


def page(case: str) -> None:
    st.session_state["case"] = case
    st.title(case)
    for side in (Side("plain", plain), Side("controlled", controlled)):
        with st.container(key=side.name):
            values = SCRIPTS[case](side)
            if values:
                show(side, values)


def spec(case: str) -> PageSpec:
    return PageSpec(
        name=case,
        title=case,
        icon=":material/edit:",
        order=1,
        app=App(title="Parity"),
        app_name="parity",
        function=partial(page, case),
    )


def main() -> None:
    ui.set_page()
    bootstrap_session()
    manager = get_session_manager()
    router = Router(manager, [spec(case) for case in SCRIPTS])
    with ui.save_status(manager):
        router.run()


main()
