"""Several tabs and devices of one person: nobody's entry is lost without being offered, and all end with the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import UserSession
from core.clock import FakeClock
from core.session import REMOVED
from core.session_persistence import SessionPersistenceEngine
from core.state import undo
from core.storage.journal import Journal
from tests.engine.conftest import sqlite_store

Tabs = tuple[UserSession, UserSession]


class Person:
    """One person at several tabs, and the engine that keeps what they do."""

    def __init__(self, engine: SessionPersistenceEngine, clock: FakeClock, tabs: int) -> None:
        self.engine, self.clock = engine, clock
        self.tabs = [self.open(f"tab{number}") for number in range(tabs)]

    def open(self, name: str) -> UserSession:
        session = self.engine.open("s")
        session.attach_tab(name)
        session.device = f"device of {name}"
        return session

    def sync(self, *tabs: UserSession) -> None:
        for tab in tabs or self.tabs:
            self.engine.refresh(tab)


@pytest.fixture
def person(tmp_path: Path, clock: FakeClock) -> Iterator[Callable[[int], Person]]:
    """Over the real engine: SQLite and the journal."""
    store = sqlite_store(tmp_path, clock)
    engine = SessionPersistenceEngine(3600, 3600, store=store, journal=Journal(tmp_path / "journal.db"), clock=clock)
    yield lambda tabs: Person(engine, clock, tabs)
    engine.close()


def values(session: UserSession) -> dict[str, Any]:
    return session.form("f").values


def lost(session: UserSession) -> list[tuple[str, Any, str]]:
    return sorted((conflict.field, conflict.value, conflict.tab) for conflict in session.conflicts("f"))


def test_edits_of_different_fields_both_stay_and_nobody_is_asked(person: Callable[[int], Person]) -> None:
    ada = person(2)
    one, other = ada.tabs
    one.set_field("f", "a", "from one")
    other.set_field("f", "b", "from the other")
    ada.sync()

    assert values(one) == values(other) == {"a": "from one", "b": "from the other"}
    assert lost(one) == lost(other) == []


def test_of_two_edits_of_one_field_the_later_counts_and_the_other_is_offered_with_who_where_and_when(
    person: Callable[[int], Person],
) -> None:
    ada = person(2)
    one, other = ada.tabs
    one.set_field("f", "a", "from one")
    then = ada.clock.now()
    ada.clock.advance(60)
    other.set_field("f", "a", "from the other")
    ada.sync()

    assert values(one) == values(other) == {"a": "from the other"}
    for session in ada.tabs:
        (conflict,) = session.conflicts("f")
        assert (conflict.field, conflict.value, conflict.current) == ("a", "from one", "from the other")
        assert (conflict.tab, conflict.device, conflict.at) == ("tab0", "device of tab0", then)
        assert (conflict.current_tab, conflict.current_device) == ("tab1", "device of tab1")
        assert conflict.current_at == ada.clock.now()
        assert conflict.mine is (session is one)


def test_an_edit_of_what_one_has_seen_is_no_conflict(person: Callable[[int], Person]) -> None:
    ada = person(2)
    one, other = ada.tabs
    for number in range(6):
        ada.tabs[number % 2].set_field("f", "a", number)
        ada.sync()

    assert lost(one) == lost(other) == []


def test_taking_the_other_is_an_edit_that_can_be_undone(person: Callable[[int], Person]) -> None:
    ada = person(2)
    one, other = ada.tabs
    one.set_field("f", "a", "from one")
    other.set_field("f", "a", "from the other")
    ada.sync()
    one.take_lost("f", one.conflicts("f")[0])
    ada.sync()
    assert (values(other), lost(other), lost(one)) == ({"a": "from one"}, [], [])

    other.undo("f")
    ada.sync()
    assert values(one) == {"a": "from the other"}
    assert lost(one) == [("a", "from one", "tab0")]


def test_keeping_what_is_there_is_an_edit_that_can_be_undone(person: Callable[[int], Person]) -> None:
    ada = person(2)
    one, other = ada.tabs
    one.set_field("f", "a", "from one")
    other.set_field("f", "a", "from the other")
    ada.sync()
    other.keep_current("f", other.conflicts("f")[0])
    ada.sync()
    assert (values(one), lost(one), lost(other)) == ({"a": "from the other"}, [], [])

    one.undo("f")
    ada.sync()
    assert lost(other) == [("a", "from one", "tab0")]


def test_undoing_the_later_of_two_edits_brings_the_other_back(person: Callable[[int], Person]) -> None:
    ada = person(2)
    one, other = ada.tabs
    one.set_field("f", "a", "at first")
    ada.sync()
    one.set_field("f", "a", "from one")
    other.set_field("f", "a", "from the other")
    ada.sync()

    states = [values(one)]
    while one.undo("f"):
        states.append(values(one))
    assert states == [{"a": "from the other"}, {"a": "from one"}, {"a": "at first"}, {}]
    back = [values(one)]
    while one.redo("f"):
        back.append(values(one))
    assert back == states[::-1]


def test_what_was_entered_while_another_tab_undid_something_is_offered(person: Callable[[int], Person]) -> None:
    ada = person(2)
    one, other = ada.tabs
    one.set_field("f", "a", "at first")
    ada.sync()
    other.set_field("f", "a", "entered meanwhile")
    one.undo("f")
    ada.sync()

    assert values(one) == values(other) == {}
    assert lost(one) == lost(other) == [("a", "entered meanwhile", "tab1")]


def test_what_was_entered_while_another_tab_finished_the_form_is_offered(person: Callable[[int], Person]) -> None:
    ada = person(2)
    one, other = ada.tabs
    one.set_field("f", "a", "at first")
    ada.sync()
    other.set_field("f", "a", "entered meanwhile")
    one.finish_form("f")
    ada.sync()

    assert values(one) == values(other) == {}
    assert lost(one) == lost(other) == [("a", "entered meanwhile", "tab1")]


def test_an_edit_of_what_an_older_view_was_shown_is_a_conflict_although_the_session_knows_better(
    person: Callable[[int], Person],
) -> None:
    ada = person(2)
    one, other = ada.tabs
    one.set_field("f", "a", "at first")
    ada.sync()
    shown = other.stamps["form/f/field/a"]
    one.set_field("f", "a", "from one")
    ada.sync()
    other.set_fields({("f", "a"): "from the other"}, seen={("f", "a"): shown})
    ada.sync()

    assert lost(one) == [("a", "from one", "tab0")]


def test_a_version_that_is_restored_counts_although_its_tab_has_not_heard_of_a_later_edit(
    person: Callable[[int], Person],
) -> None:
    ada = person(2)
    one, other = ada.tabs
    one.set_field("f", "a", "as it was")
    kept = one.create_form_snapshot("f", "as it was")
    ada.sync()
    other.set_field("f", "a", "entered meanwhile")
    one.restore_form_snapshot(kept.snapshot_id)
    ada.sync()

    assert values(one) == values(other) == {"a": "as it was"}
    assert lost(one) == [("a", "entered meanwhile", "tab1")]


MOVES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["edit", "edit", "edit", "clear", "undo", "redo", "sync", "take", "keep"]),
        st.sampled_from("ab"),
    ),
    max_size=30,
)


@settings(max_examples=80)
@given(moves=MOVES)
def test_whatever_the_tabs_do_they_end_with_the_same_and_no_last_word_of_a_tab_is_lost(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[int, str, str]]
) -> None:
    """A tab's last edit of a field is current, or was seen by who replaced it, or is offered."""
    clock, folder = FakeClock(), tmp_path_factory.mktemp("tabs")
    store = sqlite_store(folder, clock)
    engine = SessionPersistenceEngine(store=store, clock=clock)
    ada = Person(engine, clock, 3)
    unseen: dict[tuple[str, str], Any] = {}
    """By tab and field: what the tab entered last and nobody else has seen."""
    for number, (place, move, name) in enumerate(moves):
        tab = ada.tabs[place]
        match move:
            case "edit":
                tab.set_field("f", name, number)
                unseen[undo.author(tab), name] = number
            case "clear":
                tab.set_field("f", name, REMOVED)
                unseen.pop((undo.author(tab), name), None)
            case "undo" | "redo":
                step = tab.undo("f") if move == "undo" else tab.redo("f")
                if step is not None:
                    for field in step.fields:
                        unseen.pop((undo.author(tab), field), None)
                        unseen.pop((step.author, field), None)
            case "take" | "keep":
                for conflict in tab.conflicts("f")[:1]:
                    (tab.take_lost if move == "take" else tab.keep_current)("f", conflict)
                    unseen.pop((undo.author(tab), conflict.field), None)
                    unseen.pop((conflict.tab, conflict.field), None)
            case _:
                ada.sync()
                unseen.clear()
    ada.sync()

    first = ada.tabs[0]
    for tab in ada.tabs:
        assert values(tab) == values(first)
        assert (tab.can_undo("f"), tab.can_redo("f")) == (first.can_undo("f"), first.can_redo("f"))
        found = {(conflict.tab, conflict.field): conflict.value for conflict in tab.conflicts("f")}
        for (author, name), value in unseen.items():
            assert values(tab).get(name) == value or found.get((author, name)) == value
    engine.close()


