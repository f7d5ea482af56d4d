"""Whole-page messages say what happened and what to do."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def test_an_error_of_a_button_that_could_not_be_kept_is_shown_with_its_remedy() -> None:
    def page() -> None:
        from core.errors import NotKeptError
        from core.ui import cards

        cards.not_done(NotKeptError("form/f", "journal.db can't be written", "Try it again."))

    tab = AppTest.from_function(page).run()
    assert "Not kept" in tab.title[0].value
    assert tab.markdown[0].value == "Journal.db can't be written. Try it again."
    assert tab.button[0].label == "Back to the page"


def test_what_may_work_in_a_minute_is_told_as_such() -> None:
    def page() -> None:
        from core.errors import NotKeptNowError
        from core.ui import cards

        cards.not_done(NotKeptNowError())

    assert AppTest.from_function(page).run().markdown[0].value.endswith("Press the button again in a minute.")


def page_with_callbacks() -> None:
    import streamlit as st

    from core import RefusedError, bootstrap_session
    from core.ui import cards

    def fails() -> None:
        int("innards")

    def refuses() -> None:
        raise RefusedError("That *number* is taken.")

    def goes() -> None:
        st.switch_page("apps/intake/pages/submitted.py")

    # As Streamlit does it, which in a test has no app to ask for its handler.
    bootstrap_session()
    for work in (fails, refuses, goes):
        if st.button(work.__name__):
            try:
                work()
            except Exception as error:  # noqa: BLE001
                st.session_state["handled"] = cards.not_done(error)


def pressed(name: str) -> AppTest:
    tab = AppTest.from_function(page_with_callbacks).run()
    next(button for button in tab.button if button.label == name).click().run()
    assert not tab.exception
    assert tab.session_state["handled"]
    assert "Back to the page" in [button.label for button in tab.button]
    return tab


@pytest.mark.usefixtures("as_one_person")
class TestWhatACallbackRaises:
    def test_is_explained_where_it_is_developed_with_file_and_line(self) -> None:
        tab = pressed("fails")
        assert "can't be shown" in tab.title[0].value
        assert "ValueError: invalid literal" in tab.code[0].value
        assert ", line " in tab.code[0].value

    def test_is_said_as_it_is_where_it_refuses(self) -> None:
        assert pressed("refuses").markdown[0].value.replace("\\", "") == "That *number* is taken."

    def test_names_the_address_of_a_page_that_was_asked_for_by_its_file(self) -> None:
        assert 'navigate_to("intake-submitted")' in pressed("goes").markdown[1].value
