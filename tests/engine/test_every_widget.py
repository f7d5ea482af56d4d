"""Every widget of the installed Streamlit that holds a value is wrapped, with its own arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st

from core import ui

ACTS = {"button", "download_button", "form_submit_button", "link_button", "menu_button"}
"""What is pressed: true, or the option chosen, for one run. It holds nothing that could come back."""
OPENS = {"expander", "popover", "tabs"}
"""What is open or closed: `ui.expander` and `ui.tabs` have a memory of their own; a popover closes, as everywhere."""
SHOWS = {
    "altair_chart",
    "dataframe",
    "echarts_chart",
    "plotly_chart",
    "pydeck_chart",
    "vega_lite_chart",
}
"""What is selected in something shown: by its place in data that may be other data by then."""
OURS = {"form", "field", "option_id", "row_id"}
"""The parameters that wrapped widgets have besides."""
ANSWERS = {"on_change", "on_click", "on_select", "on_submit", "persist_state"}
"""The arguments by which a widget tells that something was done with it."""


def widgets() -> dict[str, Callable[..., Any]]:
    """Streamlit's functions that answer to what somebody does, by name."""
    found = {}
    for name in dir(st):
        function = getattr(st, name)
        if not name.startswith("_") and inspect.isroutine(function):
            parameters = inspect.signature(function).parameters
            if "key" in parameters and ANSWERS & parameters.keys():
                found[name] = function
    return found


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(function).parameters)
    found.pop("self", None)
    return found


HOLD = sorted(widgets().keys() - ACTS - OPENS - SHOWS)


def test_the_lists_name_what_there_is() -> None:
    assert widgets().keys() >= ACTS | OPENS | SHOWS


@pytest.mark.parametrize("name", HOLD)
def test_what_holds_a_value_is_wrapped_with_its_own_arguments(name: str) -> None:
    wrapped = getattr(ui, name, None)
    assert wrapped is not None, f"Streamlit has {name}, which holds a value: wrap it in core/ui"
    theirs = {name: each for name, each in parameters(wrapped).items() if name not in OURS}
    assert theirs == parameters(getattr(st, name))


def test_what_can_be_put_back_by_streamlit_is_among_them() -> None:
    keeps = {name for name, function in widgets().items() if "persist_state" in inspect.signature(function).parameters}
    assert keeps <= set(HOLD)


@pytest.mark.parametrize("name", sorted({"selectbox", "slider"}))
def test_a_wrong_argument_is_refused_as_by_streamlit(name: str) -> None:
    widget = getattr(ui, name)
    with pytest.raises(TypeError):
        widget("Label", [1], label="twice", form="f", field="x")
    with pytest.raises(TypeError):
        widget(*range(40), form="f", field="x")
