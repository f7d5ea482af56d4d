"""What a page sees of its session, through Streamlit's own test runner."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core import get_current_session, get_session_manager
from core.errors import NoSessionError
from core.services import Services


def open_tab(source: str, browser: str = "browser") -> AppTest:
    app = AppTest.from_string("import streamlit as st\nimport core\n" + source)
    app.session_state["_keep_anonymous"] = f"anon-{browser}"
    return app.run()


TWO_FIELDS = """
session = core.bootstrap_session()
def keep(key):
    core.persist_input(key, st.session_state[key], form_id="f")
st.text_input("A", key="a", on_change=keep, args=("a",))
st.number_input("B", key="b", on_change=keep, args=("b",))
for message in core.get_session_manager().not_kept.values():
    st.error(message)
"""


def test_outside_a_run_there_is_no_session_and_the_error_says_what_to_do() -> None:
    with pytest.raises(NoSessionError, match="make run"):
        get_current_session()


def test_before_bootstrap_there_is_no_session_and_the_error_says_what_to_do(services: Services) -> None:
    app = open_tab("try:\n    core.get_session_manager()\nexcept Exception as error:\n    st.error(error)")
    assert "bootstrap_session()" in app.error[0].value


def test_the_functions_and_the_manager_speak_of_the_same_session(services: Services) -> None:
    app = open_tab(
        "session = core.bootstrap_session()\n"
        "st.write(core.get_current_session() is session is core.get_session_manager().session)"
    )
    assert app.markdown[0].value == "`True`"
    assert callable(get_session_manager)


def test_a_new_tab_of_the_browser_shows_the_drafts_with_their_types(services: Services) -> None:
    tab = open_tab(TWO_FIELDS)
    tab.text_input(key="a").input("x").run()
    tab.number_input(key="b").set_value(2.5).run()
    again = open_tab(TWO_FIELDS)
    assert (again.text_input(key="a").value, again.number_input(key="b").value) == ("x", 2.5)


def test_another_browser_sees_nothing_of_it(services: Services) -> None:
    open_tab(TWO_FIELDS).text_input(key="a").input("x").run()
    assert open_tab(TWO_FIELDS, browser="other").text_input(key="a").value == ""


def test_an_open_tab_shows_what_another_tab_changed_at_its_next_run(services: Services) -> None:
    one, two = open_tab(TWO_FIELDS), open_tab(TWO_FIELDS)
    one.text_input(key="a").input("from one").run()
    two.number_input(key="b").set_value(7.0).run()
    assert two.text_input(key="a").value == "from one"
    assert one.run().number_input(key="b").value == 7.0


def test_an_edit_made_after_another_tab_s_edit_wins(services: Services) -> None:
    one, two = open_tab(TWO_FIELDS), open_tab(TWO_FIELDS)
    one.text_input(key="a").input("first").run()
    two.text_input(key="a").input("second").run()
    assert one.run().text_input(key="a").value == "second"


def test_a_value_that_cannot_be_kept_is_named_and_the_one_before_comes_back(services: Services) -> None:
    tab = open_tab(TWO_FIELDS)
    tab.text_input(key="a").input("short").run()
    tab.text_input(key="a").input("x" * 300_000).run()
    assert "KB" in tab.error[0].value
    assert open_tab(TWO_FIELDS).text_input(key="a").value == "short"
    tab.text_input(key="a").input("shorter").run()
    assert not tab.error


def test_two_forms_may_use_the_same_widget_key_on_different_pages(services: Services) -> None:
    page = """
core.bootstrap_session()
core.get_session_manager().observe_page("{page}")
def keep():
    core.persist_input("name", st.session_state.name, form_id="{page}-form")
st.text_input("Name", key="name", on_change=keep)
"""
    open_tab(page.format(page="a")).text_input(key="name").input("in a").run()
    open_tab(page.format(page="b")).text_input(key="name").input("in b").run()
    assert open_tab(page.format(page="a")).text_input(key="name").value == "in a"
    assert open_tab(page.format(page="b")).text_input(key="name").value == "in b"


def test_a_form_that_cannot_be_saved_says_so_and_saves_nothing_of_it(services: Services) -> None:
    tab = open_tab("""
core.bootstrap_session()
try:
    core.save_form("f", {"good": 1, "bad": object()})
except core.errors.NotKeptError as error:
    st.error(error)
""")
    assert "can't be kept" in tab.error[0].value
    assert services.engine.open("anon-browser").form("f").values == {}


def test_going_back_and_forward_is_left_for_the_next_run(services: Services) -> None:
    tab = open_tab("""
core.bootstrap_session()
manager = core.get_session_manager()
manager.navigate_to("a")
manager.navigate_to("b", {"id": "1"})
st.write(manager.go_forward(), manager.go_back(), manager.current_page)
pending = manager.take_pending_navigation()
st.write(pending.entry.page, pending.steps, manager.take_pending_navigation())
""")
    assert not tab.exception
    assert [text.value for text in tab.markdown] == ["`False` `True` a", "a `-1` `None`"]
