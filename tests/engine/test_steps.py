"""Undo and redo: every edit of a form is a step that can be taken back and done again, in any tab, after a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import UserSession
from core.clock import FakeClock
from core.session_persistence import SessionPersistenceEngine
from core.state.edits import MAX_EDITS
from core.storage.journal import Journal
from core.storage.sql_store import SqlStore
from tests.engine.conftest import sqlite_store

Open = Callable[..., UserSession]


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> SqlStore:
    return sqlite_store(tmp_path, clock)


@pytest.fixture
def open_tab(store: SqlStore, journal: Journal, clock: FakeClock) -> Open:
    """Open the session in a tab of its own, by an engine that was just built."""

    def open_one(tab: str = "tab") -> UserSession:
        engine = SessionPersistenceEngine(3600, 3600, store=store, journal=journal, clock=clock)
        session = engine.open("s")
        session.attach_tab(tab)
        session.device = f"the device of {tab}"
        return session

    return open_one


def values(session: UserSession) -> dict[str, Any]:
    return session.form("f").values


def undo_all(session: UserSession) -> list[dict[str, Any]]:
    """Undo as long as that is possible; returns the values before, between and after."""
    states = [values(session)]
    while session.can_undo("f"):
        session.undo("f")
        states.append(values(session))
    return states


def redo_all(session: UserSession) -> list[dict[str, Any]]:
    states = [values(session)]
    while session.can_redo("f"):
        session.redo("f")
        states.append(values(session))
    return states


def test_fifty_steps_back_a_reload_and_fifty_forward_give_the_same_state_at_each_step(open_tab: Open) -> None:
    session = open_tab()
    states = [values(session)]
    for number in range(50):
        session.set_field("f", f"field{number % 3}", f"value {number}")
        states.append(values(session))

    back = undo_all(session)
    forward = redo_all(open_tab("after the reload"))

    assert (back, forward) == (states[::-1], states)
    assert len(states) == 51 == MAX_EDITS + 1


ABSENT = object()
FIELDS = st.sampled_from("abc")
EDITS = st.one_of(
    st.tuples(st.just("field"), FIELDS, st.one_of(st.integers(0, 3), st.text(max_size=4), st.lists(st.booleans()))),
    st.tuples(st.just("fields"), FIELDS, st.integers(0, 3)),
    st.tuples(st.just("save"), FIELDS, st.integers(0, 3)),
    st.tuples(st.sampled_from(["reset", "discard", "snapshot", "restore"]), FIELDS, st.just(0)),
)


def edit(session: UserSession, kind: str, name: str, value: Any) -> None:
    match kind:
        case "field":
            session.set_field("f", name, value)
        case "fields":
            session.set_fields({("f", "a"): value, ("f", name): value})
        case "save":
            session.save_form("f", {name: value, "d": "saved"})
        case "reset":
            session.reset_form("f")
        case "discard":
            session.discard_drafts("f")
        case "snapshot":
            session.create_form_snapshot("f", name)
        case "restore":
            for snapshot in session.form("f").snapshots[:1]:
                session.restore_form_snapshot(snapshot.snapshot_id)


@settings(max_examples=60)
@given(st.lists(EDITS, max_size=MAX_EDITS))
def test_whatever_was_edited_can_be_undone_to_the_beginning_and_done_again(edits: list[tuple[str, str, Any]]) -> None:
    session = UserSession(session_id="s", clock=FakeClock())
    states = [values(session)]
    for one in edits:
        edit(session, *one)
        if not states or values(session) != states[-1] or _types(session) != _types_of(states[-1]):
            states.append(values(session))

    assert undo_all(session) == states[::-1]
    again = UserSession.from_dict(session.to_dict())
    assert redo_all(again) == states


def _types(session: UserSession) -> dict[str, type]:
    return _types_of(values(session))


def _types_of(state: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in state.items()}


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["edit", "undo", "redo"]), max_size=60))
def test_undo_and_redo_are_those_of_every_editor(moves: list[str]) -> None:
    session = UserSession(session_id="s", clock=FakeClock())
    past, now, future = list[dict[str, Any]](), dict[str, Any](), list[dict[str, Any]]()
    for number, move in enumerate(moves):
        if move == "edit":
            session.set_field("f", "ab"[number % 2], number)
            past, now, future = [*past, now], {**now, "ab"[number % 2]: number}, []
        elif move == "undo":
            assert session.can_undo("f") is bool(past)
            assert (session.undo("f") is not None) is bool(past)
            if past:
                past, now, future = past[:-1], past[-1], [now, *future]
        else:
            assert session.can_redo("f") is bool(future)
            assert (session.redo("f") is not None) is bool(future)
            if future:
                past, now, future = [*past, now], future[0], future[1:]
        assert values(session) == now


def test_an_undo_in_one_tab_is_seen_in_the_other_which_can_redo_it(
    store: SqlStore, journal: Journal, clock: FakeClock
) -> None:
    engine = SessionPersistenceEngine(3600, 3600, store=store, journal=journal, clock=clock)
    one, other = engine.open("s"), engine.open("s")
    one.set_field("f", "a", 1)
    engine.refresh(other)
    other.set_field("f", "a", 2)
    engine.refresh(one)

    one.undo("f")
    engine.refresh(other)
    assert values(other) == {"a": 1}
    other.redo("f")
    engine.refresh(one)
    assert values(one) == {"a": 2}


def test_an_edit_after_an_undo_drops_what_was_undone_even_if_the_edit_is_undone(open_tab: Open) -> None:
    session = open_tab()
    for number in range(4):
        session.set_field("f", "a", number)
    session.undo("f")
    session.undo("f")
    session.set_field("f", "b", "another way")
    assert not session.can_redo("f")

    session.undo("f")
    assert redo_all(session) == [{"a": 1}, {"a": 1, "b": "another way"}]


def test_what_a_field_holds_already_is_no_step(open_tab: Open) -> None:
    session = open_tab()
    session.set_field("f", "a", "x")
    session.set_field("f", "a", "x")
    session.save_form("f", {"a": "x"})

    assert undo_all(session) == [{"a": "x"}, {}]


def test_undo_doesn_t_reach_behind_a_form_whose_work_is_done(open_tab: Open) -> None:
    session = open_tab()
    session.set_field("f", "a", "the first request")
    session.finish_form("f")
    assert not session.can_undo("f")
    session.set_field("f", "a", "the second")

    assert undo_all(session) == [{"a": "the second"}, {}]


def test_the_steps_are_bounded_and_those_that_remain_can_be_undone(open_tab: Open) -> None:
    session = open_tab()
    for number in range(300):
        session.set_field("f", "a", number)
    assert MAX_EDITS <= len(session.edits["f"]) <= 2 * MAX_EDITS

    assert len(undo_all(session)) > MAX_EDITS
    assert len(open_tab().edits["f"]) == len(session.edits["f"])


def test_what_was_undone_and_dropped_leaves_room_for_what_can_be_undone(open_tab: Open) -> None:
    session = open_tab()
    for round_ in range(5):
        for number in range(40):
            session.set_field("f", "a", (round_, number))
        for _ in range(39):
            session.undo("f")
    for number in range(44):
        session.set_field("f", "a", number)

    assert len(undo_all(session)) > 44
    assert values(session) in ({}, {"a": (0, 0)})


def test_the_largest_text_a_field_may_have_can_be_undone_and_its_steps_are_bounded(open_tab: Open) -> None:
    session = open_tab()
    for number in range(30):
        session.set_field("f", "text", f"{number}" + "x" * 250_000)
    assert sum(session.quota.size(path) for path in session.values if path.startswith("step/")) < 3 * 2**20

    again = open_tab()
    again.undo("f")
    assert values(again) == {"text": "28" + "x" * 250_000}
    again.redo("f")
    assert values(again) == {"text": "29" + "x" * 250_000}


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400))
def test_a_long_text_is_put_together_again_from_what_changed_in_it(start: str, one: str, other: str) -> None:
    session = UserSession(session_id="s")
    session.set_field("f", "a", start * 3 + one + start)
    session.set_field("f", "a", start * 2 + other + start)
    before = UserSession.from_dict(session.to_dict())
    if before.undo("f") and start * 3 + one + start != start * 2 + other + start:
        assert values(before) == {"a": start * 3 + one + start}


@pytest.mark.parametrize("value", [1, True, 1.0, None, (1, 2), [1], {"a": 1}, b"x", timedelta(1)], ids=repr)
def test_types_come_back(open_tab: Open, value: object) -> None:
    session = open_tab()
    session.set_field("f", "a", value)
    session.reset_form("f")
    again = open_tab()
    again.undo("f")

    assert values(again) == {"a": value}
    assert type(values(again)["a"]) is type(value)


def test_a_value_as_deep_as_one_may_be_can_be_edited(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    with_journal = Journal(tmp_path / "j.db")
    engine = SessionPersistenceEngine(store=sqlite_store(tmp_path), journal=with_journal)
    session = engine.open("s")
    session.set_field("f", "a", deep)
    session.set_field("f", "a", 2)

    again = engine.open("s")
    again.undo("f")
    assert values(again) == {"a": deep}
    engine.close()


def test_restoring_a_snapshot_can_be_undone(open_tab: Open) -> None:
    session = open_tab()
    session.set_field("f", "a", 1)
    kept = session.create_form_snapshot("f", "before the meeting")
    session.set_fields({("f", "a"): 2, ("f", "b"): 3})
    session.restore_form_snapshot(kept.snapshot_id)
    assert values(session) == {"a": 1}

    open_tab().undo("f")
    assert values(open_tab()) == {"a": 2, "b": 3}


def test_a_step_says_where_and_when(open_tab: Open, clock: FakeClock) -> None:
    clock.advance(60)
    session = open_tab("phone")
    session.set_field("f", "a", 1)

    step = open_tab("laptop").undo("f")
    assert step is not None
    assert (step.author, step.device, step.at, set(step.fields)) == ("phone", "the device of phone", clock.now(), {"a"})
