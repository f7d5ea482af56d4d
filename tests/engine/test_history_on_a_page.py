"""Undo, versions and the choice between two tabs, as a page shows them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.services import get_services
from core.session import Change, UserSession
from core.state import undo
from core.state.typed_text import Draft, digest_of, draft_path
from core.ui.format_value import differences

pytestmark = pytest.mark.usefixtures("as_one_person")


def page(tab: str) -> None:
    from core import bootstrap_session, ui

    bootstrap_session().attach_tab(tab)
    ui.conflict_notice("f")
    ui.text_input("Your name", form="f", field="name")
    ui.checkbox("Sure", form="f", field="sure")
    ui.undo_bar("f")
    ui.history_panel("f")


def open_tab(letter: str = "a") -> AppTest:
    return AppTest.from_function(page, kwargs={"tab": letter * 32}).run()


def person() -> UserSession:
    local = get_services().accounts.users.find("local")
    assert local is not None
    return get_services().engine.open(local.session_id)


def press(tab: AppTest, key: str) -> AppTest:
    (button,) = (button for button in tab.button if str(button.key).startswith(key))
    button.click().run()
    assert not tab.exception, tab.exception
    return tab


def can_press(tab: AppTest, key: str) -> bool:
    return not tab.button(key=key).disabled


def test_the_buttons_undo_and_redo_and_are_off_where_there_is_nothing_to_do() -> None:
    tab = open_tab()
    assert not can_press(tab, "keep-undo:f")
    assert not can_press(tab, "keep-redo:f")
    tab.text_input(key="f.name").set_value("Ada").run()
    tab.checkbox[0].check().run()
    assert can_press(tab, "keep-undo:f")

    press(tab, "keep-undo:f")
    assert (tab.text_input(key="f.name").value, tab.checkbox[0].value) == ("Ada", False)
    press(tab, "keep-undo:f")
    assert tab.text_input(key="f.name").value == ""
    assert not can_press(tab, "keep-undo:f")

    again = open_tab("b")
    press(press(again, "keep-redo:f"), "keep-redo:f")
    assert (again.text_input(key="f.name").value, again.checkbox[0].value) == ("Ada", True)
    assert not can_press(again, "keep-redo:f")


def test_a_version_is_kept_under_a_name_compared_and_restored_and_that_is_undone() -> None:
    tab = open_tab()
    tab.text_input(key="f.name").set_value("Ada <b> Lovelace").run()
    tab.text_input(key="keep-history-name:f").set_value("Before the meeting")
    press(tab, "keep-history-keep:f")
    assert tab.text_input(key="keep-history-name:f").value == ""
    assert "No differences" in [caption.value for caption in tab.caption]

    tab.text_input(key="f.name").set_value("Ada King").run()
    (table,) = tab.get("html")
    text = str(table.proto.body)
    assert "Your name" in text
    assert "<b>" not in text
    assert "<ins>King</ins>" in text
    assert "Before the meeting · " in text

    press(tab, "keep-history-restore:one.f")
    assert tab.text_input(key="f.name").value == "Ada <b> Lovelace"
    press(tab, "keep-undo:f")
    assert tab.text_input(key="f.name").value == "Ada King"


def test_two_versions_are_compared() -> None:
    open_tab()
    session = person()
    for number in (1, 2):
        session.set_fields({("f", "name"): f"name {number}", ("f", "when"): date(2026, 3, number)})
        session.create_form_snapshot("f", f"version {number}")
    session.set_field("f", "name", "now")
    tab = open_tab()
    one, other = session.form("f").snapshots
    tab.selectbox(key="keep-history-one:f").set_value(one.snapshot_id)
    tab.selectbox(key="keep-history-other:f").set_value(other.snapshot_id).run()

    text = str(tab.get("html")[0].proto.body)
    assert "<del>1</del>" in text
    assert "<ins>2</ins>" in text
    press(tab, "keep-history-restore:other.f")
    assert tab.text_input(key="f.name").value == "name 2"


def test_what_two_tabs_entered_at_once_is_shown_to_both_and_either_may_choose() -> None:
    one, other = open_tab("a"), open_tab("b")
    there = person()
    there.attach_tab("c" * 32)
    one.text_input(key="f.name").set_value("from one").run()
    there.device = "Safari on iPhone"
    there.set_field("f", "name", "from the phone")
    one.run()
    other.run()

    for tab in (one, other):
        assert "“Your name”" in tab.warning[0].value
        assert {"from one", "from the phone"} <= {text.value for text in tab.text}
        assert any("in Safari on iPhone" in caption.value for caption in tab.caption)
    assert any("in this tab" in caption.value for caption in one.caption)

    press(other, "keep-conflict-take:")
    assert other.text_input(key="f.name").value == "from one"
    assert not other.warning
    assert one.run().text_input(key="f.name").value == "from one"
    assert not one.warning

    press(one, "keep-undo:f")
    assert one.text_input(key="f.name").value == "from the phone"
    press(one, "keep-conflict-keep:")
    assert one.text_input(key="f.name").value == "from the phone"
    assert not one.warning


def test_the_page_speaks_german() -> None:
    open_tab()
    person().set_preference("language", "de")
    tab = open_tab()
    assert [button.label for button in tab.button][:2] == ["Rückgängig", "Wiederholen"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "a", ("", "<ins>a</ins>")),
        ("a cat", "a dog", ("a <del>cat</del>", "a <ins>dog</ins>")),
        ("<i>", "<b>", ("&lt;<del>i</del>&gt;", "&lt;<ins>b</ins>&gt;")),
        ("x" * 3000, "y", (f"<del>{'x' * 3000}</del>", "<ins>y</ins>")),
    ],
    ids=["added", "word", "markup", "long"],
)
def test_what_differs_between_two_texts_is_marked(one: str, other: str, expected: tuple[str, str]) -> None:
    assert differences(one, other) == expected


def follower(tab: str) -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session().attach_tab(tab)
    ui.conflict_notice("f")
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.session_state["manager"] = get_session_manager()
    ui.text_input("Your name", form="f", field="name")
    ui.live_refresh()


def post_text(session: UserSession, text: str, number: int) -> None:
    """Store what was typed into the field in a session's tab as its post does, which brings no run."""
    draft = Draft(number=number, digest=digest_of(text), on_screen=True)
    note = Change(draft_path(session.tab_id or "", "f", "name"), draft.to_dict())
    seen = {"name": ""} if number == 1 else {}
    session.commit([*undo.edit(session, "f", {"name": text}, seen=seen), note])