@pytest.mark.parametrize("tabs", [2, 5])
def test_ten_thousand_interleaved_edits_converge_and_every_loser_can_be_had_back(
    person: Callable[[int], Person], tabs: int
) -> None:
    ada, chance = person(tabs), random.Random(tabs)
    shared = ["a", "b", "c"]
    for round_ in range(5_000 // (20 * tabs)):
        ada.clock.advance(1)
        last: dict[tuple[str, str], str] = {}
        turns = [tab for tab in ada.tabs for _ in range(20)]
        chance.shuffle(turns)
        for number, tab in enumerate(turns):
            name = chance.choice([*shared, f"only {undo.author(tab)}"])
            last[undo.author(tab), name] = f"{round_}.{number}"
            tab.set_field("f", name, f"{round_}.{number}")
        ada.sync()

        first = values(ada.tabs[0])
        found = {(conflict.tab, conflict.field): conflict for conflict in ada.tabs[0].conflicts("f")}
        for tab in ada.tabs:
            assert values(tab) == first
            assert first[f"only {undo.author(tab)}"] == last.get(
                (undo.author(tab), f"only {undo.author(tab)}"), first[f"only {undo.author(tab)}"]
            )
        for (author, name), value in last.items():
            assert first[name] == value or found[author, name].value == value

    again = ada.open("after it all")
    assert values(again) == values(ada.tabs[0])
    assert lost(again) == lost(ada.tabs[0])
    for conflict in again.conflicts("f"):
        again.take_lost("f", conflict)
        assert values(again)[conflict.field] == conflict.value
    assert again.conflicts("f") == []
