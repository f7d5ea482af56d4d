"""Links for a new password: good once, for a day, for one person, and as long as whoever made one may do so."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.accounts import Accounts, Actor, User
from core.accounts.password_resets import LIFETIME
from core.accounts.passwords import verify_password
from core.accounts.throttle import PER_ACCOUNT, WINDOW
from core.clock import FakeClock
from core.errors import AccountError, InvalidLinkError, ThrottledError
from core.signing import signed

PASSWORD, ANOTHER = "a phrase of some length", "another phrase of some length"
HOME, MALLORY = Actor(address="192.0.2.7", device="Firefox"), Actor(address="198.51.100.7")


@pytest.fixture
def ada(accounts: Accounts) -> User:
    """May look after people, and has what members have."""
    accounts.roles.save("desk", ["admin.people", "home.*"])
    accounts.users.create("root", "Root", roles=["admin"])  # somebody has to stay one
    return accounts.users.create("ada", "Ada", roles=["desk"])


@pytest.fixture
def bob(accounts: Accounts) -> User:
    return accounts.users.create("bob", "Bob", password=PASSWORD, roles=["member"], must_change_password=True)


def fits(accounts: Accounts, username: str, password: str) -> bool:
    attempt = accounts.throttle.begin(username, token_hash=None, by=HOME)
    accounts.throttle.right(attempt)
    return verify_password(password, attempt.password_hash)


def sign_in(accounts: Accounts, user: User, token: str) -> None:
    ticket = accounts.tokens.issue_ticket(f"before {token}", user.user_id)
    assert accounts.tokens.redeem(ticket, f"before {token}", token, "Firefox")


def test_a_link_changes_the_password_once_and_ends_every_sign_in(accounts: Accounts, ada: User, bob: User) -> None:
    secret = accounts.resets.make(bob.user_id, by=Actor(user_id=ada.user_id))
    for user, token in ((bob, "bob's"), (bob, "bob's other"), (ada, "ada's")):
        sign_in(accounts, user, token)
    under_way = accounts.tokens.issue_ticket("a browser", bob.user_id)
    assert accounts.resets.find(secret, by=HOME).user_id == bob.user_id
    assert not fits(accounts, "bob", ANOTHER)
    accounts.resets.use(secret, ANOTHER, by=HOME)
    assert fits(accounts, "bob", ANOTHER)
    changed = accounts.users.get(bob.user_id)
    assert changed is not None
    assert not changed.must_change_password
    standings = [accounts.identities.ask(token, "anon").standing for token in ("bob's", "bob's other", "ada's")]
    assert standings == ["ended", "ended", "good"]
    assert accounts.tokens.redeem(under_way, "a browser", "a new token", "") is None
    with pytest.raises(InvalidLinkError):
        accounts.resets.use(secret, "yet another phrase of words", by=HOME)
    assert fits(accounts, "bob", ANOTHER)
    refused, used, *_, made = accounts.audit.find(limit=6)[:1] + accounts.audit.find(
        events=["password.reset", "password.link"]
    )
    assert (refused.event, refused.address) == ("sign_in.refused", HOME.address)
    assert (used.event, used.actor_id, used.address) == ("password.reset", bob.user_id, HOME.address)
    assert (made.event, made.actor_id) == ("password.link", ada.user_id)
    assert used.subject == made.subject == f"person:{bob.user_id}"
    assert used.detail == made.detail


def test_of_two_who_use_a_link_at_once_one_is_refused(accounts: Accounts, bob: User) -> None:
    secret = accounts.resets.make(bob.user_id)

    def use(number: int) -> int | None:
        try:
            accounts.resets.use(secret, f"{ANOTHER} {number}", by=HOME)
        except InvalidLinkError:
            return None
        return number

    with ThreadPoolExecutor(4) as pool:
        (used,) = [number for number in pool.map(use, range(4)) if number is not None]
    assert fits(accounts, "bob", f"{ANOTHER} {used}")
    assert len(accounts.audit.find(events=["password.reset"])) == 1


def test_a_link_is_good_for_a_day(accounts: Accounts, bob: User, clock: FakeClock) -> None:
    secret = accounts.resets.make(bob.user_id)
    clock.advance(LIFETIME.total_seconds() - 60)
    assert accounts.resets.find(secret, by=HOME) == bob
    clock.advance(120)
    with pytest.raises(InvalidLinkError):
        accounts.resets.use(secret, ANOTHER, by=HOME)
    assert fits(accounts, "bob", PASSWORD)


Change = Callable[[Accounts, User, User], object]
ENDS: dict[str, Change] = {
    "the password was changed": lambda a, ada, bob: a.users.set_password(bob.user_id, "a phrase of his own"),
    "the person is locked out": lambda a, ada, bob: a.users.set_active(bob.user_id, False),
    "they were, and are admitted again": lambda a, ada, bob: [
        a.users.set_active(bob.user_id, active) for active in (False, True)
    ],
    "their rights changed": lambda a, ada, bob: a.users.set_roles(bob.user_id, []),
    "whoever made it is locked out": lambda a, ada, bob: a.users.set_active(ada.user_id, False),
    "they may not do so any more": lambda a, ada, bob: a.users.set_roles(ada.user_id, ["member"]),
    "they have less than the person": lambda a, ada, bob: a.roles.save("desk", ["admin.people"]),
}


def test_a_link_counts_no_longer_once_something_changed(accounts: Accounts, ada: User) -> None:
    for number, (what, ends) in enumerate(ENDS.items()):
        accounts.roles.save("desk", ["admin.people", "home.*"])
        maker = accounts.users.create(f"maker {number}", "Cy", roles=["desk"])
        person = accounts.users.create(f"person {number}", "Di", password=PASSWORD, roles=["member"])
        secret = accounts.resets.make(person.user_id, by=Actor(user_id=maker.user_id))
        assert accounts.resets.find(secret, by=HOME) == person
        ends(accounts, maker, person)
        with pytest.raises(InvalidLinkError):
            accounts.resets.use(secret, ANOTHER, by=HOME)
        assert not fits(accounts, person.username, ANOTHER), what
    assert accounts.audit.find(events=["password.reset"]) == []


def test_what_was_changed_at_a_link_makes_it_good_for_nothing(accounts: Accounts, ada: User, bob: User) -> None:
    secret = accounts.resets.make(bob.user_id, by=Actor(user_id=ada.user_id))
    payload, signature = secret.split(".")
    user_id, made_by, epoch, ends = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    (another,) = [user for user in accounts.users.all() if user.username == "root"]
    changed = (
        [another.user_id, made_by, epoch, ends],
        [user_id, None, epoch, ends],
        [user_id, made_by, epoch, ends + 1],
    )
    for forged in (
        *(f"{signed(content, 'another secret', 'reset').split('.')[0]}.{signature}" for content in changed),
        *(signed(content, "another secret", "reset") for content in changed),
        secret[:-1],
        accounts.tokens.issue_ticket("a browser", bob.user_id),
        "." + signature,
        "\ud800",
        "",
    ):
        with pytest.raises(InvalidLinkError):
            accounts.resets.find(forged, by=HOME)
    assert accounts.tokens.redeem(secret, "a browser", "a new token", "") is None
    assert accounts.resets.find(secret, by=HOME) == bob


def test_an_unfit_password_uses_nothing_up(accounts: Accounts, bob: User) -> None:
    secret = accounts.resets.make(bob.user_id)
    for unfit in ("short", "password1234", "bob"):
        with pytest.raises(AccountError, match="words"):
            accounts.resets.use(secret, unfit, by=HOME)
    accounts.resets.use(secret, ANOTHER, by=HOME)
    assert fits(accounts, "bob", ANOTHER)


def test_there_is_no_link_for_who_may_not_sign_in(accounts: Accounts, bob: User) -> None:
    accounts.users.set_active(bob.user_id, False)
    for user_id in (bob.user_id, "nobody"):
        with pytest.raises(AccountError, match="Unlock the account first"):
            accounts.resets.make(user_id)


def test_links_are_guessed_no_more_often_than_passwords(
    accounts: Accounts, bob: User, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.accounts.throttle.PER_ADDRESS", PER_ACCOUNT + 2)  # 100 take long
    secret = accounts.resets.make(bob.user_id)
    for _ in range(PER_ACCOUNT + 3):  # looking at a good one takes nobody's place
        assert accounts.resets.find(secret, by=HOME) == bob
    for _ in range(PER_ACCOUNT):
        with pytest.raises(InvalidLinkError):
            accounts.resets.find("the same", by=MALLORY)
    with pytest.raises(ThrottledError):
        accounts.resets.find("the same", by=HOME)
    for number in range(2):
        with pytest.raises(InvalidLinkError):
            accounts.resets.find(f"guess {number}", by=MALLORY)
    for guess in ("one more", secret):
        with pytest.raises(ThrottledError):
            accounts.resets.find(guess, by=MALLORY)
    assert accounts.resets.find(secret, by=HOME) == bob, "only who guesses waits"
    clock.advance(WINDOW.total_seconds())
    assert accounts.resets.find(secret, by=MALLORY) == bob
