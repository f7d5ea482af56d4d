"""Whole-page messages say what happened and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.discovery import Fault
from core.settings import PROJECT_ROOT


def test_an_error_of_a_button_that_could_not_be_kept_is_shown_with_its_remedy() -> None:
    def page() -> None:
        from core.errors import NotKeptError
        from core.ui import cards

        cards.not_done(NotKeptError("form/f", "journal.db can't be written", "Try it again."))

    tab = AppTest.from_function(page).run()
    assert "Not saved" in tab.title[0].value
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

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("it has no words")

    class MuteRefusedError(RefusedError, MuteError):
        pass

    def is_mute() -> None:
        raise MuteError

    def refuses_mutely() -> None:
        raise MuteRefusedError

    def goes() -> None:
        st.switch_page("core/apps/admin/pages/audit.py")

    # As Streamlit does it, which in a test has no app to ask for its handler.
    bootstrap_session()
    for work in (fails, refuses, goes, is_mute, refuses_mutely):
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


CODE = """
def goes():
    import streamlit as st
    st.switch_page("nowhere.py")
def calls_the_engine():
    from core.files import FileRef
    FileRef(digest="none", name="", type="", size=0)
def is_called_by_it():
    from core.state.equality import same
    same(Odd(), Odd())
class Odd:
    def __eq__(self, other):
        raise ValueError
if script:
    {call}()
"""


def fault_of(file: str, call: str, *, script: bool) -> Fault:
    """The fault of a function in a file of the project, which Streamlit or the script in that file calls."""
    space: dict[str, Any] = {"script": script}

    def work() -> None:
        exec(compile(CODE.format(call=call), str(PROJECT_ROOT / file), "exec"), space)
        space[call]()

    with pytest.raises(Exception) as caught:  # noqa: PT011 - each has its own
        work()
    begin = caught.tb
    while begin is not None and begin.tb_frame.f_code.co_filename == __file__:
        begin = begin.tb_next
    return Fault.of(caught.value.with_traceback(begin))


@pytest.mark.parametrize("file", ["main.py", "helpers/prices.py"])
@pytest.mark.parametrize("script", [True, False], ids=["the script", "a callback"])
def test_an_error_that_no_page_raised_is_where_it_was_raised(file: str, *, script: bool) -> None:
    assert fault_of(file, "goes", script=script).file == file
    assert fault_of(file, "is_called_by_it", script=script).file == file
    assert fault_of(file, "calls_the_engine", script=script).file == "core/files.py"


@pytest.mark.parametrize("file", [".venv/lib/python3/site-packages/theirs.py", "core/bell.py"])
def test_what_is_not_the_team_s_is_not_said_to_be(file: str) -> None:
    assert fault_of(file, "calls_the_engine", script=False).file == "core/files.py"


@pytest.mark.usefixtures("as_one_person")
class TestWhatACallbackRaises:
    def test_is_explained_where_it_is_developed_with_file_and_line(self) -> None:
        tab = pressed("fails")
        assert "can't be shown" in tab.title[0].value
        assert "ValueError: invalid literal" in tab.code[0].value
        assert ", line " in tab.code[0].value

    def test_is_said_as_it_is_where_it_refuses(self) -> None:
        assert pressed("refuses").markdown[0].value.replace("\\", "") == "That *number* is taken."

    @pytest.mark.parametrize("name", ["is_mute", "refuses_mutely"])
    def test_is_said_by_its_name_where_it_can_not_say_more(self, name: str) -> None:
        tab = pressed(name)
        said = [each.value.replace("\\", "") for each in (*tab.code, *tab.markdown)]
        assert any("exception str() failed" in each for each in said)

    def test_names_the_address_of_a_page_that_was_asked_for_by_its_file(self) -> None:
        assert 'navigate_to("admin-audit")' in pressed("goes").markdown[1].value