def test_a_page_that_shows_a_conflict_hears_of_its_own_text_that_settles_it() -> None:
    tab: Any = AppTest.from_function(follower, kwargs={"tab": "a" * 32}).run()
    here, there = person(), person()
    here.attach_tab("a" * 32)
    there.attach_tab("b" * 32)
    post_text(here, "mine", 1)
    manager = tab.session_state["manager"]
    assert not manager.has_news()
    there.set_field("f", "name", "theirs")
    assert manager.has_news()
    assert "theirs" in [text.value for text in tab.run().text]
    get_services().engine.refresh(here)
    post_text(here, "mine", 2)
    assert manager.has_news()
    assert not tab.run().text
    assert not manager.has_news()


def test_a_page_that_follows_along_hears_of_others_and_not_of_itself() -> None:
    tab: Any = AppTest.from_function(follower, kwargs={"tab": "a" * 32}).run()
    tab.text_input[0].set_value("mine").run()
    manager = tab.session_state["manager"]
    assert not manager.has_news()

    there = person()
    there.attach_tab("b" * 32)
    there.visit("somewhere")
    assert not manager.has_news()
    there.set_field("f", "name", "theirs")
    manager.catch_up()  # as a fragment's run does, which shows a part of the page only
    assert manager.has_news()
    assert tab.run().text_input[0].value == "theirs"
    assert not manager.has_news()
