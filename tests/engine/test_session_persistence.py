"""The engine: durable at once, in the database soon, recovered completely, merged without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from core import SessionPersistenceEngine, UserSession
from core.clock import FakeClock, HybridClock, stamp_time
from core.codec import MAX_DEPTH
from core.errors import NotKeptError, SessionUnavailableError, StoreUnavailableError
from core.settings import get_settings
from core.storage.database import open_database
from core.storage.entry import Entry, Loaded
from core.storage.envelope import Envelope
from core.storage.journal import Journal
from core.storage.models import Base, EntryModel
from core.storage.sql_store import SqlStore
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT, sqlite_store
from tests.engine.writing import put

type_of_engine = Callable[[], SessionPersistenceEngine]


class AwayStore(SqlStore):
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


@pytest.fixture(params=["local", "database"])
def start(
    request: pytest.FixtureRequest, store: SqlStore, tmp_path: Path, clock: FakeClock
) -> Iterator[type_of_engine]:
    """Start one more process's engine over the same store, and the same journal if it has one."""
    journals: list[Journal] = []

    def start_one() -> SessionPersistenceEngine:
        if request.param == "local":
            journals.append(Journal(tmp_path / "journal.db"))
        return SessionPersistenceEngine(
            3600,
            SESSION_TIMEOUT,
            store=store,
            journal=journals[-1] if journals else None,
            clock=clock,
        )

    yield start_one
    for journal in journals:
        journal.close()


def same(one: UserSession, other: UserSession) -> bool:
    return one.to_dict() == other.to_dict()


def test_the_documented_defaults(tmp_path: Path, journal: Journal) -> None:
    engine = SessionPersistenceEngine(store=sqlite_store(tmp_path), journal=journal)
    assert (engine.debounce_delay, engine.session_timeout) == (2.0, 86400)


