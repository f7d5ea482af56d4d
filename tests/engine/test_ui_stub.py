"""Editors, `help()` and type checkers show the widgets as Streamlit has them, with `form` and `field`."""

from __future__ import annotations

import inspect
import pydoc

import pytest
import streamlit as st

from core import ui
from scripts.ui_stub import STUB, render

OTHERS = ("altair_chart", "expander", "form", "tabs")
WIDGETS = [name for name, each in vars(ui).items() if callable(each) and hasattr(st, name) and name not in OTHERS]


def test_the_stub_follows_from_streamlit_as_it_is_installed() -> None:
    assert STUB.read_text() == render(), "run: make lock, or scripts/ui_stub.py alone"


@pytest.mark.parametrize("name", WIDGETS)
def test_help_and_completion_show_the_parameters_of_both(name: str) -> None:
    parameters = inspect.signature(getattr(ui, name)).parameters
    assert parameters.keys() >= {"form", "field", *inspect.signature(getattr(st, name)).parameters}
    help_text = pydoc.plain(pydoc.render_doc(getattr(ui, name)))
    assert "field : str" in help_text
    assert f"{name}(" in help_text
