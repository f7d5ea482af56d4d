"""A browser's right to a session: issued, exchanged, touched, ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.accounts import Accounts, User
from core.clock import FakeClock
from core.web.token import anonymous_session_id, new_token, verify
from tests.engine.conftest import ABSOLUTE_TIMEOUT, SESSION_TIMEOUT

SECRET = "s" * 32
PASSWORD = "a phrase of some length"
START = FakeClock().now()


def sign_in(accounts: Accounts, user: User, browser: str = "old", new: str = "new") -> None:
    assert accounts.tokens.redeem(accounts.tokens.issue_ticket(browser, user.user_id), browser, new, "Firefox on Linux")


@pytest.fixture
def ada(accounts: Accounts) -> User:
    return accounts.users.create("ada", "Ada", password=PASSWORD, roles=["member"])


# The token itself


def test_a_token_verifies_with_its_own_secret_only() -> None:
    token = new_token(SECRET)
    assert verify(token, SECRET)
    assert not verify(token, "t" * 32)
    assert token != new_token(SECRET)


@given(st.integers(0, 86), st.characters(max_codepoint=0x2FF))
def test_a_token_changed_in_any_place_is_no_token(place: int, character: str) -> None:
    token = new_token(SECRET)
    changed = token[:place] + character + token[place + 1 :]
    assert verify(changed, SECRET) == (changed == token)


@given(st.text())
def test_any_other_text_is_no_token(text: str) -> None:
    assert not verify(text, SECRET)


def test_an_anonymous_session_follows_from_its_token_and_does_not_reveal_it() -> None:
    token = new_token(SECRET)
    assert anonymous_session_id(token, SECRET) == anonymous_session_id(token, SECRET)
    assert anonymous_session_id(token, SECRET) != anonymous_session_id(new_token(SECRET), SECRET)
    assert not set(token.split(".")) & set(anonymous_session_id(token, SECRET).split("-"))


# Its row


def test_a_browser_without_an_edit_has_no_row(accounts: Accounts) -> None:
    accounts.tokens.touch(accounts.identities.ask("unknown", "anon"))
    assert not accounts.identities.ask("unknown", "anon").registered
    assert accounts.browsers.find(limit=9) == []


def test_an_anonymous_browser_is_registered_once(accounts: Accounts) -> None:
    accounts.tokens.register("t", "anon-1", "Firefox on Linux")
    accounts.tokens.register("t", "anon-2", "Chrome on Windows")
    state = accounts.identities.ask("t", "anon")
    assert (state.session_id, state.user, state.standing, state.version) == ("anon-1", None, "good", None)
    assert [token.device for token in accounts.browsers.of_session("anon-1")] == ["Firefox on Linux"]


def test_one_query_brings_person_roles_and_permissions(accounts: Accounts, ada: User) -> None:
    accounts.roles.save("reader", ["orders.read"])
    accounts.users.set_roles(ada.user_id, ["member", "reader"])
    sign_in(accounts, ada)
    state = accounts.identities.ask("new", "anon")
    assert state.user == accounts.users.get(ada.user_id)
    assert state.session_id == ada.session_id
    assert state.user.permissions == {"home.*", "orders.read"}  # type: ignore[union-attr]


def test_a_token_ends_after_the_time_without_activity(accounts: Accounts, ada: User, clock: FakeClock) -> None:
    sign_in(accounts, ada)
    clock.advance(SESSION_TIMEOUT - 1)
    assert accounts.identities.ask("new", "anon").standing == "good"
    clock.advance(1)
    state = accounts.identities.ask("new", "anon")
    assert (state.standing, state.user) == ("ended", None)
    assert accounts.browsers.find(limit=9) == []


def test_activity_puts_the_end_off(accounts: Accounts, ada: User, clock: FakeClock) -> None:
    sign_in(accounts, ada)
    clock.advance(SESSION_TIMEOUT - 1)
    accounts.tokens.touch(accounts.identities.ask("new", "anon"))
    clock.advance(SESSION_TIMEOUT - 1)
    assert accounts.identities.ask("new", "anon").standing == "good"


def test_touching_again_within_a_minute_writes_nothing(accounts: Accounts, ada: User, clock: FakeClock) -> None:
    sign_in(accounts, ada)
    before = accounts.identities.ask("new", "anon")
    clock.advance(59)
    accounts.tokens.touch(accounts.identities.ask("new", "anon"))
    accounts.tokens.touch(before)
    assert accounts.identities.ask("new", "anon").last_seen == before.last_seen
    clock.advance(2)
    accounts.tokens.touch(before)
    assert accounts.identities.ask("new", "anon").last_seen == clock.now()


def test_no_activity_carries_a_sign_in_beyond_its_absolute_end(accounts: Accounts, ada: User, clock: FakeClock) -> None:
    sign_in(accounts, ada)
    while clock.now() < START + timedelta(seconds=ABSOLUTE_TIMEOUT - 1):
        accounts.tokens.touch(accounts.identities.ask("new", "anon"))
        assert accounts.identities.ask("new", "anon").standing == "good"
        clock.advance(min(SESSION_TIMEOUT - 1, (START - clock.now()).total_seconds() + ABSOLUTE_TIMEOUT - 1))
    assert accounts.identities.ask("new", "anon").standing == "good"
    accounts.tokens.touch(accounts.identities.ask("new", "anon"))
    clock.advance(1)
    assert accounts.identities.ask("new", "anon").standing == "ended"
    assert accounts.browsers.find(limit=9) == []


def test_a_new_token_for_changed_rights_does_not_begin_the_sign_in_anew(
    accounts: Accounts, ada: User, clock: FakeClock
) -> None:
    sign_in(accounts, ada)
    clock.advance(SESSION_TIMEOUT - 1)
    accounts.users.set_roles(ada.user_id, [])
    sign_in(accounts, ada, "new", "newer")
    began = {token.token_hash: token.created_at for token in accounts.browsers.of_session(ada.session_id)}
    assert began == {"new": START, "newer": START}
    sign_in(accounts, ada, "another browser", "second")
    began = {token.token_hash: token.created_at for token in accounts.browsers.of_session(ada.session_id)}
    assert began["second"] == clock.now()


def test_a_browser_nobody_signed_in_with_has_no_absolute_end(accounts: Accounts, clock: FakeClock) -> None:
    accounts.tokens.register("t", "anon-1", "")
    while clock.now() < START + timedelta(seconds=2 * ABSOLUTE_TIMEOUT):
        accounts.tokens.touch(accounts.identities.ask("t", "anon"))
        clock.advance(SESSION_TIMEOUT - 1)
    assert accounts.identities.ask("t", "anon").standing == "good"


def test_an_expired_token_is_not_revived_by_a_late_touch(accounts: Accounts, clock: FakeClock) -> None:
    accounts.tokens.register("t", "anon-1", "")
    clock.advance(SESSION_TIMEOUT)
    accounts.tokens.touch(accounts.identities.ask("t", "anon"))
    accounts.tokens.register("t", "anon-1", "")
    assert accounts.identities.ask("t", "anon").standing == "ended"


@pytest.mark.parametrize("jump", [3600, -3600, 86400, -86400])
def test_a_token_lives_its_time_however_the_wall_clock_is_set(
    accounts: Accounts, ada: User, clock: FakeClock, jump: float
) -> None:
    sign_in(accounts, ada, "a", "before")
    clock.jump(jump)
    sign_in(accounts, ada, "b", "meanwhile")
    accounts.tokens.touch(accounts.identities.ask("before", "anon"))
    clock.advance(SESSION_TIMEOUT / 2)
    clock.jump(-jump)
    clock.advance(SESSION_TIMEOUT / 2 - 1)
    assert {token.token_hash for token in accounts.browsers.find(limit=9)} == {"before", "meanwhile"}
    clock.jump(jump)
    assert {token.token_hash for token in accounts.browsers.find(limit=9)} == {"before", "meanwhile"}


def test_a_browser_in_use_stays_however_the_wall_clock_is_set(accounts: Accounts, clock: FakeClock) -> None:
    accounts.tokens.register("t", "anon-1", "")
    for jump in (3600, -7200, 3600, 0):
        clock.jump(jump)
        for _ in range(120):
            clock.advance(59)
            state = accounts.identities.ask("t", "anon")
            assert state.standing == "good"
            accounts.tokens.touch(state)
    clock.advance(SESSION_TIMEOUT - 1)
    assert accounts.identities.ask("t", "anon").standing == "good"


def test_a_browser_seen_by_a_clock_far_ahead_ends_in_time_once_it_is_put_right(
    accounts: Accounts, clock: FakeClock
) -> None:
    clock.jump(10 * 365 * 86400)
    accounts.tokens.register("t", "anon-1", "")
    clock.jump(-10 * 365 * 86400)
    accounts.tokens.touch(accounts.identities.ask("t", "anon"))
    clock.advance(SESSION_TIMEOUT + 60)
    assert accounts.identities.ask("t", "anon").standing == "ended"


def test_an_ended_token_cannot_be_revived(accounts: Accounts, ada: User, clock: FakeClock) -> None:
    sign_in(accounts, ada)
    accounts.tokens.revoke("new")
    clock.advance(120)
    accounts.tokens.touch(accounts.identities.ask("new", "anon"))
    accounts.tokens.register("new", ada.session_id, "")
    assert accounts.identities.ask("new", "anon").standing == "ended"


def test_revoking_a_token_without_a_row_is_remembered(accounts: Accounts) -> None:
    accounts.tokens.revoke("unseen")
    accounts.tokens.register("unseen", "anon-1", "")
    assert accounts.identities.ask("unseen", "anon").standing == "ended"


def test_revoking_a_session_ends_every_browser_of_it_and_no_other(accounts: Accounts, ada: User) -> None:
    bob = accounts.users.create("bob", "Bob")
    sign_in(accounts, ada, "a", "laptop")
    sign_in(accounts, ada, "b", "phone")
    sign_in(accounts, bob, "c", "other")
    assert accounts.browsers.revoke_session(ada.session_id) == 2
    assert accounts.browsers.revoke_session(ada.session_id) == 0
    assert [token.token_hash for token in accounts.browsers.find(limit=9)] == ["other"]


# Rights that change


def test_a_changed_right_makes_tokens_stale_and_shows_at_once(accounts: Accounts, ada: User) -> None:
    sign_in(accounts, ada)
    accounts.users.set_roles(ada.user_id, [])
    state = accounts.identities.ask("new", "anon")
    assert state.standing == "stale"
    assert state.user.permissions == frozenset()  # type: ignore[union-attr]
    sign_in(accounts, ada, "new", "newer")
    assert accounts.identities.ask("newer", "anon").standing == "good"
    assert accounts.identities.ask("new", "anon").standing == "ended"


def test_a_changed_role_makes_the_tokens_of_its_holders_stale(accounts: Accounts, ada: User) -> None:
    bob = accounts.users.create("bob", "Bob", roles=["admin"])
    accounts.roles.save("member", ["orders.*", "home.*"])
    sign_in(accounts, ada, "a", "ada's")
    sign_in(accounts, bob, "b", "bob's")
    accounts.roles.save("member", ["home.*", "orders.*"], "Said otherwise, and in another order")
    assert accounts.identities.ask("ada's", "anon").standing == "good"
    accounts.roles.save("member", ["home.*"])
    assert accounts.identities.ask("ada's", "anon").standing == "stale"
    assert accounts.identities.ask("bob's", "anon").standing == "good"


def test_a_new_password_and_a_locked_account_end_every_sign_in(accounts: Accounts, ada: User) -> None:
    sign_in(accounts, ada, "a", "first")
    accounts.users.set_password(ada.user_id, "another long phrase")
    assert accounts.identities.ask("first", "anon").standing == "ended"
    sign_in(accounts, ada, "b", "second")
    accounts.users.set_active(ada.user_id, False)
    assert accounts.identities.ask("second", "anon").standing == "ended"
    accounts.users.set_active(ada.user_id, True)
    assert accounts.identities.ask("second", "anon").standing == "ended"


# Tickets


def test_a_ticket_works_once(accounts: Accounts, ada: User) -> None:
    ticket = accounts.tokens.issue_ticket("old", ada.user_id)
    redeemed = accounts.tokens.redeem(ticket, "old", "new", "")
    assert redeemed is not None
    assert redeemed.user is not None
    assert redeemed.user.user_id == ada.user_id
    assert accounts.tokens.redeem(ticket, "old", "another", "") is None
    assert accounts.tokens.redeem(ticket, "new", "another", "") is None
    assert not accounts.identities.ask("another", "anon").registered


def test_a_ticket_is_worthless_to_another_browser_and_survives_its_attempt(accounts: Accounts, ada: User) -> None:
    ticket = accounts.tokens.issue_ticket("old", ada.user_id)
    assert accounts.tokens.redeem(ticket, "thief", "stolen", "") is None
    assert accounts.tokens.redeem(ticket, "old", "new", "")


def test_a_ticket_lasts_a_minute(accounts: Accounts, ada: User, clock: FakeClock) -> None:
    ticket = accounts.tokens.issue_ticket("old", ada.user_id)
    clock.advance(60)
    assert accounts.tokens.redeem(ticket, "old", "new", "") is None


@pytest.mark.parametrize("ticket", ["", "x", "\udcff", "x" * 100_000])
def test_an_invented_ticket_is_refused(accounts: Accounts, ticket: str) -> None:
    assert accounts.tokens.redeem(ticket, "old", "new", "") is None


def test_a_ticket_of_somebody_locked_out_since_is_refused(accounts: Accounts, ada: User) -> None:
    ticket = accounts.tokens.issue_ticket("old", ada.user_id)
    accounts.users.set_active(ada.user_id, False)
    assert accounts.tokens.redeem(ticket, "old", "new", "") is None
    assert not accounts.identities.ask("new", "anon").registered


def test_the_token_before_sign_in_never_works_again(accounts: Accounts, ada: User) -> None:
    sign_in(accounts, ada)
    assert accounts.identities.ask("old", "anon").standing == "ended"


def test_signing_out_leaves_an_anonymous_browser_without_a_row(accounts: Accounts, ada: User) -> None:
    sign_in(accounts, ada)
    redeemed = accounts.tokens.redeem(accounts.tokens.issue_ticket("new", None), "new", "fresh", "")
    assert redeemed is not None
    assert (redeemed.user, redeemed.previous_user_id) == (None, ada.user_id)
    assert accounts.identities.ask("new", "anon").standing == "ended"
    assert not accounts.identities.ask("fresh", "anon").registered


def test_signing_in_is_noted(accounts: Accounts, ada: User, clock: FakeClock) -> None:
    assert ada.last_sign_in is None
    sign_in(accounts, ada)
    assert accounts.users.get(ada.user_id).last_sign_in == clock.now()  # type: ignore[union-attr]


def test_ended_tokens_are_forgotten_after_their_time(accounts: Accounts, ada: User, clock: FakeClock) -> None:
    sign_in(accounts, ada)
    clock.advance(3 * SESSION_TIMEOUT)
    accounts.tokens.register("young", "anon-1", "")
    assert accounts.tokens.forget_ended(timedelta(seconds=SESSION_TIMEOUT)) == 2
    assert accounts.identities.ask("young", "anon").registered


def test_of_two_tickets_for_one_token_one_is_used(accounts: Accounts, ada: User) -> None:
    first, second = accounts.tokens.issue_ticket("old", ada.user_id), accounts.tokens.issue_ticket("old", ada.user_id)
    assert accounts.tokens.redeem(first, "old", "new", "")
    assert accounts.tokens.redeem(second, "old", "another", "") is None
    assert not accounts.identities.ask("another", "anon").registered


@pytest.mark.parametrize("change", ["password", "roles"])
def test_a_ticket_of_before_a_change_of_rights_is_refused(accounts: Accounts, ada: User, change: str) -> None:
    ticket = accounts.tokens.issue_ticket("old", ada.user_id)
    if change == "password":
        accounts.users.set_password(ada.user_id, "another phrase of some length")
    else:
        accounts.users.set_roles(ada.user_id, ["admin"])
    assert accounts.tokens.redeem(ticket, "old", "new", "") is None
    assert not accounts.identities.ask("new", "anon").registered
    assert not accounts.identities.ask("old", "anon").registered, "nothing is changed"
