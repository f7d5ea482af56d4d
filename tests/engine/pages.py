"""Opens the project's pages in an `AppTest`, each by its name."""

from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from core import bootstrap_session, get_session_manager
from core.router import Router

bootstrap_session()
manager = get_session_manager()
if go := st.session_state.pop("go", None):
    manager.navigate_to(*go)
Router(manager).run()
"""


def open_page(name: str, **params: str) -> AppTest:
    """Open a tab, and a page in it."""
    return go(AppTest.from_string(SCRIPT, default_timeout=20).run(), name, **params)


def go(tab: AppTest, name: str, **params: str) -> AppTest:
    """Go to a page in a tab that is open."""
    tab.session_state["go"] = (name, params)
    return tab.run()


def press(tab: AppTest, label: str) -> AppTest:
    """Press the button with this label."""
    return next(button for button in tab.button if button.label == label).click().run()
