"""What a page loaded anew says of the drafts that are back, and what becomes of them when they are discarded."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import UserSession
from core.services import Services, get_services
from core.session import Change
from core.state.typed_text import Draft, digest_of, draft_path
from core.ui.restored_notice import announced, came_back, entered_since, note_announced
from tests.engine.writing import put

TAB = "0" * 32


pytestmark = pytest.mark.usefixtures("as_one_person")


def newest(session: UserSession) -> str:
    return max(session.stamps.values(), default="")


def person(services: Services) -> UserSession:
    return services.engine.open("s", "ada")


class TestWhatCameBack:
    def test_it_is_what_differs_from_what_was_saved(self, as_one_person: Services) -> None:
        session = person(as_one_person)
        session.save_form("f", {"saved": 1, "cleared": "text"})
        session.set_field("f", "typed", "text")
        session.set_field("f", "cleared", "")
        session.set_field("f", "emptied again", "")
        session.set_field("f", "ticked and unticked", False)
        found = came_back(session, "f", opened_at=newest(session), announced="")
        assert found is not None
        assert found.fields == {"typed", "cleared"}

    def test_nothing_is_said_twice(self, as_one_person: Services) -> None:
        session = person(as_one_person)
        session.set_field("f", "a", 1)
        note_announced(session, "f")
        again = person(as_one_person)
        assert came_back(again, "f", opened_at=newest(again), announced=announced(again, "f")) is None
        session.set_field("f", "b", 1)
        again = person(as_one_person)
        found = came_back(again, "f", opened_at=newest(again), announced=announced(again, "f"))
        assert found is not None
        assert found.fields == {"a", "b"}

    def test_who_goes_on_with_the_form_has_kept_it(self, as_one_person: Services) -> None:
        session = person(as_one_person)
        session.set_field("f", "a", 1)
        opened_at = newest(session)
        assert not entered_since(session, "f", opened_at)
        session.set_field("f", "b", 1)
        assert came_back(session, "f", opened_at=opened_at, announced="") is None

    @pytest.mark.parametrize(
        ("on_screen", "text", "back"), [(False, "x", True), (True, "x", False), (False, "y", False)]
    )
    def test_what_the_page_before_had_left_to_send_came_back_too(
        self, as_one_person: Services, on_screen: bool, text: str, back: bool
    ) -> None:
        session = person(as_one_person)
        session.attach_tab(TAB)
        opened_at = newest(session)
        draft = Draft(number=1, digest=digest_of(text), on_screen=on_screen)
        session.commit([Change("form/f/field/a", "x"), Change(draft_path(TAB, "f", "a"), draft.to_dict())])
        assert (came_back(session, "f", opened_at=opened_at, announced="") is not None) == back


class TestDiscarding:
    def test_it_goes_back_to_what_was_saved_and_can_be_undone(self, as_one_person: Services) -> None:
        session = person(as_one_person)
        session.save_form("f", {"a": 1})
        session.set_field("f", "a", 2)
        session.set_field("f", "b", 3)
        session.discard_drafts("f")
        assert (session.form("f").values, session.form("f").is_dirty) == ({"a": 1}, False)
        session.undo("f")
        assert session.form("f").values == {"a": 2, "b": 3}

    def test_it_is_durable_with_what_it_replaced(self, as_one_person: Services) -> None:
        session = person(as_one_person)
        session.set_field("f", "a", 2)
        session.discard_drafts("f")
        again = person(as_one_person)
        assert again.form("f").values == {}
        again.undo("f")
        assert again.form("f").values == {"a": 2}


def page() -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    manager = get_session_manager()
    manager.session.attach_tab(st.session_state["tab"])
    manager.observe_page(st.session_state.get("page", "f"))
    if manager.page == "f":
        ui.text_input("Name", form="f", field="name")
        ui.text_input("Filter", form="filters", field="name")
        ui.restore_quietly("filters")
    ui.restored_notice(manager, "The page")


def load(tab: str = TAB) -> AppTest:
    app = AppTest.from_function(page)
    app.session_state["tab"] = tab
    return app.run()


def enter(app: AppTest, value: str, field: int = 0) -> AppTest:
    return app.text_input[field].set_value(value).run()


def answers(app: AppTest) -> list[str]:
    assert not app.exception, app.exception[0].message
    return [button.label for button in app.button]


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def local() -> UserSession:
    user = get_services().accounts.users.find("local")
    assert user is not None
    return get_services().engine.open(user.session_id)


class TestTheNotice:
    def test_it_is_shown_once_after_a_reload_until_it_is_answered(self) -> None:
        app = load()
        assert answers(app) == []
        assert answers(enter(app, "Ada")) == []
        again = load()
        assert answers(again) == ["Keep", "Discard"]
        assert answers(again.run()) == ["Keep", "Discard"]
        assert answers(press(again, "Keep")) == []
        assert answers(load()) == []

    def test_whoever_reloads_without_an_answer_is_not_asked_again(self) -> None:
        enter(load(), "Ada")
        load()
        assert answers(load()) == []

    def test_a_new_edit_is_announced_again(self) -> None:
        enter(load(), "Ada")
        assert answers(enter(load(), "Grace")) == []
        assert answers(load()) == ["Keep", "Discard"]

    def test_discard_empties_the_form_and_undo_brings_it_back(self) -> None:
        enter(load(), "Ada")
        app = press(load(), "Discard")
        assert (answers(app), app.text_input[0].value) == (["Undo", "Close"], "")
        assert local().form("f").values == {}
        app = press(app, "Undo")
        assert (answers(app), app.text_input[0].value) == ([], "Ada")
        assert local().form("f").values == {"name": "Ada"}
        assert answers(load()) == []

    def test_undo_brings_back_a_text_that_was_only_typed(self) -> None:
        load()
        session = local()
        typed = Draft(number=1, digest=digest_of("typed"), on_screen=True)
        values = {"form/f/field/name": "typed", draft_path(TAB, "f", "name"): typed.to_dict()}
        put(get_services().engine, session.session_id, values)
        app = press(load(), "Discard")
        assert app.text_input[0].value == ""
        assert press(app, "Undo").text_input[0].value == "typed"

    def test_a_discard_that_is_followed_by_an_entry_stands(self) -> None:
        enter(load(), "Ada")
        app = enter(press(load(), "Discard"), "Grace")
        assert answers(app) == []
        assert local().form("f").values == {"name": "Grace"}

    def test_it_goes_when_the_page_is_left(self) -> None:
        enter(load(), "Ada")
        app = load()
        for name in ("elsewhere", "f"):
            app.session_state["page"] = name
            assert answers(app.run()) == []

    def test_filters_come_back_without_a_word(self) -> None:
        enter(load(), "north", field=1)
        app = load()
        assert (answers(app), app.text_input[1].value) == ([], "north")

    def test_its_numbers_are_those_of_the_form(self) -> None:
        enter(load(), "Ada")
        local().set_field("f", "not on this page", 1)
        text: Any = load().get("bidi_component")[0].proto
        assert "2 entries from" in text.json
