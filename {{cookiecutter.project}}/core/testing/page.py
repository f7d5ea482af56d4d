"""A page in a tab, run by Streamlit's `AppTest`: what a person does there, and what it shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.testing.v1 import AppTest

from core.settings import PROJECT_ROOT
from core.streamlit_compat.testing import browser_with

PATIENCE_SECONDS = 60.0
"""By itself an `AppTest` gives up after 3 s, which a busy machine may need."""
_GO = "_keep_test_page"
_MAIN = str(PROJECT_ROOT / "main.py")
_SCRIPT = f"""
import runpy
from core.testing.page import navigate

navigate()
runpy.run_path({_MAIN!r}, run_name="__main__")
"""
_FIELDS = (
    "text_input",
    "text_area",
    "number_input",
    "selectbox",
    "multiselect",
    "radio",
    "checkbox",
    "toggle",
    "date_input",
    "time_input",
    "slider",
    "select_slider",
    "color_picker",
    "pills",
    "segmented_control",
    "feedback",
    "chat_input",
)
_MESSAGES = ("error", "warning", "success", "info", "toast")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_TEXTS = ("title", "header", "subheader", "markdown", "text", "caption", "code", "metric")


class Page:
    """One tab with a page of the project. A run that raises fails the test, with the page's own error."""

    def __init__(self, cookies: Mapping[str, str], name: str, params: Mapping[str, str]) -> None:
        self._cookies, self._at = dict(cookies), (name, dict(params))
        self.tab = AppTest.from_string(_SCRIPT, default_timeout=PATIENCE_SECONDS)
        """Streamlit's own view of it, for what is not offered here."""
        self.go_to(name, **params)

    # What a person does

    def go_to(self, name: str, **params: str) -> None:
        """Go to another page in the same tab."""
        self._at = (name, params)
        self.tab.session_state[_GO] = self._at
        self.run()

    def reload(self) -> None:
        """Press F5: everything the process remembered of the tab is gone."""
        self.tab = AppTest.from_string(_SCRIPT, default_timeout=PATIENCE_SECONDS)
        self.go_to(self._at[0], **self._at[1])

    def fill(self, label: str, value: Any) -> None:
        """Enter a value into the field with this label, as typing and leaving it does: choices by what they show."""
        self._field(label).set_value(value)
        self.run()

    def upload(self, label: str, *files: tuple[str, bytes, str]) -> None:
        """Give files to an uploader, each as its name, its content and its media type."""
        self._one(self.tab.file_uploader, label, "file uploader").set_value(list(files))
        self.run()

    def press(self, label: str) -> None:
        """Press the button with this label."""
        self._one(self.tab.button, label, "button").click()
        self.run()

    def run(self) -> None:
        """Run the page once more, as any other event in it does. Raises AssertionError with what it raised."""
        with browser_with(self._cookies):
            self.tab.run()
        if self.tab.exception:
            raise AssertionError("\n".join(str(error.value) for error in self.tab.exception))

    # What it shows

    @property
    def title(self) -> str:
        """The page's title, without Markdown; "" if it has none."""
        return str(self.tab.title[0].value) if self.tab.title else ""

    @property
    def messages(self) -> list[str]:
        """The errors, warnings and other messages shown, in this order, without the backslashes that Markdown hides."""
        return [_ESCAPED.sub(r"\1", str(message.value)) for kind in _MESSAGES for message in getattr(self.tab, kind)]

    @property
    def text(self) -> str:
        """All texts of the page, a line each."""
        return "\n".join(str(element.value) for kind in _TEXTS for element in getattr(self.tab, kind))

    @property
    def buttons(self) -> list[str]:
        return [button.label for button in self.tab.button]

    def value(self, label: str) -> Any:
        """Return what the field with this label shows."""
        return self._field(label).value

    def rows(self, number: int = 0) -> list[dict[str, Any]]:
        """Return the rows of a table shown by `st.dataframe` or `st.table`, counted from 0."""
        tables = [*self.tab.dataframe, *self.tab.table]
        if number >= len(tables):
            raise AssertionError(f"There are {len(tables)} tables on {self._at[0]!r}.")
        return list(tables[number].value.to_dict("records"))

    # Finding

    def _field(self, label: str) -> Any:
        found = [element for kind in _FIELDS for element in self.tab.get(kind)]
        return self._one(found, label, "field")

    def _one(self, elements: Any, label: str, what: str) -> Any:
        labels = {id(element): getattr(element, "label", "") for element in elements}  # feedback has none
        found = [element for element in elements if labels[id(element)] == label]
        if len(found) != 1:
            others = ", ".join(map(repr, labels.values())) or "none"
            said = "".join(f"\nIt says: {message}" for message in (self.title, *self.messages))
            raise AssertionError(f"Found {len(found)} of {what} {label!r} on {self._at[0]!r}, among: {others}.{said}")
        return found[0]


def navigate() -> None:
    """Go where the test wants to, before the project's own script begins. Runs inside the tab."""
    asked = st.session_state.pop(_GO, None)
    if asked is None:
        return
    from core import bootstrap_session, get_session_manager

    bootstrap_session()
    get_session_manager().navigate_to(*asked)
