"""A value of `st.session_state` that a page asks for by `ui.session_value` survives F5, like a field."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

PAGE = """
import streamlit as st
from core import bootstrap_session, get_session_manager, ui

def add():
    st.session_state["cart"] = [*st.session_state["cart"], "by a callback"]

def forget():
    del st.session_state["cart"]

bootstrap_session()
with ui.save_status(get_session_manager()):
    cart = ui.session_value("cart", [])
    st.text(repr(cart))
    if st.button("In place"):
        cart.append("in place")
    if st.button("Rerun"):
        cart.append("before a rerun")
        st.rerun()
    st.button("Callback", on_click=add)
    st.button("Forget", on_click=forget)
    if st.button("Refused"):
        st.session_state["cart"] = object()
"""


def loaded() -> AppTest:
    """The page after F5, and in another tab: Streamlit knows nothing of what was before."""
    app = AppTest.from_string(PAGE).run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("as_one_person")
@pytest.mark.parametrize(
    ("label", "cart"), [("In place", ["in place"]), ("Callback", ["by a callback"]), ("Rerun", ["before a rerun"])]
)
def test_what_became_of_it_is_there_after_a_reload(label: str, cart: list[str]) -> None:
    app = press(loaded(), label)
    assert loaded().text[0].value == repr(cart)
    press(app, "Callback")
    assert loaded().text[0].value == repr([*cart, "by a callback"])


@pytest.mark.usefixtures("as_one_person")
def test_one_that_is_removed_has_its_default_again() -> None:
    app = press(press(loaded(), "In place"), "Forget")
    assert app.text[0].value == "[]"
    assert loaded().text[0].value == "[]"


@pytest.mark.usefixtures("as_one_person")
def test_another_tab_s_change_is_seen_and_not_overwritten() -> None:
    one, other = loaded(), loaded()
    press(one, "In place")
    assert other.run().text[0].value == "['in place']"
    assert press(other, "Callback").text[0].value == "['in place', 'by a callback']"
    assert one.run().text[0].value == "['in place', 'by a callback']"


@pytest.mark.usefixtures("as_one_person")
def test_what_can_not_be_persisted_is_named_and_the_value_before_it_stays() -> None:
    app = press(press(loaded(), "In place"), "Refused")
    assert ("session_state", "cart") in app.session_state["_keep_manager"].not_kept
    assert loaded().text[0].value == "['in place']"
