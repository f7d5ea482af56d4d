"""A Streamlit that has changed: what no longer holds is found, named and done without, and nothing entered is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.state import SessionState
from streamlit.testing.v1 import AppTest
from structlog.testing import capture_logs

from core.commands.doctor import examine
from core.services import Services
from core.settings import PROJECT_ROOT
from core.streamlit_compat import features, messages, run, server, tables, widgets
from core.streamlit_compat.contracts import CONTRACTS
from core.streamlit_compat.features import Feature, broken

Break = Callable[[pytest.MonkeyPatch], object]


class Without:
    """Something of Streamlit's that has lost an attribute."""

    def __init__(self, of: Any, name: str) -> None:
        self._of, self._name = of, name

    def __getattr__(self, name: str) -> Any:
        if name == self._name:
            raise AttributeError(name)
        return getattr(self._of, name)

    def __getitem__(self, key: str) -> Any:
        return self._of[key]

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self if name in ("_of", "_name") else self._of, name, value)


def moved(module: str) -> Break:
    """Let a module of Streamlit's have other contents for whoever imports it from now on."""
    return lambda patch: patch.setitem(sys.modules, f"streamlit.{module}", ModuleType(module))


def context_without(name: str) -> Break:
    def hide(patch: pytest.MonkeyPatch) -> None:
        found = run.run_context
        for place in (run, widgets, server):
            patch.setattr(place, "run_context", lambda: Without(context, name) if (context := found()) else None)

    return hide


def state_without(name: str) -> Break:
    def hide(patch: pytest.MonkeyPatch) -> None:
        found = widgets._state
        patch.setattr(widgets, "_state", lambda: None if (state := found()) is None else Without(state, name))

    return hide


BREAKS: dict[str, tuple[Feature, Break, str]] = {
    "messages of the browser": (Feature.INGRESS, moved("proto.BackMsg_pb2"), "BackMsg"),
    "fields it doesn't know": (
        Feature.INGRESS,
        lambda patch: patch.setattr(messages, "UnknownFieldSet", lambda _message: []),
        "a message may have fields",
    ),
    "ids of widgets": (Feature.INGRESS, moved("runtime.state.common"), "user_key_from_element_id"),
    "ids that end in the key": (
        Feature.INGRESS,
        lambda patch: patch.setattr("streamlit.runtime.state.common.user_key_from_element_id", lambda _id: None),
        "a widget's id ends in its key",
    ),
    "metadata of widgets": (Feature.INGRESS, state_without("_new_widget_state"), "_new_widget_state"),
    "states that are read": (
        Feature.INGRESS,
        lambda patch: patch.setattr("streamlit.runtime.state.common.unpack_widget_state_value", lambda _state: None),
        "a widget's metadata reads its state",
    ),
    "what is missing in a message": (
        Feature.INGRESS,
        lambda patch: patch.setattr(messages, "without", lambda frame, _ids: frame),
        "what is missing in a message stays as it was",
    ),
    "messages to the browser": (Feature.INGRESS, moved("proto.ForwardMsg_pb2"), "ForwardMsg"),
    "forms": (
        Feature.INGRESS,
        lambda patch: patch.setattr(messages, "noted", lambda _frame: None),
        "a form and its buttons are sent",
    ),
    "the page of a run": (Feature.INGRESS, context_without("pages_manager"), "pages_manager"),
    "the widgets of a run": (Feature.INGRESS, context_without("shared"), "shared"),
    "runs of fragments": (Feature.FRAGMENTS, moved("proto.ForwardMsg_pb2"), "ForwardMsg"),
    "the id of a key's widget": (Feature.TYPING, state_without("_get_widget_id"), "_get_widget_id"),
    "cursors": (Feature.TYPING, moved("cursor"), "LockedCursor"),
    "what a run lists": (
        Feature.LISTING,
        lambda patch: patch.setattr(widgets, "list_one_alone", lambda: None),
        "a run lists what it holds",
    ),
    "what widgets hold": (Feature.IN_PLACE, state_without("_old_state"), "_old_state"),
    "what a script assigns": (Feature.IN_PLACE, state_without("_new_session_state"), "_new_session_state"),
    "fragments of a run": (Feature.IN_PLACE, context_without("fragment_ids_this_run"), "fragment_ids_this_run"),
    "the stack of containers": (Feature.FORMS, moved("elements.lib.form_utils"), "current_form_id"),
    "dates": (Feature.LIMITS, moved("elements.widgets.time_widgets"), "_DateInputValues"),
    "options": (Feature.LIMITS, moved("dataframe_util"), "convert_anything_to_list"),
    "files": (Feature.UPLOADS, moved("runtime.memory_uploaded_file_manager"), "MemoryUploadedFileManager"),
    "the route of files": (
        Feature.UPLOADS,
        moved("web.server.starlette.starlette_routes"),
        "create_upload_routes",
    ),
    "files of a chat": (Feature.UPLOADS, moved("elements.widgets.chat"), "ChatInputSerde"),
    "types of files": (
        Feature.UPLOADS,
        moved("elements.lib.file_uploader_utils"),
        "normalize_upload_file_type",
    ),
    "tables": (Feature.TABLES, lambda patch: patch.delattr(tables, "parse_value"), "parse_value"),
    "open pages": (Feature.PAGES, moved("runtime.app_session"), "AppSession"),
    "stopped runs": (Feature.STOPPED, lambda patch: patch.setattr(st, "stop", lambda: None), "a stopped run"),
    "the user": (
        Feature.USER,
        lambda patch: patch.delattr("streamlit.user_info._get_user_info"),
        "_get_user_info",
    ),
    "signed cookies": (
        Feature.PROVIDER,
        moved("web.server.starlette.starlette_app_utils"),
        "create_signed_value",
    ),
}
"""What no longer is as the engine expects it, the feature it is for, and how that is said."""


