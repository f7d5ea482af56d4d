"""The rows of a session are those of what it shows, and few more, whatever was done before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from core.clock import FakeClock, HybridClock
from core.codec import encode
from core.session import REMOVED, Change
from core.session_persistence import SessionPersistenceEngine
from core.state.navigation import MAX_TABS
from core.state.paths import is_passing
from core.storage.entry import Entry
from core.storage.envelope import Envelope
from core.storage.forgetting import MOST_REMOVED
from core.storage.journal import Journal
from core.storage.models import EntryModel, SessionModel
from core.storage.sql_store import SqlStore
from tests.engine.conftest import sqlite_store
from tests.engine.days import spend_a_day

LATER = 3601.0
DAYS = 14


@pytest.fixture
def hybrid(clock: FakeClock) -> HybridClock:
    return HybridClock(clock)


def entry(hybrid: HybridClock, path: str, value: object = 1, session: str = "s") -> Entry:
    text = None if value is REMOVED else encode(value)
    return Envelope().seal(Entry(session_id=session, path=path, value=text, stamp=hybrid.tick()))


def rows(store: SqlStore, session_id: str = "s") -> int:
    with store._database.connect() as connection:
        wanted = select(func.count()).select_from(EntryModel).where(EntryModel.session_id == session_id)
        return connection.scalar(wanted) or 0


def paths(store: SqlStore) -> set[str]:
    return {entry.path for entry in store.load("s").entries}


def forget(store: SqlStore, hybrid: HybridClock, clock: FakeClock) -> Entry:
    """Write an edit and more that are all removed, and let so much time pass that the first is forgotten."""
    first = entry(hybrid, "step/f/first", "what somebody entered")
    edits = [first, *(entry(hybrid, f"step/f/{number}") for number in range(MOST_REMOVED))]
    store.upsert([entry(hybrid, "form/f/field/a"), *edits])
    store.upsert([entry(hybrid, edit.path, REMOVED) for edit in edits])
    clock.advance(LATER)
    store.upsert([entry(hybrid, "tab/t/history"), entry(hybrid, "tab/t/history", REMOVED)])
    return first


def test_of_removed_paths_that_come_and_go_the_newest_leave_a_row(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    forget(store, hybrid, clock)
    assert rows(store) == 1 + MOST_REMOVED
    assert paths(store) == {"form/f/field/a"}


def test_what_was_removed_less_than_an_hour_ago_leaves_a_row(store: SqlStore, hybrid: HybridClock) -> None:
    many = 3 * MOST_REMOVED
    store.upsert([entry(hybrid, f"step/f/{number}", REMOVED) for number in range(many)])
    assert rows(store) == many


def test_a_removed_field_leaves_its_row(store: SqlStore, hybrid: HybridClock, clock: FakeClock) -> None:
    store.upsert([entry(hybrid, f"form/snapshot/field/{number}", REMOVED) for number in range(2 * MOST_REMOVED)])
    forget(store, hybrid, clock)
    assert rows(store) == 2 * MOST_REMOVED + 1 + MOST_REMOVED


def test_what_was_forgotten_is_not_brought_back_by_a_replay(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    first = forget(store, hybrid, clock)
    before = rows(store)
    for _ in range(2):
        store.upsert([first])
    assert (rows(store), paths(store)) == (before, {"form/f/field/a"})
    # It may be one that was never here: nobody can tell. So what somebody entered is kept, where it can be found.
    assert [quarantined.entry for quarantined in store.quarantined()] == [first]


def test_without_the_stamp_up_to_which_was_forgotten_a_replay_would_bring_it_back(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    first = forget(store, hybrid, clock)
    with store._database.begin() as connection:
        connection.execute(update(SessionModel).values(forgotten=""))
    store.upsert([first])
    assert first.path in paths(store)


def test_what_arrives_late_still_changes_what_is_there_and_the_fields(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    step = entry(hybrid, "step/f/kept", "first")
    store.upsert([step])
    late = [entry(hybrid, "step/f/kept", "then"), entry(hybrid, "form/f/field/b", "then")]
    forget(store, hybrid, clock)
    store.upsert(late)
    loaded = {each.path: each for each in store.load("s").entries}
    assert [loaded[each.path] for each in late] == late
    assert store.quarantined() == []


def test_what_a_tab_wrote_down_and_was_forgotten_is_no_loss(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    late = entry(hybrid, "tab/gone/scroll/home", 7.0)
    forget(store, hybrid, clock)
    store.upsert([late])
    assert late.path not in paths(store)
    assert store.quarantined() == []


def test_whoever_has_a_session_open_hears_of_what_was_removed(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    step = entry(hybrid, "step/f/1")
    store.upsert([step])
    version = store.load("s").version
    removed = entry(hybrid, step.path, REMOVED)
    store.upsert([removed])
    assert list(store.load("s", version).entries) == [removed]
    assert list(store.load("s").entries) == []


@pytest.fixture
def engine(tmp_path: Path, clock: FakeClock) -> Iterator[SessionPersistenceEngine]:
    store, journal = sqlite_store(tmp_path, clock), Journal(tmp_path / "journal.db")
    journal._writer.execute("PRAGMA synchronous = OFF")
    engine = SessionPersistenceEngine(3600, store=store, journal=journal, clock=clock)
    yield engine
    engine.close()


def test_a_session_has_as_many_rows_after_days_as_after_a_few(
    engine: SessionPersistenceEngine, clock: FakeClock
) -> None:
    """Counted exactly, for a shorter year: rows that are stored, and those that opening it reads."""
    store, stored, read = engine._store, [], []
    for day in range(DAYS):
        spend_a_day(engine, clock, day)
        stored.append(rows(store))
        read.append(len(store.load("s").entries))
    assert read == [83, *[88] * (DAYS - 1)]
    assert stored == [131, 182, *[184] * (DAYS - 2)]


def test_a_view_holds_what_it_shows_however_much_was_entered_in_it(
    engine: SessionPersistenceEngine, clock: FakeClock
) -> None:
    session = engine.open("s")
    held = []
    for number in range(400):
        session.set_field("f", "a", f"{number}")
        clock.advance(3)
        held.append(len(session.stamps) + len(session.values) + len(session.quota._sizes))
    assert max(held) == max(held[:200])
    assert session.stamps.keys() == engine.open("s").stamps.keys()


def test_what_was_removed_is_no_news_to_whoever_removed_it(engine: SessionPersistenceEngine) -> None:
    session = engine.open("s")
    session.commit([Change("step/f/1", {"edits": {}, "tab": "t", "device": ""})])
    session.commit([Change("step/f/1", REMOVED)])
    for _ in range(2):
        assert engine.refresh(session) == set()
        engine.flush()


def test_counts_of_tabs_that_are_gone_stay_counted(engine: SessionPersistenceEngine, clock: FakeClock) -> None:
    session = engine.open("s")
    for number in range(3 * MAX_TABS):
        session.attach_tab(f"t{number}")
        session.visit("home" if number % 2 else "order")
        session.set_field("f", "a", number)
        clock.advance(86_401)
    tabs = {path.split("/")[1] for path in session.values if path.startswith("tab/")}
    assert len(tabs) == MAX_TABS + 1
    assert f"t{3 * MAX_TABS - 1}" in tabs
    assert session.metrics.interactions == 3 * MAX_TABS


@pytest.mark.parametrize(
    ("path", "passing"),
    [
        ("step/f/1", True),
        ("form/f/snapshot/1", True),
        ("form/snapshot/field/a", False),
        ("form/f/field/snapshot", False),
        ("key/page/snapshot", False),
        ("pref/language", False),
        ("meta/created", False),
    ],
)
def test_what_comes_and_goes_is_the_same_in_a_view_and_in_the_database(
    store: SqlStore, hybrid: HybridClock, path: str, passing: bool
) -> None:
    store.upsert([entry(hybrid, path, REMOVED)])
    assert is_passing(path) is passing
    assert (path not in paths(store)) is passing
