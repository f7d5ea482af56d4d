"""Whole-page messages say what happened and what to do."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from core.ui.cards import not_done


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


def test_other_errors_are_left_to_streamlit() -> None:
    assert not not_done(ValueError("a bug"))
