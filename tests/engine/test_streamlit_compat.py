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
from streamlit.testing.v1 import AppTest
from structlog.testing import capture_logs

from core.commands.doctor import examine
from core.services import Services
from core.settings import PROJECT_ROOT
from core.streamlit_compat import contracts, features, messages, run, server, tables, widgets
from core.streamlit_compat.contracts import CONTRACTS
from core.streamlit_compat.features import Feature, broken

Break = Callable[[pytest.MonkeyPatch], object]


class Without:
    """Something of Streamlit's that has lost an attribute."""

    def __init__(self, of: object, name: str) -> None:
        self._of, self._name = of, name

    def __getattr__(self, name: str) -> Any:
        if name == self._name:
            raise AttributeError(name)
        return getattr(self._of, name)

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


BREAKS: dict[str, Break] = {
    "a rerun carries the states": moved("proto.BackMsg_pb2"),
    "a message may have fields": lambda patch: patch.setattr(messages, "UnknownFieldSet", lambda _message: []),
    "a widget's id ends in its key": moved("runtime.state.common"),
    "a widget's metadata reads its state": state_without("_new_widget_state"),
    "what is missing in a message": moved("proto.BackMsg_pb2"),
    "a form and its buttons are sent": moved("proto.ForwardMsg_pb2"),
    "a run of fragments says so": moved("proto.ForwardMsg_pb2"),
    "a run knows its page": context_without("pages_manager"),
    "the widget of a key has an id": state_without("_get_widget_id"),
    "an element of its own": moved("cursor"),
    "what a widget holds is new or old": state_without("_old_state"),
    "what a script assigns is apart": state_without("_new_session_state"),
    "a run knows its fragments": context_without("fragment_ids_this_run"),
    "a form is on the stack": moved("elements.lib.form_utils"),
    "date inputs read": moved("elements.widgets.time_widgets"),
    "options may be given": moved("dataframe_util"),
    "files are held in memory": moved("runtime.memory_uploaded_file_manager"),
    "a chat input may take files": moved("elements.widgets.chat"),
    "an uploader's types": moved("elements.lib.file_uploader_utils"),
    "the editor reads tables": lambda patch: patch.delattr(tables, "parse_value"),
    "an open page can be run again": moved("runtime.app_session"),
    "a stopped run takes elements": lambda patch: patch.setattr(st, "stop", lambda: None),
    "the sign-in signs its cookies": moved("web.server.starlette.starlette_app_utils"),
}
"""By how a contract begins: what no longer is as it says."""


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


def test_every_contract_is_broken_here() -> None:
    says = [contract.says for contract in CONTRACTS]
    assert [sum(each.startswith(begin) for each in says) for begin in BREAKS] == [1] * len(says)


@pytest.mark.parametrize("begin", BREAKS)
def test_without_one_thing_pages_run_what_is_entered_is_kept_and_the_log_and_doctor_name_it(
    begin: str, monkeypatch: pytest.MonkeyPatch, as_one_person: Services
) -> None:
    (contract,) = (each for each in CONTRACTS if each.says.startswith(begin))
    show()  # what Streamlit imports late it has by now
    BREAKS[begin](monkeypatch)
    features.test_again()
    with capture_logs() as logs:
        found = broken()[contract.feature]
    assert [each for each in found if each.startswith(f"{contract.says}: ")]
    assert [each for each in logs if each["so"] == contract.feature.value and each["moved"] == list(found)]
    (finding,) = (each for each in examine(as_one_person.settings) if contract.says in each.says)
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
    assert messages.told(b"anything") == messages.NOTHING_TOLD
    assert messages.noted(b"anything") is None


def test_a_page_that_can_t_be_shown_for_the_test_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts.st, "text_input", None)
    assert any("no page can be shown" in moved for moved in broken()[Feature.TYPING])


def test_the_engine_can_be_imported_without_the_editor_s_internals(tmp_path: Path) -> None:
    code = (
        "import sys, types; import streamlit.elements.widgets.data_editor as editor; del editor._parse_value; "
        "import core.ui; from core.streamlit_compat.features import *; print(Feature.TABLES in broken())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["True"], done.stderr