@pytest.mark.parametrize("durability", ["local", "database"])
def test_the_documented_constructor_keeps_to_the_settings(
    durability: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'own.db'}" if durability == "local" else request.getfixturevalue("postgres_url")
    database = open_database(url)
    Base.metadata.create_all(database)
    for name, value in {
        "DATABASE_URL": url,
        "JOURNAL_PATH": str(tmp_path / "own-journal.db"),
        "DURABILITY": durability,
        "SESSION_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    try:
        engine = SessionPersistenceEngine(debounce_delay=3600, session_timeout=86400)
        engine.open("s").set_field("form", "field", "a secret")
        assert (tmp_path / "own-journal.db").exists() is (durability == "local")
        waiting = engine.waiting("s")
        assert bool(waiting) is (durability == "local")
        engine.flush()
        with database.connect() as connection:
            stored = connection.execute(select(EntryModel.value)).scalars().all()
        assert stored
        for text in [*stored, *(entry.value for entry in waiting)]:
            assert text is not None
            assert text.split(":")[2].startswith("*"), "encrypted"
        assert engine.open("s").form("form").values == {"field": "a secret"}
        engine.close()
    finally:
        get_settings.cache_clear()
        database.dispose()


def test_opening_a_session_leaves_no_trace(start: type_of_engine, store: SqlStore) -> None:
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
    assert engine.refresh(one) <= {"meta/created", "metric/-"}
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


def test_a_process_that_wakes_late_overwrites_nothing_newer(start: type_of_engine, store: SqlStore) -> None:
    engine = start()
    session = engine.open("s")
    session.set_field("f", "a", "old")
    asleep = [*store.load("s").entries, *engine.waiting("s")]
    assert asleep
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


def test_work_done_before_sign_in_moves_to_the_person(start: type_of_engine, store: SqlStore) -> None:
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


def test_what_is_acknowledged_during_and_after_the_sign_in_moves_as_well(start: type_of_engine) -> None:
    engine = start()
    before = engine.open("anon")
    before.set_field("f", "before", 1)
    engine.flush()
    before.set_field("f", "waits", 2)
    engine.merge_sessions("anon", "person")
    assert start().open("person").form("f").values == {"before": 1, "waits": 2}
    before.set_field("f", "late", 3)
    engine.flush()
    assert start().open("person").form("f").values == {"before": 1, "waits": 2, "late": 3}


def test_sessions_whose_time_is_over_are_removed(start: type_of_engine, store: SqlStore, clock: FakeClock) -> None:
    engine = start()
    engine.open("browser").set_field("f", "a", 1)
    engine.open("person", "ada").set_field("f", "a", 1)
    engine.flush()
    clock.advance(SESSION_TIMEOUT + 301)
    assert engine.cleanup() == 1
    assert [header.session_id for header in store.headers(10)] == ["person"]
    clock.advance(RETENTION)
    assert engine.cleanup() == 1


def test_an_edit_replaces_a_value_stamped_far_in_the_future(
    start: type_of_engine, store: SqlStore, clock: FakeClock
) -> None:
    clock.jump(10 * 365 * 86400)
    wrong = start()
    wrong.open("s").set_field("f", "a", "from a clock years ahead")
    wrong.flush()
    clock.jump(-10 * 365 * 86400)
    engine = start()
    session = engine.open("s")
    session.set_field("f", "a", "typed after it")
    session.set_field("f", "b", "new")
    engine.flush()
    assert start().open("s").form("f").values == {"a": "typed after it", "b": "new"}
    assert stamp_time(session.stamps["form/f/field/b"]) == clock.now()


def test_a_route_can_record_a_value_without_a_session(start: type_of_engine) -> None:
    engine = start()
    session = engine.open("s")
    session.attach_tab("t")
    put(engine, "s", {"tab/t/scroll/home": 120.0})
    engine.refresh(session)
    assert session.scroll_position("home") == 120.0


class TestDatabaseAway:
    @pytest.fixture
    def away(self, tmp_path: Path, clock: FakeClock) -> AwayStore:
        return sqlite_store(tmp_path, clock, kind=AwayStore)

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


def sealed(path: str, text: str, *, envelope: Envelope | None = None) -> Entry:
    plain = Entry(session_id="s", path=path, value=text, stamp=HybridClock().tick())
    return (envelope or Envelope()).seal(plain)


class TestWhatCanNotBeRead:
    BAD = "form/f/field/bad"

    @pytest.mark.parametrize(
        "bad",
        [
            sealed(BAD, '"from 2030"', envelope=Envelope(upgrades={1: lambda _path, data: data})),
            sealed(BAD, '"secret"', envelope=Envelope([Fernet.generate_key().decode()])),
        ],
        ids=["newer version", "key missing"],
    )
    def test_it_is_left_alone_when_it_is_intact_and_the_rest_is_loaded(
        self, start: type_of_engine, store: SqlStore, bad: Entry
    ) -> None:
        engine = start()
        session = engine.open("s")
        session.set_field("f", "good", 1)
        store.upsert([bad])
        engine.flush()
        loaded = start().open("s")
        assert (loaded.form("f").values, list(loaded.unreadable)) == ({"good": 1}, [self.BAD])
        with pytest.raises(NotKeptError, match="left as it is"):
            loaded.set_field("f", "bad", "overwritten")
        assert bad.value in {entry.value for entry in store.load("s").entries}
        assert engine.quarantined() == []

    def test_it_is_named_and_can_be_replaced_where_it_has_another_shape_than_here(self, start: type_of_engine) -> None:
        engine = start()
        engine.open("s").set_field("f", "good", 1)
        newer = {"pref/theme": {"name": "dark"}, "pref/newer": 1, "cache/k": None, "form/f/saved": {"at": None}}
        put(engine, "s", newer)
        engine.flush()
        loaded = start().open("s")
        assert loaded.form("f").values == {"good": 1}
        assert loaded.misshapen.keys() == newer.keys()
        loaded.save_form("f", {"good": 2})
        loaded.set_preference("theme", "light")
        loaded.track_cache_key("k", ["d"])
        again = start().open("s")
        assert again.misshapen.keys() == {"pref/newer"}
        assert (again.form("f").saved, again.preferences.theme) == ({"good": 2}, "light")

    def test_it_is_quarantined_when_it_is_damaged_and_the_rest_is_loaded(
        self, start: type_of_engine, store: SqlStore
    ) -> None:
        engine = start()
        engine.open("s").set_field("f", "good", 1)
        damaged = replace(sealed(self.BAD, '"as written"'), value='1:00000000:"as damaged"')
        store.upsert([damaged])
        engine.flush()
        loaded = start().open("s")
        assert (loaded.form("f").values, loaded.unreadable) == ({"good": 1}, {})
        assert [aside.entry for aside in engine.quarantined()] == [damaged]
        loaded.set_field("f", "bad", "written anew")
        assert start().open("s").form("f").values == {"good": 1, "bad": "written anew"}

    def test_a_damaged_entry_of_the_journal_holds_up_nobody(
        self, tmp_path: Path, journal: Journal, clock: FakeClock
    ) -> None:
        store = sqlite_store(tmp_path, clock)
        engine = SessionPersistenceEngine(3600, store=store, journal=journal, clock=clock)
        engine.open("s").set_field("f", "good", 1)
        damaged = replace(sealed(self.BAD, '"as written"'), session_id="t")
        journal.append([damaged])
        engine.flush()
        assert ([aside.entry for aside in engine.quarantined()], journal.count()) == ([damaged], 0)
        assert engine.open("s").form("f").values == {"good": 1}
        assert engine.open("t").form("f").values == {}


class TestTheRoomOfASession:
    def test_more_than_two_megabytes_are_refused_with_the_remedy_and_nothing_is_lost(
        self, start: type_of_engine
    ) -> None:
        session = start().open("s")
        for number in range(8):
            session.set_field("f", f"field{number}", "x" * 255_000)
        with pytest.raises(NotKeptError, match=r"form/f/field/field8.*2\.2 MB.*Clear"):
            session.set_field("f", "field8", "x" * 255_000)
        again = start().open("s")
        assert len(again.form("f").values) == 8
        with pytest.raises(NotKeptError):  # what was loaded counts as well
            again.set_field("f", "field8", "x" * 255_000)
        again.set_field("f", "field0", "short")
        again.set_field("f", "field8", "x" * 200_000)

    def test_moving_about_takes_no_room_from_the_forms(self, start: type_of_engine) -> None:
        session = start().open("s")
        for number in range(20):
            session.attach_tab(f"tab{number}")
            for step in range(3):
                session.navigate_to("page", {"number": str(step), "long": "x" * 4_000})
        for number in range(8):
            session.set_field("f", f"field{number}", "x" * 261_000)
        session.navigate_to("page", {"long": "x" * 4_000})


class TestLargeForms:
    @pytest.fixture
    def large(self, tmp_path: Path, clock: FakeClock) -> SessionPersistenceEngine:
        store = sqlite_store(tmp_path, clock)
        return SessionPersistenceEngine(store=store, clock=clock)

    @pytest.mark.parametrize(("fields", "size"), [(3, 100_000), (8, 262_000)], ids=["large", "all the room there is"])
    def test_a_form_all_of_whose_fields_were_accepted_can_be_saved(
        self, large: SessionPersistenceEngine, fields: int, size: int
    ) -> None:
        session = large.open("s")
        values = {f"field{number}": "x" * size for number in range(fields)}
        for name, value in values.items():
            session.set_field("f", name, value)
        session.set_preference("auto_save", False)
        assert session.form("f").saved == values
        session.save_form("f", values, page="page")
        assert large.open("s").form("f").saved == values
        session.set_field("f", "field0", "shorter")
        session.save_form("f", session.form("f").values)
        assert session.saved_values("f")["field0"] == "shorter"

    def test_a_form_can_be_saved_whose_fields_are_nested_as_deep_as_they_may_be(
        self, large: SessionPersistenceEngine
    ) -> None:
        session, value = large.open("s"), list[Any]()
        for _ in range(MAX_DEPTH - 1):
            value = [value]
        session.set_field("f", "deep", value)
        session.save_form("f", session.form("f").values)
        session.create_form_snapshot("f")
        again = large.open("s").form("f")
        assert [again.saved, again.snapshots[0].values] == [{"deep": value}] * 2

    def test_snapshots_of_a_large_form_are_kept_as_far_as_there_is_room(self, large: SessionPersistenceEngine) -> None:
        session = large.open("s")
        for number in range(3):
            session.set_field("f", f"field{number}", "x" * 100_000)
        for number in range(5):
            session.create_form_snapshot("f", str(number))
        with pytest.raises(NotKeptError, match="Clear forms or snapshots"):
            session.create_form_snapshot("f", "one too many")
        before = session.form("f").values
        session.discard_drafts("f")
        session.undo("f")
        again = large.open("s").form("f")
        assert (again.values, len(again.snapshots)) == (before, 5)


def test_tabs_that_nobody_used_for_a_month_are_forgotten(start: type_of_engine, clock: FakeClock) -> None:
    def open_tab(tab: str) -> UserSession:
        session = start().open("s", "ada")
        session.attach_tab(tab)
        return session

    for tab in ("old", "recent"):
        open_tab(tab).navigate_to("page", {"in": tab})
        clock.advance(20 * 86400)
    open_tab("new")
    assert [entry.params for entry in open_tab("recent").navigation_history] == [{"in": "recent"}]
    assert open_tab("old").navigation_history == []


def test_a_version_read_after_the_journal_spares_the_second_query(start: type_of_engine) -> None:
    engine, elsewhere = start(), start()
    one, two = engine.open("s"), elsewhere.open("s")
    two.set_field("f", "a", 1)
    elsewhere.flush()
    waiting = engine.waiting("s")
    assert "form/f/field/a" in engine.merge_pending(one, waiting, 1)
    assert engine.merge_pending(one, engine.waiting("s"), one.version) == set()
    elsewhere.purge("s")
    assert engine.merge_pending(one, engine.waiting("s"), one.version + 1) == set()
    assert one.purged
