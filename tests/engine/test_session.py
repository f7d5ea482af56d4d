"""The session as plain state: forms, snapshots, navigation, preferences, cache keys, metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import UserSession
from core.clock import FakeClock, HybridClock
from core.codec import from_json, to_json
from core.errors import NotKeptError, UnknownSnapshotError
from core.session import REMOVED, Change
from core.state.forms import MAX_SNAPSHOTS
from core.state.navigation import MAX_HISTORY, History


@pytest.fixture
def session(clock: FakeClock) -> UserSession:
    return UserSession(session_id="s", user_id="ada", clock=clock)


def pages(session: UserSession) -> list[str]:
    return [entry.page for entry in session.navigation_history]


def in_a_new_tab(session: UserSession) -> UserSession:
    """Return the session as a tab finds it that has no name yet."""
    stored = session.to_dict()
    return UserSession.from_dict({**stored, "tab_id": None, "history": {"index": -1, "entries": []}})


class TestForms:
    def test_what_differs_from_the_last_save_is_dirty(self, session: UserSession) -> None:
        session.save_form("f", {"a": 1, "b": 2})
        assert not session.form("f").is_dirty
        session.set_field("f", "a", 3)
        session.set_field("f", "c", None)
        assert session.form("f").dirty_fields == {"a", "c"}
        session.set_field("f", "a", 1)
        assert session.form("f").dirty_fields == {"c"}

    @pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), ([1], (1,)), (np.zeros(2), np.ones(2))])
    def test_a_change_of_type_or_content_is_dirty(self, session: UserSession, before: Any, after: Any) -> None:
        session.save_form("f", {"a": before})
        assert not session.form("f").is_dirty
        session.set_field("f", "a", after)
        assert session.form("f").is_dirty

    def test_saving_clears_validation_errors_and_notes_the_time(self, session: UserSession, clock: FakeClock) -> None:
        session.set_errors("f", {"a": "too short"})
        assert session.form("f").errors == {"a": "too short"}
        session.save_form("f", {"a": "long enough"})
        assert (session.form("f").errors, session.form("f").saved_at) == ({}, clock.now())

    def test_resetting_clears_the_drafts_and_keeps_what_was_saved(self, session: UserSession) -> None:
        session.save_form("f", {"a": 1})
        session.reset_form("f")
        assert (session.form("f").values, session.form("f").saved) == ({}, {"a": 1})

    def test_asking_for_a_form_does_not_create_it(self, session: UserSession) -> None:
        session.form("f")
        assert session.form_states == {}


class TestSnapshots:
    def test_restoring_brings_every_field_back_and_can_itself_be_undone(self, session: UserSession) -> None:
        session.set_field("f", "a", 1)
        snapshot = session.create_form_snapshot("f", "first")
        session.set_field("f", "a", 2)
        session.set_field("f", "b", 3)
        session.restore_form_snapshot(snapshot.snapshot_id)
        assert session.form("f").values == {"a": 1}
        session.undo("f")
        assert session.form("f").values == {"a": 2, "b": 3}

    def test_the_oldest_snapshot_goes_first(self, session: UserSession, clock: FakeClock) -> None:
        for number in range(MAX_SNAPSHOTS + 5):
            clock.advance(1)
            session.create_form_snapshot("f", str(number))
        kept = [snapshot.description for snapshot in session.form("f").snapshots]
        assert len(kept) == MAX_SNAPSHOTS == 50
        assert (kept[0], kept[-1]) == ("5", "54")

    def test_an_unknown_snapshot_is_named(self, session: UserSession) -> None:
        with pytest.raises(UnknownSnapshotError, match="nope"):
            session.restore_form_snapshot("nope")


class TestNavigation:
    def test_back_and_forward_walk_the_history(self, session: UserSession) -> None:
        session.navigate_to("home")
        session.navigate_to("profile", {"user_id": "123"})
        back = session.go_back()
        assert back is not None
        assert (back.page, session.current_page) == ("home", "home")
        assert session.go_back() is None
        forward = session.go_forward()
        assert forward is not None
        assert (forward.page, forward.params) == ("profile", {"user_id": "123"})
        assert session.go_forward() is None

    def test_going_somewhere_new_forgets_what_lay_ahead(self, session: UserSession) -> None:
        for page in ("a", "b", "c"):
            session.navigate_to(page)
        session.go_back()
        session.go_back()
        session.navigate_to("d")
        assert pages(session) == ["a", "d"]

    def test_the_browser_s_back_button_is_recognised(self, session: UserSession) -> None:
        for page in ("a", "b", "c"):
            session.visit(page)
        session.visit("b")
        assert (pages(session), session.navigation_index) == (["a", "b", "c"], 1)
        session.visit("c")
        assert session.navigation_index == 2

    def test_the_same_page_with_other_params_is_another_entry(self, session: UserSession) -> None:
        session.visit("a", {"id": "1"})
        session.visit("a", {"id": "1"})
        session.visit("a", {"id": "2"})
        assert len(session.navigation_history) == 2

    def test_the_history_is_bounded(self, session: UserSession) -> None:
        for number in range(MAX_HISTORY + 10):
            session.navigate_to(str(number))
        assert (len(session.navigation_history), session.current_page) == (MAX_HISTORY, str(MAX_HISTORY + 9))

    def test_each_tab_has_a_history_of_its_own_that_comes_back(self, session: UserSession) -> None:
        session.attach_tab("one")
        session.visit("a")
        session.visit("b")
        other = in_a_new_tab(session)
        other.visit("x")
        other.attach_tab("two")
        assert pages(other) == ["x"]
        again = in_a_new_tab(other)
        again.visit("b")
        again.attach_tab("one")
        assert (pages(again), again.navigation_index) == (["a", "b"], 1)


class TestTheRest:
    def test_a_preference_is_kept_and_an_unknown_one_refused(self, session: UserSession) -> None:
        session.set_preference("theme", "dark")
        assert session.preferences.theme == "dark"
        with pytest.raises(AttributeError, match="colour"):
            session.set_preference("colour", "red")

    def test_cache_keys_go_by_pattern_and_by_dependency(self, session: UserSession) -> None:
        session.track_cache_key("orders:1", ["table:orders"])
        session.track_cache_key("report", ["table:orders"])
        session.track_cache_key("users", ["table:users"])
        assert sorted(session.invalidate_cache("table:orders")) == ["orders:1", "report"]
        assert session.invalidate_cache("*") == ["users"]

    def test_views_interactions_and_duration_are_counted(self, session: UserSession) -> None:
        session.attach_tab("t")
        session.visit("a")
        session.visit("b")
        session.set_field("f", "a", 1)
        assert (session.metrics.page_views, session.metrics.interactions) == (2, 1)

    def test_the_page_shown_before_the_browser_named_its_tab_counts_once(self, session: UserSession) -> None:
        session.visit("a")
        session.attach_tab("t")
        session.visit("a")
        assert session.metrics.page_views == 1

    def test_a_change_that_cannot_be_kept_changes_nothing(self, session: UserSession) -> None:
        session.set_field("f", "a", 1)

        class Refusing:
            def write(self, _session: object, _changes: object) -> dict[str, str]:
                raise NotKeptError("f", "is too large", "Make it smaller.")

        session.persistence = Refusing()
        before = session.to_dict()
        with pytest.raises(NotKeptError):
            session.set_field("f", "a", 2)
        with pytest.raises(NotKeptError):
            session.navigate_to("elsewhere") if session.tab_id else session.save_form("f", {"a": 3})
        assert session.to_dict() == before
        assert session.form("f").values == {"a": 1}


KNOWN = [
    "meta/user",
    "meta/created",
    "form/f/field/a",
    "form/f/saved",
    "form/f/errors",
    "form/f/key",
    "form/f/snapshot/x",
    "step/f/x",
    "undone/f/x",
    "key/page/a",
    "tab/t/history",
    "tab/t/scroll/page",
    "tab/t/open/page/a",
    "tab/t/draft/f/a",
    "restored/f",
    "pref/theme",
    "pref/auto_save",
    "pref/newer",
    "metric/t",
    "upload/x",
    "cache/k",
]
PATHS = st.sampled_from(KNOWN) | st.text() | st.lists(st.text(), max_size=6).map("/".join)
NAMES = ["values", "at", "description", "edits", "tab", "device", "typing", "settles", "undone", "of"]
KEYS = st.sampled_from([*NAMES, "writes", "bases", "instead", "index", "entries", "page_views", "after", "base"])
STORED: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.just(REMOVED)
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(KEYS | st.text(), inner),
    max_leaves=12,
)  # fmt: skip


def worked_in() -> UserSession:
    """A session with something at every kind of path."""
    session = UserSession(session_id="s", user_id="ada", clock=FakeClock())
    session.attach_tab("t")
    session.visit("page", {"id": "1"})
    session.commit([Change("tab/t/scroll/page", 12.5)])
    session.set_field("f", "a", "typed", page="page")
    session.save_form("f", {"a": "saved", "b": 2})
    session.create_form_snapshot("f", "first")
    session.set_field("f", "a", "later")
    session.undo("f")
    session.set_errors("f", {"a": "no"})
    session.set_preference("theme", "dark")
    session.track_cache_key("k", ["d"])
    return session


def read_everything(session: UserSession) -> None:
    """Read what pages read."""
    session.attach_tab("t")
    assert session.metrics.session_duration >= 0
    assert isinstance(session.current_page, str | None)
    assert isinstance(session.scroll_position("page"), float)
    for form_id in {*session.form_states, *session.edits, *session.undo_marks}:
        assert session.unsaved_changes(form_id) <= session.form(form_id).dirty_fields
        assert session.conflicts(form_id) is not None
        session.can_undo(form_id)
    session.invalidate_cache("*")
    session.set_field("f", "c", "goes on")
    assert session.form("f").values["c"] == "goes on"


@given(st.lists(st.tuples(PATHS, STORED), max_size=8))
def test_whatever_is_stored_the_session_opens_and_goes_on(stored: list[tuple[str, Any]]) -> None:
    session = worked_in()
    for path, value in stored:
        session.apply(path, value)
        assert path not in session.misshapen or path not in session.values
    read_everything(session)


def test_a_session_that_a_clock_ahead_began_has_lasted_no_time() -> None:
    session = worked_in()
    session.apply("meta/created", datetime(2999, 1, 1, tzinfo=UTC))
    assert session.metrics.session_duration == 0


@given(st.data())
def test_one_value_of_another_shape_is_named_and_the_rest_loads(data: st.DataObject) -> None:
    stored = worked_in().to_dict()
    readable = [path for path in stored["values"] if not path.startswith(("form/f/field", "form/f/key"))]
    path = data.draw(st.sampled_from(sorted(readable)))
    whole = from_json(stored["values"][path])
    if isinstance(whole, dict) and path != "form/f/errors" and not path.startswith("metric/"):
        lacking = data.draw(st.sampled_from(sorted(whole)))
        changed = {name: value for name, value in whole.items() if name != lacking}
    else:
        changed = None
    session = UserSession.from_dict({**stored, "values": {**stored["values"], path: to_json(changed)}})
    assert list(session.misshapen) == [path]
    others = {other: from_json(value) for other, value in stored["values"].items() if other != path}
    assert session.values == others
    read_everything(session)
    session.apply(path, whole)
    assert not session.misshapen


def test_what_could_not_be_read_back_is_not_written(session: UserSession) -> None:
    session.set_preference("theme", "dark")
    with pytest.raises(NotKeptError, match="pref/theme"):
        session.set_preference("theme", 5)
    assert session.preferences.theme == "dark"


ACTIONS = st.sampled_from(["field", "save", "snapshot", "restore", "visit", "back", "pref", "cache", "tab", "errors"])


@given(st.lists(st.tuples(ACTIONS, st.integers(min_value=0, max_value=3)), max_size=40))
def test_any_session_is_the_same_after_a_round_trip_through_plain_data(actions: list[tuple[str, int]]) -> None:
    clock = FakeClock()
    session = UserSession(session_id="s", clock=clock)
    session.attach_tab("t0")
    for action, n in actions:
        clock.advance(1)
        match action:
            case "field":
                session.set_field(f"f{n % 2}", f"a{n}", n)
            case "save":
                session.save_form(f"f{n % 2}", {"a": n})
            case "snapshot":
                session.create_form_snapshot(f"f{n % 2}", str(n))
            case "restore":
                for snapshot in session.form(f"f{n % 2}").snapshots[:1]:
                    session.restore_form_snapshot(snapshot.snapshot_id)
            case "visit":
                session.visit(f"page{n}")
            case "back":
                session.go_back()
            case "pref":
                session.set_preference("language", str(n))
            case "cache":
                session.track_cache_key(f"k{n}", [f"d{n}"])
            case "tab":
                session.attach_tab(f"t{n}")
            case "errors":
                session.set_errors("f0", {"a": "no"} if n else {})
    copy = UserSession.from_dict(json.loads(json.dumps(session.to_dict())))
    assert copy.to_dict() == session.to_dict()
    assert (copy.form_states, copy.edits, copy.undo_marks, copy.preferences, copy.cache_keys) == (
        session.form_states,
        session.edits,
        session.undo_marks,
        session.preferences,
        session.cache_keys,
    )
    assert (copy.history, copy.metrics.page_views) == (session.history, session.metrics.page_views)
    assert timedelta(0) <= timedelta(seconds=copy.metrics.session_duration)


@pytest.mark.parametrize("tab", [None, "t"])
def test_each_part_of_a_session_is_the_same_after_a_round_trip_through_json(tab: str | None) -> None:
    session = worked_in()
    session.set_field("g", "day", date(2026, 1, 31))
    session.set_field("g", "price", Decimal("1.10"))
    in_tab = UserSession.from_dict({**session.to_dict(), "tab_id": tab})
    in_tab.visit("elsewhere")
    parts = [
        in_tab,
        *session.form_states.values(),
        *session.form("f").snapshots,
        *session.navigation_history,
        session.preferences,
        session.metrics,
    ]
    assert len({type(part) for part in parts}) == 6
    for part in parts:
        stored = part.to_dict()
        copy = type(part).from_dict(json.loads(json.dumps(stored)))
        assert copy.to_dict() == stored
        if not isinstance(part, UserSession):
            assert copy == part
    copy = UserSession.from_dict(json.loads(json.dumps(in_tab.to_dict())))
    assert (copy.navigation_history, copy.navigation_index) == (in_tab.navigation_history, in_tab.navigation_index)


def test_of_tabs_nobody_uses_any_more_nothing_is_left(session: UserSession, clock: FakeClock) -> None:
    def held() -> int:
        """What is known of where tabs stand. Of what was removed a stamp stays, against writes that come late."""
        names = [each.name for each in fields(session) if each.name != "stamps"]
        maps = [value for name in names if isinstance(value := getattr(session, name), dict)]
        return sum(
            str(key).startswith("tab/") or isinstance(value, History | float)
            for each in maps
            for key, value in each.items()
        )

    def open_tab(number: int) -> None:
        clock.advance(timedelta(days=31).total_seconds())
        session.attach_tab(f"{number:032x}")
        session.visit("home")
        session.commit([Change(f"tab/{number:032x}/scroll/home", 7.0)])

    stamps = HybridClock(clock)

    class InMemory:
        def write(self, _session: object, changes: Sequence[Change]) -> dict[str, str]:
            return dict.fromkeys((change.path for change in changes), stamps.tick())

    session.persistence = InMemory()
    open_tab(0)
    open_tab(1)
    once = held()
    for number in range(2, 9):
        open_tab(number)
    assert held() == once
