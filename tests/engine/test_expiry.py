"""A session a browser may still use is never removed, and what has ended stays so."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text

from core.accounts import Accounts, User
from core.accounts.users import usable_session
from core.clock import FakeClock, HybridClock
from core.codec import encode
from core.state.paths import USER_PATH
from core.storage.database import open_database
from core.storage.entry import Entry
from core.storage.envelope import Envelope
from core.storage.models import Base, EntryModel
from core.storage.sql_store import GRACE, SqlStore
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT

OVER = SESSION_TIMEOUT + GRACE.total_seconds() + 1


@dataclass
class Place:
    """A store and the accounts beside it, in one database."""

    database: Engine
    store: SqlStore
    accounts: Accounts
    hybrid: HybridClock

    def edit(self, session: str, path: str = "form/f/field/a", value: object = 1) -> Entry:
        stamp = self.hybrid.tick()
        entry = Envelope().seal(Entry(session_id=session, path=path, value=encode(value), stamp=stamp))
        self.store.upsert([entry])
        return entry

    def clean(self) -> int:
        return self.store.purge_expired(self.store.expired(1000))


@pytest.fixture
def place(accounts: Accounts, clock: FakeClock) -> Place:
    database = accounts.users._database
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION, clock=clock)
    return Place(database, store, accounts, HybridClock(clock))


@pytest.fixture
def ada(accounts: Accounts) -> User:
    return accounts.users.create("ada", "Ada")


def sign_in(accounts: Accounts, user: User, browser: str = "old", new: str = "new") -> None:
    assert accounts.tokens.redeem(accounts.tokens.issue_ticket(browser, user.user_id), browser, new, "")


def test_a_session_somebody_only_looks_at_is_kept(place: Place, clock: FakeClock) -> None:
    place.edit("anon")
    place.accounts.tokens.register("t", "anon", "")
    for _ in range(5):
        clock.advance(SESSION_TIMEOUT - 1)
        place.accounts.tokens.touch(place.accounts.identities.ask("t", "anon"))
    assert place.clean() == 0
    clock.advance(OVER + 60)
    assert place.clean() == 1


def test_a_session_whose_browsers_were_all_signed_out_ends_by_its_own_time(place: Place, clock: FakeClock) -> None:
    place.edit("anon")
    place.accounts.tokens.register("t", "anon", "")
    clock.advance(SESSION_TIMEOUT - 1)
    place.accounts.tokens.touch(place.accounts.identities.ask("t", "anon"))
    place.accounts.browsers.revoke_session("anon")
    assert place.clean() == 0
    clock.advance(GRACE.total_seconds() + 2)
    assert place.clean() == 1


def test_a_sign_in_between_finding_and_deleting_keeps_the_session(place: Place, ada: User, clock: FakeClock) -> None:
    place.edit(ada.session_id, USER_PATH, ada.user_id)
    clock.advance(RETENTION + GRACE.total_seconds() + 1)
    found = place.store.expired(10)
    assert found == [ada.session_id]
    sign_in(place.accounts, ada)
    assert place.store.purge_expired(found) == 0
    assert not place.store.load(ada.session_id).purged


def test_signing_in_after_the_session_was_deleted_gives_another(place: Place, ada: User, clock: FakeClock) -> None:
    place.edit(ada.session_id, USER_PATH, ada.user_id)
    clock.advance(RETENTION + GRACE.total_seconds() + 1)
    assert place.clean() == 1
    sign_in(place.accounts, ada)
    state = place.accounts.identities.ask("new", "anon")
    assert state.session_id != ada.session_id


def test_signing_in_and_cleaning_at_once_never_leave_a_person_with_a_deleted_session(
    place: Place, ada: User, clock: FakeClock
) -> None:
    for attempt in range(5):
        user = place.accounts.users.create(f"person{attempt}", "Person")
        place.edit(user.session_id, USER_PATH, user.user_id)
        clock.advance(RETENTION + GRACE.total_seconds() + 1)
        start = threading.Barrier(2)
        found = [user.session_id]
        ticket = place.accounts.tokens.issue_ticket(f"old{attempt}", user.user_id)

        def clean(start: threading.Barrier = start, found: list[str] = found) -> None:
            start.wait(30)
            place.store.purge_expired(found)

        cleaning = threading.Thread(target=clean)
        cleaning.start()
        start.wait(30)
        assert place.accounts.tokens.redeem(ticket, f"old{attempt}", f"new{attempt}", "")
        cleaning.join()
        state = place.accounts.identities.ask(f"new{attempt}", "anon")
        assert not place.store.load(state.session_id).purged


def test_cleaning_waits_for_a_sign_in_that_holds_the_session(
    postgres_url: str, clock: FakeClock, request: pytest.FixtureRequest
) -> None:
    """In PostgreSQL a token not yet committed can't be seen; the row's lock makes the cleanup wait for it."""
    database = open_database(postgres_url)
    request.addfinalizer(database.dispose)
    Base.metadata.create_all(database)
    accounts = Accounts(database, clock, session_timeout=SESSION_TIMEOUT, password_rounds=4)
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION, clock=clock)
    place = Place(database, store, accounts, HybridClock(clock))
    ada = accounts.users.create("ada", "Ada")
    place.edit(ada.session_id, USER_PATH, ada.user_id)
    clock.advance(RETENTION + GRACE.total_seconds() + 1)
    purged: list[int] = []
    cleaning = threading.Thread(target=lambda: purged.append(store.purge_expired([ada.session_id])))
    with database.begin() as connection:
        assert usable_session(connection, ada.user_id) == ada.session_id
        cleaning.start()
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = :name")
        with database.connect() as watcher:
            while not watcher.execute(waiting, {"name": database.url.database}).scalar():
                watcher.rollback()
        accounts.tokens._insert(connection, "new", ada.session_id, "", user_id=ada.user_id, epoch=1)
    cleaning.join()
    assert purged == [0]


def test_deleting_takes_the_entries_along_and_nobody_else_s(place: Place, clock: FakeClock) -> None:
    for number in range(20):
        place.edit(f"s{number}")
    clock.advance(OVER)
    place.edit("other")
    assert place.clean() == 20
    with place.database.connect() as connection:
        assert connection.scalars(select(EntryModel.session_id)).all() == ["other"]


def test_an_ended_token_is_remembered_as_long_as_its_deleted_session(place: Place, clock: FakeClock) -> None:
    place.edit("anon")
    place.accounts.tokens.register("t", "anon", "")
    retention = timedelta(seconds=RETENTION)
    clock.advance(2 * RETENTION)
    assert place.clean() == 1
    assert place.accounts.tokens.forget_ended(retention) == 0
    assert place.accounts.identities.ask("t", "anon").standing == "ended"
    clock.advance(RETENTION + 1)
    assert place.store.forget_purged(10) == 1
    assert place.accounts.tokens.forget_ended(retention) == 1
    assert not place.accounts.identities.ask("t", "anon").registered


def test_tokens_are_forgotten_in_batches(place: Place, clock: FakeClock) -> None:
    for number in range(5):
        place.accounts.tokens.register(f"t{number}", "anon", "")
    clock.advance(SESSION_TIMEOUT + 1)
    assert [place.accounts.tokens.forget_ended(timedelta(0), limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_revoked_stays_revoked_whatever_arrives_late(place: Place, ada: User, clock: FakeClock) -> None:
    sign_in(place.accounts, ada)
    late = place.edit(ada.session_id, USER_PATH, ada.user_id)
    place.accounts.browsers.revoke_session(ada.session_id)
    place.store.purge(ada.session_id)
    for moment in (0, 61, SESSION_TIMEOUT, RETENTION - SESSION_TIMEOUT - 61):
        clock.advance(moment)
        place.store.upsert([late])
        place.accounts.tokens.touch(place.accounts.identities.ask("new", "anon"))
        place.accounts.tokens.register("new", ada.session_id, "")
        place.accounts.tokens.register("new", "anon-other", "")
        place.store.forget_purged(10)
        place.accounts.tokens.forget_ended(timedelta(seconds=RETENTION))
        state = place.accounts.identities.ask("new", "anon")
        assert (state.standing, state.user) == ("ended", None)
        assert place.store.load(ada.session_id).purged
    assert place.accounts.browsers.find(limit=9) == []
