"""An Enum may be renamed: the page says what was chosen and is gone, a new choice replaces it, and nothing is lost."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import Enum
from types import ModuleType
from typing import Any

import pytest
from cryptography.fernet import Fernet
from streamlit.testing.v1 import AppTest

from core.codec import Unreadable
from core.services import Services, use_services
from core.session import UserSession
from core.session_persistence import SessionPersistenceEngine
from core.storage.envelope import Envelope

MODULE = "apps.test_desk_states"


def declare(monkeypatch: pytest.MonkeyPatch, name: str, *members: str) -> None:
    """Make the project's code what it is after a deployment: with an Enum of this name and these members."""
    module = ModuleType(MODULE)
    module.Current = Enum(name, {each: each.lower() for each in members}, module=MODULE)  # type: ignore[attr-defined, misc]
    setattr(module, name, module.Current)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)


@pytest.fixture(autouse=True)
def _first_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, "Status", "OPEN", "DONE", "LATE")


def page() -> None:
    import streamlit as st
    from apps.test_desk_states import Current

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    st.session_state["session"] = get_session_manager().session
    options = list(Current)
    st.session_state["shown"] = {
        "select": ui.selectbox("Select", options, form="f", field="select"),
        "radio": ui.radio("Radio", options, index=None, form="f", field="radio"),
        "several": ui.multiselect("Several", options, form="f", field="several"),
        "steps": ui.select_slider("Steps", options, form="f", field="steps"),
        "pills": ui.pills("Pills", options, form="f", field="pills"),
        "segments": ui.segmented_control("Segments", options, selection_mode="multi", form="f", field="segments"),
        "by id": ui.selectbox("By id", options, option_id=lambda each: each, form="f", field="by id"),
    }
    ui.text_input("Name", form="f", field="name")


def shown(tab: AppTest) -> dict[str, Any]:
    assert not tab.exception, tab.exception[0].message
    assert not tab.error
    return {name: getattr(value, "name", value) for name, value in tab.session_state["shown"].items()}


def open_tab() -> AppTest:
    tab = AppTest.from_function(page).run()
    shown(tab)
    return tab


def choose_in_all(tab: AppTest, number: int) -> None:
    session, chosen = tab.session_state["session"], list(sys.modules[MODULE].Current)[number]
    session.set_fields(
        {("f", name): [chosen] if name in ("several", "segments") else chosen for name in shown(tab)},
    )


RENAMED = [("Status", "OPEN", "CLOSED", "LATE"), ("State", "OPEN", "CLOSED", "LATE")]


@pytest.mark.parametrize("declaration", RENAMED, ids=["a member", "the class"])
@pytest.mark.usefixtures("as_one_person")
def test_the_page_says_what_is_gone_and_a_new_choice_replaces_it(
    declaration: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_in_all(open_tab(), 1)
    declare(monkeypatch, *declaration)
    for tab in (open_tab(), open_tab().run()):
        assert shown(tab)["select"] == "OPEN"
        assert len(tab.warning) == 7
        assert all("“DONE” is no longer an option" in each.value for each in tab.warning)
    tab.selectbox[0].select_index(1)
    tab.radio[0].set_value(tab.radio[0].options[1])
    tab.run()
    for each in (tab, tab.run(), open_tab()):
        assert (shown(each)["select"], shown(each)["radio"]) == ("CLOSED", "CLOSED")
        assert len(each.warning) == 5


@pytest.mark.usefixtures("as_one_person")
def test_it_is_there_again_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    session: UserSession = open_tab().session_state["session"]
    choose_in_all(open_tab(), 1)
    session = open_tab().session_state["session"]
    session.set_field("f", "map", {"of": (sys.modules[MODULE].Current.DONE, 1)})
    session.save_form("f", dict(session.form("f").values))
    session.create_form_snapshot("f")
    declare(monkeypatch, "Status", "OPEN", "CLOSED", "LATE")
    tab = open_tab()
    between: UserSession = tab.session_state["session"]
    between.save_form("f", {**between.form("f").values, "name": "Ada"})  # with what can't be read
    between.set_field("f", "select", sys.modules[MODULE].Current.CLOSED)
    between.undo("f")
    assert str(between.form("f").values["select"]) == "DONE"
    between.create_form_snapshot("f")
    declare(monkeypatch, "Status", "OPEN", "DONE", "LATE", "CLOSED")
    after = open_tab()
    assert shown(after)["select"] == "DONE"
    assert not after.warning
    form, done = after.session_state["session"].form("f"), sys.modules[MODULE].Current.DONE
    wanted = {"select": done, "several": [done], "map": {"of": (done, 1)}}
    for values in (form.values, form.saved, *(each.values for each in form.snapshots)):
        assert {name: values[name] for name in wanted} == wanted


def test_a_plain_widget_shows_its_default_where_what_is_kept_under_its_key_is_gone(
    as_one_person: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain() -> None:
        import streamlit as st
        from apps.test_desk_states import Current

        from core import bootstrap_session, get_session_manager

        bootstrap_session()
        chosen = st.selectbox("Select", list(Current), key="state")
        st.session_state["kept"] = get_session_manager().persist_input("state", chosen)
        st.session_state["shown"] = {"select": chosen}

    tab = AppTest.from_function(plain).run()
    tab.selectbox[0].select_index(1).run()
    declare(monkeypatch, "State", "OPEN", "CLOSED")
    again = AppTest.from_function(plain).run()
    assert shown(again) == {"select": "OPEN"}
    assert again.session_state["kept"]


def test_what_lacks_its_key_is_said_to_be_there_and_is_not_replaced(as_one_person: Services) -> None:
    def engine(*keys: str) -> SessionPersistenceEngine:
        return SessionPersistenceEngine(store=as_one_person.store, clock=as_one_person.clock, envelope=Envelope(keys))

    key, other = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    with use_services(replace(as_one_person, engine=engine(key))):
        choose_in_all(open_tab(), 1)
    with use_services(replace(as_one_person, engine=engine(other))):
        tab = AppTest.from_function(page).run()
        assert len(tab.warning) == 7
        assert all("can't be read right now" in each.value for each in tab.warning)
        tab.selectbox[0].select_index(2).run()
        assert "left as it is" in tab.error[0].value
    with use_services(replace(as_one_person, engine=engine(key))):
        assert shown(open_tab())["select"] == "DONE"


def test_what_is_no_type_here_equals_itself_only() -> None:
    one = Unreadable(text='{"$":"x"}', name="x", reason="unknown")
    assert one == replace(one, name="y", reason="another")
    assert one != replace(one, text="{}")
    assert len({one, replace(one, reason="another")}) == 1
