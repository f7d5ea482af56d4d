"""The engine: durable at once, in the database soon, recovered completely, merged without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import SessionPersistenceEngine, UserSession
from core.clock import FakeClock, HybridClock
from core.errors import NotKeptError, SessionUnavailableError, StoreUnavailableError
from core.storage.entry import Entry
from core.storage.journal import Journal
from core.storage.memory import MemoryStore
from core.storage.store import Loaded, Store
from tests.conftest import RETENTION, SESSION_TIMEOUT

type_of_engine = Callable[[], SessionPersistenceEngine]


class AwayStore(MemoryStore):
    """A store that can go away."""

    away = False

    def load(self, session_id: str, after_version: int = 0) -> Loaded:
        self._check()
        return super().load(session_id, after_version)

    def upsert(self, entries: object) -> None:
        self._check()
        super().upsert(entries)  # type: ignore[arg-type]

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailableError("The database is away.")


@pytest.fixture
def start(store: Store, tmp_path: Path, clock: FakeClock) -> Iterator[type_of_engine]:
    """Start one more process's engine over the same store and journal."""
    journals: list[Journal] = []

    def start_one() -> SessionPersistenceEngine:
        journals.append(Journal(tmp_path / "journal.db"))
        return SessionPersistenceEngine(
            3600, SESSION_TIMEOUT, store=store, journal=journals[-1], clock=clock, hybrid_clock=HybridClock(clock)
        )

    yield start_one
    for journal in journals:
        journal.close()


def same(one: UserSession, other: UserSession) -> bool:
    return one.to_dict() == other.to_dict()


def test_the_documented_defaults(start: type_of_engine, journal: Journal) -> None:
    engine = SessionPersistenceEngine(store=MemoryStore(session_timeout=1, retention=1), journal=journal)
    assert (engine.debounce_delay, engine.session_timeout) == (2.0, 86400)


def test_opening_a_session_leaves_no_trace(start: type_of_engine, store: Store) -> None:
    engine = start()
    engine.open("s")
    engine.flush()
    assert (store.count(), engine.status().pending) == (0, 0)


def test_an_edit_is_recovered_before_any_flush_by_another_process(start: type_of_engine) -> None:
    session = start().open("s", "ada")
    session.save_form("f", {"a": (1, 2)})
    recovered = start().open("s")
    assert same(recovered, session)
    assert recovered.user_id == "ada"


def test_an_edit_is_recovered_after_the_flush(start: type_of_engine) -> None:
    engine = start()
    session = engine.open("s", "ada")
    session.save_form("f", {"a": (1, 2)})
    engine.flush()
    assert engine.status().pending == 0
    assert same(start().open("s"), session)


def test_two_tabs_learn_of_each_other_s_edits(start: type_of_engine) -> None:
    engine, elsewhere = start(), start()
    one, two = engine.open("s"), elsewhere.open("s")
    one.set_field("f", "a", 1)
    two.set_field("f", "b", 2)
    assert "form/f/field/b" in engine.refresh(one)
    elsewhere.flush()
    assert "form/f/field/a" in elsewhere.refresh(two)
    assert one.form("f").values == two.form("f").values == {"a": 1, "b": 2}
    assert engine.refresh(one) <= {"meta/created", "metric/-/2026-01-01"}
    assert engine.refresh(one) == set()


def test_the_later_edit_of_a_field_wins_in_every_tab(start: type_of_engine) -> None:
    engine, elsewhere = start(), start()
    one, two = engine.open("s"), elsewhere.open("s")
    one.set_field("f", "a", "first")
    elsewhere.refresh(two)
    two.set_field("f", "a", "second")
    engine.flush()
    engine.refresh(one)
    assert one.form("f").values == {"a": "second"}


def test_a_process_that_wakes_late_overwrites_nothing_newer(start: type_of_engine, store: Store) -> None:
    engine = start()
    session = engine.open("s")
    session.set_field("f", "a", "old")
    asleep = list(store.load("s").entries) + Journal.batch(engine._journal, 100)
    session.set_field("f", "a", "new")
    engine.flush()
    store.upsert(asleep)
    assert start().open("s").form("f").values == {"a": "new"}


