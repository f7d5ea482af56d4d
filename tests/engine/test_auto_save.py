"""With auto-save what is entered counts as saved; without it a draft is kept, and saved by Save alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from streamlit.testing.v1 import AppTest

from core import UserSession
from core.clock import FakeClock
from core.services import Services, get_services
from core.session import Change
from core.state.text_rules import UntakenTextError


@pytest.fixture
def session(clock: FakeClock) -> UserSession:
    return UserSession(session_id="s", user_id="ada", clock=clock)


class TestTheLaws:
    def test_with_it_what_is_entered_counts_as_saved(self, session: UserSession) -> None:
        session.set_field("f", "a", 1)
        assert (session.unsaved_changes("f"), session.saved_values("f")) == (frozenset(), {"a": 1})

    def test_an_edit_writes_its_own_field_only(self, session: UserSession) -> None:
        written: list[str] = []

        class Recording:
            def write(self, _session: object, changes: Sequence[Change]) -> dict[str, str]:
                written.extend(change.path for change in changes if change.path.startswith("form/"))
                return {}

        session.set_field("f", "a", 1)
        session.persistence = Recording()
        session.set_field("f", "b", 2)
        assert written == ["form/f/field/b"]

    def test_without_it_a_change_waits_for_save(self, session: UserSession) -> None:
        session.set_preference("auto_save", False)
        session.set_field("f", "a", 1)
        assert (session.unsaved_changes("f"), session.saved_values("f")) == ({"a"}, {})
        session.save_form("f", session.form("f").values)
        assert (session.unsaved_changes("f"), session.saved_values("f")) == (frozenset(), {"a": 1})

    def test_what_was_entered_before_it_was_switched_off_stays_saved(self, session: UserSession) -> None:
        session.set_field("f", "a", 1)
        session.set_preference("auto_save", False)
        session.set_field("f", "b", 2)
        assert (session.unsaved_changes("f"), session.saved_values("f")) == ({"b"}, {"a": 1})
        session.discard_drafts("f")
        assert session.form("f").values == {"a": 1}

    def test_switching_it_on_saves_what_waited(self, session: UserSession) -> None:
        session.set_preference("auto_save", False)
        session.set_field("f", "a", 1)
        session.set_preference("auto_save", True)
        session.set_preference("auto_save", False)
        assert session.saved_values("f") == {"a": 1}

    def test_a_finished_form_begins_from_nothing(self, session: UserSession) -> None:
        session.save_form("f", {"a": 1})
        session.finish_form("f")
        session.set_field("f", "b", 2)
        session.discard_drafts("f")
        assert session.form("f").values == {}


def page() -> None:
    from core import bootstrap_session, ui

    bootstrap_session()
    ui.text_input("Name", form="f", field="name")
    ui.save_bar("f")


def local() -> UserSession:
    user = get_services().accounts.users.find("local")
    assert user is not None
    return get_services().engine.open(user.session_id)


def test_the_bar_counts_what_waits_saves_it_and_discards_it(as_one_person: Services) -> None:
    app = AppTest.from_function(page).run()
    assert len(app.button) == 0
    local().set_preference("auto_save", False)
    app.run()
    discard, save = app.button
    assert (discard.disabled, save.disabled) == (True, True)

    app.text_input[0].set_value("Ada").run()
    assert "1 change not saved" in app.markdown[0].value
    assert local().form("f").values == {"name": "Ada"}
    app.button[1].click().run()
    assert "All changes are saved" in app.markdown[0].value
    assert local().form("f").saved == {"name": "Ada"}

    app.text_input[0].set_value("Grace").run()
    app.button[0].click().run()
    assert app.text_input[0].value == "Ada"


def test_the_bar_saves_nothing_where_a_field_shows_what_is_not_kept_and_names_it(as_one_person: Services) -> None:
    app = AppTest.from_function(page).run()
    local().set_preference("auto_save", False)
    app.text_input[0].set_value("Ada").run()
    app.session_state["_keep_manager"].live.untaken = {("f", "name"): UntakenTextError("typed.empty")}

    app.button[1].click().run()

    assert "Check these fields: Name." in app.markdown[0].value
    assert local().form("f").saved == {}


def test_the_bar_saves_what_is_shown_in_place_of_what_fits_no_more(as_one_person: Services) -> None:
    def sizes() -> None:
        import streamlit as st

        from core import bootstrap_session, ui

        bootstrap_session()
        ui.selectbox("Size", ["S", "M"] if st.toggle("Basic") else ["S", "M", "L"], form="f", field="size")
        ui.text_input("Name", form="f", field="name")
        ui.save_bar("f")

    app = AppTest.from_function(sizes).run()
    local().set_preference("auto_save", False)
    app.selectbox[0].set_value("L").run()
    app.toggle[0].set_value(True).run()
    assert app.selectbox[0].value == "S"
    app.button[1].click().run()
    assert local().form("f").saved == {"size": "S", "name": ""}
