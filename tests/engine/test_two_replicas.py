"""What two replicas on one PostgreSQL agree on: each has services of its own, and only the database between them.

Cleaning up, leases and a flood of passwords from processes at once are in the tests of each.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from core.accounts.throttle import PER_ACCOUNT, PER_ADDRESS, WINDOW
from core.clock import FakeClock
from core.errors import NotAllowedError, SignedOutError, ThrottledError
from core.services import Services, build_services
from core.settings import Settings
from core.storage.migrate import upgrade
from core.web.session_revocation import INTERVAL_SECONDS
from tests.engine.test_session_revocation import Hall
from tests.engine.test_throttle import HOME, MALLORY, tries

TOKEN, GONE_SECONDS = "a" * 64, 5.0
AHEAD_SECONDS = 600.0


@pytest.fixture
def clocks() -> tuple[FakeClock, FakeClock]:
    """One for each replica; the second one is ten minutes ahead."""
    ahead = FakeClock()
    ahead.advance(AHEAD_SECONDS)
    return FakeClock(), ahead


@pytest.fixture
def replicas(
    make_settings: Callable[..., Settings], postgres_url: str, clocks: tuple[FakeClock, FakeClock]
) -> Iterator[tuple[Services, Services]]:
    settings = make_settings(database_url=postgres_url, durability="database", secret_key=secrets.token_hex(32))
    one, other = (build_services(settings, clock) for clock in clocks)
    with closing(one), closing(other):
        upgrade(one.database)
        yield one, other


def test_passwords_are_counted_at_both(
    replicas: tuple[Services, Services], clocks: tuple[FakeClock, FakeClock]
) -> None:
    one, other = (services.accounts for services in replicas)
    for number in range(PER_ACCOUNT):
        (one, other)[number % 2].throttle.begin("ada", token_hash=None, by=MALLORY)
    for accounts in (one, other):
        with pytest.raises(ThrottledError):
            accounts.throttle.begin("ada", token_hash=None, by=HOME)
    for number in range(PER_ADDRESS - PER_ACCOUNT):
        (one, other)[number % 2].throttle.begin(f"person {number}", token_hash=None, by=MALLORY)
    assert [tries(accounts, "somebody else") for accounts in (one, other)] == [0, 0]
    for clock in clocks:
        clock.advance(WINDOW.total_seconds())
    assert tries(one, "ada") + tries(other, "ada") == PER_ACCOUNT


def test_a_right_password_at_one_gives_back_what_it_used_at_the_other(replicas: tuple[Services, Services]) -> None:
    one, other = (services.accounts for services in replicas)
    for accounts in (one, other) * PER_ACCOUNT:
        accounts.throttle.right(accounts.throttle.begin("ada", token_hash=None, by=HOME))
    assert tries(other, "ada", by=HOME) == PER_ACCOUNT


@pytest.mark.parametrize("change", ["signed out", "locked", "fewer rights"])
def test_what_one_takes_is_gone_at_the_other(replicas: tuple[Services, Services], change: str) -> None:
    """At the next message at once; from a page that nobody touches within the time of two checks."""
    one, other = (services.accounts for services in replicas)
    one.roles.save("clerk", ["orders.read"])
    user = one.users.create("ada", "Ada", roles=["clerk"])
    assert one.tokens.redeem(one.tokens.issue_ticket("before", user.user_id), "before", TOKEN, "a browser")
    identity, hall = other.identities.resolve(TOKEN, "anon"), Hall(TOKEN)
    other.identities.check(identity, identity.session_id, ["orders.read"])
    assert hall.look(other) == []
    match change:
        case "signed out":
            one.tokens.revoke(TOKEN)
        case "locked":
            one.users.set_active(user.user_id, False)
        case "fewer rights":
            one.roles.save("clerk", [])
    with pytest.raises(NotAllowedError if change == "fewer rights" else SignedOutError):
        other.identities.check(identity, identity.session_id, ["orders.read"])
    page = f"page of {TOKEN}"
    assert [hall.look(other) for _ in range(2)] == [[("run", page)], [("end", page), ("cut", page)]]
    assert 2 * INTERVAL_SECONDS < GONE_SECONDS, "the documented time"


def test_what_one_invalidates_is_out_of_date_at_the_other_whichever_clock_is_ahead(
    replicas: tuple[Services, Services],
) -> None:
    orders, others = {"orders:monthly"}, {"people:all"}
    versions = [services.versions for services in replicas]

    def seen() -> list[tuple[str, str]]:
        for each in versions:
            each.refresh(orders | others)
        return [(each.version_of(orders), each.version_of(others)) for each in versions]

    before = seen()
    for teller in (0, 1, 0, 1):
        for pattern in ("orders:monthly", "orders:*"):
            versions[teller].invalidate(pattern)
            now = seen()
            assert all(new[0] != old[0] for new, old in zip(now, before, strict=True)), (teller, pattern)
            assert all(new[1] == old[1] for new, old in zip(now, before, strict=True))
            before = now
    assert seen() == before