def test_a_value_that_cannot_be_kept_leaves_the_one_before(start: type_of_engine) -> None:
    engine = start()
    session = engine.open("s")
    session.set_field("f", "a", 1)
    with pytest.raises(NotKeptError, match="form/f/field/a"):
        session.set_field("f", "a", object())
    assert session.form("f").values == {"a": 1}
    assert start().open("s").form("f").values == {"a": 1}


def test_a_purged_session_stays_purged_whatever_arrives_late(start: type_of_engine) -> None:
    engine, elsewhere = start(), start()
    late = elsewhere.open("s")
    late.set_field("f", "a", 1)
    engine.purge("s")
    late.set_field("f", "a", 2)
    elsewhere.flush()
    assert start().open("s").form("f").values == {}
    elsewhere.refresh(late)
    assert late.purged


def test_work_done_before_sign_in_moves_to_the_person(start: type_of_engine, store: Store) -> None:
    engine = start()
    before, person = engine.open("anon"), engine.open("person", "ada")
    person.set_field("f", "kept", 1)
    before.set_field("f", "begun", 2)
    for _ in range(2):
        engine.merge_sessions("anon", "person")
    engine.flush()
    merged = start().open("person")
    assert (merged.form("f").values, merged.user_id) == ({"kept": 1, "begun": 2}, "ada")
    assert [header.session_id for header in store.headers(10)] == ["person"]


def test_sessions_whose_time_is_over_are_removed(start: type_of_engine, store: Store, clock: FakeClock) -> None:
    engine = start()
    engine.open("browser").set_field("f", "a", 1)
    engine.open("person", "ada").set_field("f", "a", 1)
    engine.flush()
    clock.advance(SESSION_TIMEOUT + 301)
    assert engine.cleanup() == 1
    assert [header.session_id for header in store.headers(10)] == ["person"]
    clock.advance(RETENTION)
    assert engine.cleanup() == 1


def test_a_route_can_record_a_value_without_a_session(start: type_of_engine) -> None:
    engine = start()
    session = engine.open("s")
    session.attach_tab("t")
    engine.record("s", {"tab/t/scroll/home": 120.0})
    engine.refresh(session)
    assert session.scroll_position("home") == 120.0


class TestDatabaseAway:
    @pytest.fixture
    def away(self, clock: FakeClock) -> AwayStore:
        return AwayStore(session_timeout=SESSION_TIMEOUT, retention=RETENTION, clock=clock)

    @pytest.fixture
    def engine(self, away: AwayStore, journal: Journal, clock: FakeClock) -> SessionPersistenceEngine:
        return SessionPersistenceEngine(3600, store=away, journal=journal, clock=clock)

    def test_edits_go_on_and_arrive_when_it_is_back(self, engine: SessionPersistenceEngine, away: AwayStore) -> None:
        session = engine.open("s")
        away.away = True
        session.set_field("f", "a", 1)
        with pytest.raises(StoreUnavailableError):
            engine.flush()
        assert engine.refresh(session) == set()
        assert (engine.status().failures, engine.status().last_error) == (1, "The database is away.")
        away.away = False
        engine.flush()
        assert (engine.status().pending, engine.status().failures) == (0, 0)
        assert away.load("s").version == 1

    def test_a_session_that_cannot_be_read_is_never_shown_as_a_blank_one(
        self, engine: SessionPersistenceEngine, away: AwayStore
    ) -> None:
        away.away = True
        with pytest.raises(SessionUnavailableError, match="safe"):
            engine.open("s")

    def test_closing_without_the_database_keeps_the_edits_in_the_journal(
        self, engine: SessionPersistenceEngine, away: AwayStore, journal: Journal
    ) -> None:
        engine.open("s").set_field("f", "a", 1)
        away.away = True
        engine.close()
        engine.close()
        survivor = Journal(journal.path)
        assert survivor.count() > 0
        survivor.close()


def test_an_unreadable_value_is_left_alone_and_the_rest_is_loaded(start: type_of_engine, store: Store) -> None:
    engine = start()
    session = engine.open("s")
    session.set_field("f", "good", 1)
    bad = Entry(session_id="s", path="form/f/field/bad", value='{"$": "from 2030"}', stamp=HybridClock().tick())
    store.upsert([bad])
    engine.flush()
    loaded = start().open("s")
    assert (loaded.form("f").values, list(loaded.unreadable)) == ({"good": 1}, ["form/f/field/bad"])
    assert bad.value in {e.value for e in store.load("s").entries}
