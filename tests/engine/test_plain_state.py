"""A page that holds what nobody keeps says so to those who develop it, and how to keep it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.discovery import discover
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from tests.engine.pages import open_page

PAGE = """
import streamlit as st
from core import bootstrap_session, get_session_manager, persist_input, ui
from core.ui.session_state import say_plain_state

bootstrap_session()
ui.text_input("Name", form="order", field="name")
ui.data_editor({"item": ["a lamp"]}, form="order", field="items")
ui.chat_input(form="order", field="question")
ui.file_uploader("Picture", form="order", field="picture", key="picture")
ui.file_uploader("Others", form="order", field="others", accept_multiple_files=True)
ui.undo_bar("order")
ui.history_panel("order")
ui.tabs(["One", "Two"], key="tabs")
st.button("Add", key="add")
with st.form("note"):
    st.form_submit_button("Send")
st.text_input("Search", key="_search")
persist_input("address", "here", form_id="order")
st.session_state["address"] = "here"
# more
say_plain_state(get_session_manager())
"""


def said(more: str = "") -> list[str]:
    app = AppTest.from_string(PAGE.replace("# more", more)).run()
    assert not app.exception
    return [each.value for each in app.info]


def test_a_page_that_keeps_everything_says_nothing(services: Services) -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ('st.session_state["cart"] = ["a lamp"]', "`cart`"),
        ('st.text_input("Search", key="x")', "`x`"),
        ('st.checkbox("Gift")', "widgets without a key (1)"),
        ('st.text_input("Search", key="keep-me")', "`keep-me`"),
        ('st.session_state["keep-undo-order"] = 1', "`keep-undo-order`"),
        ('st.session_state["order.name.before"] = "a lamp"', "`order.name.before`"),
        ('st.session_state["FormSubmitter:x"] = 1', "`FormSubmitter:x`"),
    ],
)
def test_what_is_gone_after_f5_is_named_with_what_to_write_instead(services: Services, more: str, named: str) -> None:
    (text,) = said(more)

    assert text.startswith(f"Lost on reload: {named}.")
    assert "ui.text_input(" in text
    assert "ui.session_value(" in text


def test_a_key_that_was_a_field_s_on_another_page_may_be_a_plain_widget_s_here(services: Services) -> None:
    def pages() -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui
        from core.ui.session_state import plain_state

        bootstrap_session()
        manager = get_session_manager()
        with ui.save_status(manager):
            if st.session_state.get("_second"):
                st.text_input("Name", key="name")
            else:
                ui.text_input("Name", form="order", field="name", key="name")
            st.session_state["_names"] = plain_state(manager).names

    app = AppTest.from_function(pages).run()
    live = app.session_state["_keep_manager"].live
    assert (app.session_state["_names"], "name" in live._widgets) == ((), True)
    app.session_state["_second"] = True
    app.run()
    assert not app.exception
    assert (app.session_state["_names"], "name" in live._widgets) == (("name",), False)


def test_nobody_else_reads_it(make_settings: Callable[..., Settings]) -> None:
    services = build_services(make_settings(environment="production", cookie_secure=True))
    Base.metadata.create_all(services.database)
    with use_services(services):
        assert said('st.session_state["cart"] = ["a lamp"]') == []


def test_the_pages_of_this_project_hold_nothing_that_is_lost(as_admin: Services) -> None:
    for page in discover():
        tab = open_page(page.name)
        assert [each.value for each in tab.info if each.value.startswith("Gone after F5")] == [], page.name
