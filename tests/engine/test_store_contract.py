"""The laws of the store, in each kind of database."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from core.clock import FakeClock, HybridClock
from core.codec import decode, encode
from core.state.paths import CREATED_PATH, USER_PATH
from core.storage.entry import Entry
from core.storage.envelope import Envelope
from core.storage.sql_store import GRACE as EXPIRY_GRACE
from core.storage.sql_store import SqlStore
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT

GRACE = EXPIRY_GRACE.total_seconds()


@pytest.fixture
def hybrid(clock: FakeClock) -> HybridClock:
    return HybridClock(clock)


def entry(hybrid: HybridClock, path: str = "form/f/field/a", value: object = 1, session: str = "s") -> Entry:
    return Envelope().seal(Entry(session_id=session, path=path, value=encode(value), stamp=hybrid.tick()))


def damaged(entry: Entry) -> Entry:
    return replace(entry, value=f"{entry.value}!")


def shown(store: SqlStore, session: str) -> dict[str, object]:
    """What a session holds, decoded."""
    return {e.path: decode(Envelope().open(e).value or "") for e in store.load(session).entries}


def values(store: SqlStore, session: str = "s") -> dict[str, str | None]:
    return {e.path: e.value for e in store.load(session).entries}


def test_loading_does_not_create_a_session(store: SqlStore) -> None:
    assert store.load("s").version == 0
    assert store.count() == 0


def test_what_was_written_is_read_back_exactly(store: SqlStore, hybrid: HybridClock) -> None:
    written = entry(hybrid, value="naïve \x00 \U0001f600")
    store.upsert([written])
    assert list(store.load("s").entries) == [written]


def test_one_path_is_read_by_itself(store: SqlStore, hybrid: HybridClock) -> None:
    one, other = entry(hybrid, "form/f/field/a"), entry(hybrid, "form/f/field/b")
    store.upsert([one, other])
    assert store.read("s", [one.path]) == [one]
    assert store.read("s", ["form/f/field/c"]) == []
    store.purge("s")
    assert store.read("s", [one.path]) == []


def test_every_order_of_the_same_entries_ends_in_the_same_state(store: SqlStore, hybrid: HybridClock) -> None:
    edits = [entry(hybrid, value=n) for n in range(3)]
    for number, order in enumerate(itertools.permutations(edits)):
        for edit in order:
            store.upsert([Entry(session_id=f"s{number}", path=edit.path, value=edit.value, stamp=edit.stamp)])
        assert values(store, f"s{number}") == {edits[-1].path: edits[-1].value}


def test_writing_twice_changes_nothing(store: SqlStore, hybrid: HybridClock) -> None:
    batch = [entry(hybrid, value=n) for n in range(3)]
    store.upsert(batch)
    before = values(store)
    store.upsert(batch)
    assert values(store) == before


def test_a_removed_path_stays_removed_when_an_older_value_arrives(store: SqlStore, hybrid: HybridClock) -> None:
    old = entry(hybrid)
    removed = Envelope().seal(replace(old, value=None, stamp=hybrid.tick()))
    store.upsert([removed])
    store.upsert([old])
    assert values(store) == {old.path: removed.value}


def test_only_what_came_after_a_version_is_loaded(store: SqlStore, hybrid: HybridClock) -> None:
    store.upsert([entry(hybrid, "a"), entry(hybrid, "b")])
    version = store.load("s").version
    store.upsert([entry(hybrid, "b", 2)])
    later = store.load("s", version)
    assert [e.path for e in later.entries] == ["b"]
    assert later.version > version
    assert list(store.load("s", later.version).entries) == []


def test_sessions_do_not_mix(store: SqlStore, hybrid: HybridClock) -> None:
    store.upsert([entry(hybrid, value=1, session="s"), entry(hybrid, value=2, session="t")])
    assert values(store, "s") != values(store, "t")


def test_a_purged_session_is_not_resurrected_by_a_late_flush(store: SqlStore, hybrid: HybridClock) -> None:
    store.upsert([entry(hybrid)])
    store.purge("s")
    store.upsert([entry(hybrid, value="late"), entry(hybrid, session="other")])
    assert store.load("s").purged
    assert values(store) == {}
    assert [header.session_id for header in store.headers(10)] == ["other"]


def test_a_session_can_be_purged_before_it_was_ever_stored(store: SqlStore, hybrid: HybridClock) -> None:
    store.purge("s")
    store.upsert([entry(hybrid)])
    assert values(store) == {}


class TestASessionMergedIntoAnother:
    def test_gives_it_what_it_has_and_what_it_gets_later_by_the_same_rules(
        self, store: SqlStore, hybrid: HybridClock
    ) -> None:
        store.upsert([entry(hybrid, "form/f/field/a", "old", "before"), entry(hybrid, USER_PATH, "x", "before")])
        late = entry(hybrid, "form/f/field/b", "late", "before")
        store.upsert([entry(hybrid, "form/f/field/c", "the person's", "person")])
        beaten = entry(hybrid, "form/f/field/c", "older", "before")
        store.upsert([entry(hybrid, "form/f/field/c", "newest", "person")])
        for _ in range(2):
            store.merge("before", "person")
        store.upsert([late, beaten, entry(hybrid, session="third")])
        assert store.load("before").purged
        assert shown(store, "before") == {}
        assert shown(store, "person") == {
            "form/f/field/a": "old",
            "form/f/field/b": "late",
            "form/f/field/c": "newest",
        }
        assert {header.session_id for header in store.headers(10)} == {"person", "third"}

    def test_also_if_it_had_nothing_yet(self, store: SqlStore, hybrid: HybridClock) -> None:
        store.merge("before", "person")
        store.upsert([entry(hybrid, "form/f/field/a", "late", "before")])
        assert shown(store, "person") == {"form/f/field/a": "late"}

    def test_stays_with_the_first_it_was_merged_into(self, store: SqlStore, hybrid: HybridClock) -> None:
        store.merge("before", "person")
        store.merge("before", "somebody else")
        store.upsert([entry(hybrid, session="before")])
        assert values(store, "somebody else") == {}

    @pytest.mark.parametrize("gone", ["before", "person"])
    def test_gives_nothing_when_one_of_them_was_deleted(self, store: SqlStore, hybrid: HybridClock, gone: str) -> None:
        store.merge("before", "person")
        store.purge(gone)
        store.upsert([entry(hybrid, session="before")])
        store.merge("before", "person")
        store.upsert([entry(hybrid, session="before")])
        assert values(store, "before") == values(store, "person") == {}

    def test_keeps_what_nobody_can_read(self, store: SqlStore, hybrid: HybridClock) -> None:
        broken = damaged(entry(hybrid, "form/f/field/b", session="before"))
        store.upsert([entry(hybrid, "form/f/field/a", "read", "before"), broken])
        store.merge("before", "person")
        assert shown(store, "person") == {"form/f/field/a": "read"}
        assert broken in store.load("before").entries


def test_the_header_follows_from_the_entries(store: SqlStore, hybrid: HybridClock, clock: FakeClock) -> None:
    began = clock.now()
    store.upsert([entry(hybrid, USER_PATH, "ada")])
    clock.advance(60)
    store.upsert([entry(hybrid)])
    (header,) = store.headers(10)
    assert (header.user_id, header.created_at, header.last_activity) == ("ada", began, clock.now())


def test_a_browser_s_session_ends_after_the_timeout_and_a_person_s_after_the_retention(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    store.upsert([entry(hybrid, session="browser"), entry(hybrid, USER_PATH, "ada", session="person")])
    clock.advance(SESSION_TIMEOUT + GRACE)
    assert store.expired(10) == []
    store.upsert([entry(hybrid, session="person")])
    clock.advance(1)
    assert store.expired(10) == ["browser"]
    clock.advance(RETENTION + GRACE)
    assert sorted(store.expired(10)) == ["browser", "person"]
    assert len(store.expired(1)) == 1


@pytest.mark.parametrize("jump", [3600, -3600, 86400, -86400])
def test_no_session_ends_early_however_the_wall_clock_is_set(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock, jump: float
) -> None:
    store.upsert([entry(hybrid, session="before")])
    clock.jump(jump)
    store.upsert([entry(hybrid, session="meanwhile")])
    clock.advance(SESSION_TIMEOUT)
    assert store.expired(10) == []
    clock.jump(-jump)
    assert store.expired(10) == []
    assert store.purge_expired(["before", "meanwhile"]) == 0


def test_only_what_is_still_past_its_time_is_deleted(store: SqlStore, hybrid: HybridClock, clock: FakeClock) -> None:
    store.upsert([entry(hybrid, session=session) for session in ("gone", "edited since")])
    clock.advance(SESSION_TIMEOUT + GRACE + 1)
    found = store.expired(10)
    store.upsert([entry(hybrid, session="edited since")])
    assert store.purge_expired([*found, "never there"]) == 1
    assert store.load("gone").purged
    assert [header.session_id for header in store.headers(10)] == ["edited since"]
    assert store.purge_expired(found) == 0
    assert store.purge_expired([]) == 0


def test_what_expired_is_not_resurrected_by_a_late_flush(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    late = entry(hybrid)
    store.upsert([entry(hybrid, "other")])
    clock.advance(SESSION_TIMEOUT + GRACE + 1)
    store.purge_expired(store.expired(10))
    store.upsert([late])
    assert store.load("s").purged
    assert values(store) == {}


def test_that_a_session_was_deleted_is_remembered_for_the_retention(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    for number in range(3):
        store.upsert([entry(hybrid, session=f"s{number}")])
        store.purge(f"s{number}")
    store.upsert([entry(hybrid, USER_PATH, "ada", session="alive")])
    clock.advance(RETENTION)
    assert store.forget_purged(10) == 0
    clock.advance(1)
    assert store.load("s0").purged
    assert [store.forget_purged(2) for _ in range(3)] == [2, 1, 0]
    assert not store.load("s0").purged
    assert store.load("alive").version


def test_a_clock_that_runs_ahead_does_not_make_a_session_live_longer(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    clock.jump(7200)
    ahead = entry(hybrid)
    clock.jump(-7200)
    store.upsert([ahead])
    assert store.headers(1)[0].last_activity == clock.now()


def test_headers_come_latest_first_up_to_a_limit(store: SqlStore, hybrid: HybridClock, clock: FakeClock) -> None:
    for number in range(5):
        clock.advance(1)
        store.upsert([entry(hybrid, session=f"s{number}")])
    assert [h.session_id for h in store.headers(2)] == ["s4", "s3"]
    assert store.count() == 5


# Damaged entries


@pytest.mark.parametrize("path", [USER_PATH, CREATED_PATH])
def test_a_damaged_header_entry_does_not_hold_up_the_others(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock, path: str
) -> None:
    bad = damaged(entry(hybrid, path, "ada"))
    store.upsert([bad, entry(hybrid), entry(hybrid, USER_PATH, "bob", session="t")])
    assert len(store.load("s").entries) == 2
    owners = {header.session_id: header.user_id for header in store.headers(10)}
    assert owners == {"s": None, "t": "bob"}


def test_a_session_whose_owner_cannot_be_read_does_not_end_early(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    store.upsert([damaged(entry(hybrid, USER_PATH, "ada"))])
    clock.advance(SESSION_TIMEOUT + 1)
    assert store.expired(10) == []
    clock.advance(RETENTION)
    assert store.expired(10) == ["s"]


@pytest.mark.parametrize("stamp", ["", "zz", "f" * 40])
def test_a_damaged_stamp_does_not_hold_up_the_others(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock, stamp: str
) -> None:
    store.upsert([replace(entry(hybrid), stamp=stamp), entry(hybrid, session="t")])
    assert {header.session_id: header.last_activity for header in store.headers(10)} == dict.fromkeys("st", clock.now())


def test_a_quarantined_entry_is_kept_as_it_was_found_and_out_of_the_way(
    store: SqlStore, hybrid: HybridClock, clock: FakeClock
) -> None:
    good, bad = entry(hybrid, "a"), damaged(entry(hybrid, "b"))
    store.upsert([good, bad])
    for _ in range(2):
        store.quarantine(bad, "its checksum is wrong")
    assert list(store.load("s").entries) == [good]
    (aside,) = store.quarantined()
    assert (aside.entry, aside.reason, aside.at) == (bad, "its checksum is wrong", clock.now())


def test_an_edit_made_after_the_damage_is_not_quarantined(store: SqlStore, hybrid: HybridClock) -> None:
    bad, edit = damaged(entry(hybrid)), entry(hybrid, value=2)
    store.upsert([bad])
    store.upsert([edit])
    store.quarantine(bad, "damaged")
    assert (list(store.load("s").entries), store.quarantined()) == ([edit], [])


def test_a_path_can_be_written_again_after_its_entry_was_quarantined(store: SqlStore, hybrid: HybridClock) -> None:
    for number in range(2):
        bad = damaged(entry(hybrid, value=number))
        store.upsert([bad])
        store.quarantine(bad, "damaged")
    edit = entry(hybrid, value=2)
    store.upsert([edit])
    assert (list(store.load("s").entries), len(store.quarantined())) == ([edit], 2)


def test_what_was_quarantined_can_be_forgotten(store: SqlStore, hybrid: HybridClock) -> None:
    bad = [damaged(entry(hybrid, path)) for path in "ab"]
    store.upsert(bad)
    for each in bad:
        store.quarantine(each, "damaged")
    store.forget(store.quarantined()[0])
    assert [aside.entry for aside in store.quarantined()] == [bad[1]]


def test_what_was_quarantined_goes_with_its_session(store: SqlStore, hybrid: HybridClock) -> None:
    bad = [damaged(entry(hybrid, session=session)) for session in "st"]
    store.upsert(bad)
    for each in bad:
        store.quarantine(each, "damaged")
    store.purge("s")
    assert [aside.entry.session_id for aside in store.quarantined()] == ["t"]


# Rewriting


def test_a_rewrite_changes_every_value_and_nothing_else(store: SqlStore, hybrid: HybridClock) -> None:
    store.upsert([entry(hybrid, f"p{number}", number, session) for number in range(4) for session in "st"])
    before = {session: store.load(session) for session in "st"}
    assert store.rewrite(lambda old: replace(old, value=f"new {old.value}")) == 8
    for session in "st":
        expected = {replace(old, value=f"new {old.value}") for old in before[session].entries}
        assert set(store.load(session).entries) == expected
        later = store.load(session, before[session].version)
        assert (list(later.entries), later.version) == ([], before[session].version), "readers have nothing to fetch"


def test_a_rewrite_counts_and_touches_only_what_it_changes(store: SqlStore, hybrid: HybridClock) -> None:
    store.upsert([entry(hybrid, "a"), entry(hybrid, "b")])
    before = values(store)
    assert store.rewrite(lambda old: replace(old, value="new") if old.path == "a" else old) == 1
    assert values(store) == {**before, "a": "new"}


def test_an_edit_made_during_a_rewrite_stays(store: SqlStore, hybrid: HybridClock) -> None:
    store.upsert([entry(hybrid), entry(hybrid, "b")])
    edit = entry(hybrid, value="later")

    def reseal(old: Entry) -> Entry:
        store.upsert([edit])
        return replace(old, value="new")

    assert store.rewrite(reseal) == 1
    assert values(store) == {edit.path: edit.value, "b": "new"}


def test_a_rewrite_goes_on_through_more_than_one_batch(store: SqlStore, hybrid: HybridClock) -> None:
    store.upsert([entry(hybrid, f"p{number}", session=f"s{number % 3}") for number in range(1100)])
    seen: list[tuple[str, str]] = []

    def reseal(old: Entry) -> Entry:
        seen.append((old.session_id, old.path))
        return replace(old, value="new")

    assert store.rewrite(reseal) == 1100
    assert len(seen) == len(set(seen)) == 1100
    assert len(set(store.entries())) == 1100