@pytest.fixture(autouse=True)
def tested_anew() -> Iterator[None]:
    features.test_again()
    yield
    features.test_again()


def page() -> None:
    from datetime import date

    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    with ui.save_status(get_session_manager()):
        ui.text_input("Name", form="f", field="name")
        ui.selectbox("Colour", ("red", "blue"), form="f", field="colour")
        ui.date_input("Day", date(2026, 1, 1), form="f", field="day")
        ui.file_uploader("Plan", form="f", field="plan")
        ui.data_editor([{"a": 1}], form="f", field="table")
        with st.form("inside"):
            ui.text_area("Note", form="f", field="note")
            st.form_submit_button("Send")


def show() -> AppTest:
    tab = AppTest.from_function(page).run()
    assert not tab.exception, tab.exception
    return tab


def test_the_installed_streamlit_is_as_the_engine_expects_it() -> None:
    assert broken() == {}


def test_every_feature_is_tested_and_broken_here() -> None:
    assert {feature for feature, _, _ in BREAKS.values()} == CONTRACTS.keys() == set(Feature)


@pytest.mark.parametrize("what", BREAKS)
def test_without_one_thing_pages_run_what_is_entered_is_kept_and_the_log_and_doctor_name_it(
    what: str, monkeypatch: pytest.MonkeyPatch, as_one_person: Services
) -> None:
    feature, break_it, says = BREAKS[what]
    show()  # what Streamlit imports late it has by now
    break_it(monkeypatch)
    features.test_again()
    with capture_logs() as logs:
        found = broken()[feature]
    assert says in found
    assert [each for each in logs if each["so"] == feature.value and each["moved"] == found]
    (finding,) = (each for each in examine(as_one_person.settings) if feature.value in each.says)
    assert found in finding.says
    assert finding.subject == "Streamlit"
    assert finding.fix

    tab = show()
    tab.text_input[0].set_value("Ada").run()
    tab.selectbox[0].set_value("blue").run()
    tab.date_input[0].set_value(date(2026, 2, 3)).run()
    tab.text_area[0].set_value("a note")
    tab.button[0].click().run()
    assert not tab.exception, tab.exception
    again = show()
    assert (again.text_input[0].value, again.selectbox[0].value, again.text_area[0].value) == ("Ada", "blue", "a note")
    assert again.date_input[0].value == date(2026, 2, 3)


def test_a_message_passes_as_it_is_where_messages_can_t_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    moved("proto.BackMsg_pb2")(monkeypatch)
    assert Feature.INGRESS in broken()
    assert messages.read_message(b"anything") == messages.EMPTY_MESSAGE
    assert messages.noted(b"anything") is None


@pytest.mark.usefixtures("as_one_person")
def test_a_run_that_can_t_be_begun_for_the_test_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    moved("runtime.fragment")(monkeypatch)
    assert "no run can be begun" in broken()[Feature.TYPING]
    monkeypatch.undo()
    show()  # nothing of the test is around the pages of this process


def listing_page() -> None:
    import streamlit as st

    from core import bootstrap_session, ui

    def listed(option: str) -> str:
        st.session_state.setdefault("listed", []).append(any(name == "other" for name in st.session_state))
        return option

    bootstrap_session()
    st.session_state["other"] = 1
    st.text_input("Streamlit's own", key="own")
    ui.text_input("Name", form="f", field="name")
    ui.text_input("Nickname", None, form="f", field="nickname")
    ui.number_input("Seats", None, 10, None, form="f", field="seats")
    ui.selectbox("Colour", ["red", "blue"], None, form="f", field="colour")
    ui.selectbox("Size", ["small", "large"], format_func=listed, form="f", field="size")


def test_for_a_field_streamlit_doesn_t_list_all_that_the_state_holds(
    monkeypatch: pytest.MonkeyPatch, as_one_person: Services
) -> None:
    assert as_one_person
    tab = AppTest.from_function(listing_page).run()
    tab.text_input[2].set_value("Ada").run()
    tab.selectbox[0].set_value("blue").run()
    tab.session_state["listed"] = []
    whole: Callable[[SessionState], dict[str, Any]] = SessionState.filtered_state.fget  # type: ignore[attr-defined]
    lists: list[dict[str, Any]] = []
    monkeypatch.setattr(SessionState, "filtered_state", property(lambda state: lists.append(whole(state)) or lists[-1]))
    tab.run()
    assert not tab.exception, tab.exception
    by_page = tab.session_state["listed"]
    assert by_page
    assert all(by_page)
    in_run = ["other" in each for each in lists]  # what comes after it, in this thread, lists another state
    assert sum(in_run) == 2 + len(by_page)  # one for Streamlit's own field, one for that whose options the page names
    assert [tab.text_input[1].value, tab.text_input[2].value] == ["", "Ada"]
    assert (tab.number_input[0].value, tab.selectbox[0].value) == (None, "blue")


def test_the_engine_can_be_imported_without_the_editor_s_internals(tmp_path: Path) -> None:
    code = (
        "import sys, types; import streamlit.elements.widgets.data_editor as editor; del editor._parse_value; "
        "import core.ui; from core.streamlit_compat.features import *; print(Feature.TABLES in broken())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["True"], done.stderr
