"""How many passwords are checked before any is hashed: the laws hold on both databases, and over processes."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from core.accounts import Accounts, Actor, User
from core.accounts.throttle import KNOWN_FOR, PER_ACCOUNT, PER_ADDRESS, WINDOW, network
from core.auth.password_check import check_password
from core.clock import FakeClock, SystemClock
from core.errors import ThrottledError
from core.storage.database import open_database
from core.storage.models import Base
from tests.engine.guessing import SECRET

PASSWORD = "a phrase of some length"
MALLORY = Actor(address="198.51.100.7", device="Firefox on Linux")
HOME = Actor(address="192.0.2.1", device="Chrome on Linux")
GUESSES = int(os.environ.get("KEEP_TEST_GUESSES", "600"))
"""10,000 take a minute; the law is the same."""


@pytest.fixture
def ada(accounts: Accounts) -> User:
    return accounts.users.create("ada", "Ada", password=PASSWORD)


def sign_in(accounts: Accounts, user: User | None, token: str, new: str) -> None:
    """What a browser does once a password was right, or to sign out: it exchanges its token."""
    ticket = accounts.tokens.issue_ticket(token, user.user_id if user else None)
    assert accounts.tokens.redeem(ticket, token, new, "Chrome on Linux") is not None


def tries(accounts: Accounts, name: str, *, by: Actor = MALLORY, token_hash: str | None = None, most: int = 300) -> int:
    """How many wrong passwords are let through before the next is refused."""
    for number in range(most):
        try:
            accounts.throttle.begin(name, token_hash=token_hash, by=by)
        except ThrottledError:
            return number
    return most


@pytest.mark.parametrize("name", ["ada", "nobody", "", "a\0b", "\ud800", "x" * 100_000])
def test_ten_passwords_are_checked_for_any_name_known_or_not(accounts: Accounts, ada: User, name: str) -> None:
    assert tries(accounts, name) == PER_ACCOUNT
    assert tries(accounts, f" {name.upper()} ") == 0
    assert tries(accounts, "somebody else", most=1) == 1


def test_each_place_is_free_again_fifteen_minutes_after_it_was_taken(accounts: Accounts, clock: FakeClock) -> None:
    for _ in range(PER_ACCOUNT):
        accounts.throttle.begin("ada", token_hash=None, by=MALLORY)
        clock.advance(60)
    with pytest.raises(ThrottledError) as refused:
        accounts.throttle.begin("ada", token_hash=None, by=MALLORY)
    assert refused.value.seconds == WINDOW.total_seconds() - 60 * PER_ACCOUNT
    clock.advance(refused.value.seconds - 1)
    assert tries(accounts, "ada") == 0
    clock.advance(1)
    assert tries(accounts, "ada") == 1, "one at a time, and not all at once"


@pytest.mark.parametrize("before", [0, 3, PER_ACCOUNT])
@pytest.mark.parametrize("minutes", [16, -16, 60, -60, 60 * 24 * 365])
def test_a_clock_that_is_set_gives_nobody_more(accounts: Accounts, clock: FakeClock, minutes: int, before: int) -> None:
    assert tries(accounts, "ada", most=before) == before
    clock.jump(60 * minutes)
    assert tries(accounts, "ada") == PER_ACCOUNT - before
    clock.jump(-60 * minutes)
    assert tries(accounts, "ada") == 0
    clock.advance(WINDOW.total_seconds())
    assert tries(accounts, "ada") == PER_ACCOUNT, "and it keeps nobody out longer"


def test_one_address_may_try_a_hundred_names_and_no_more(accounts: Accounts) -> None:
    for number in range(PER_ADDRESS):
        accounts.throttle.begin(f"name {number}", token_hash=None, by=MALLORY)
    with pytest.raises(ThrottledError):
        accounts.throttle.begin("ada", token_hash=None, by=MALLORY)
    assert tries(accounts, "ada", by=HOME) == PER_ACCOUNT, "what was refused used nothing of the account's"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2:3::4", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("no address", "no address", True),
    ],
)
def test_who_has_a_whole_network_of_addresses_has_one_allowance(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same


def test_a_right_password_gives_back_what_it_used(accounts: Accounts, ada: User) -> None:
    for _ in range(PER_ADDRESS + 1):
        accounts.throttle.right(accounts.throttle.begin("ada", token_hash=None, by=MALLORY))
    assert tries(accounts, "ada") == PER_ACCOUNT


def test_the_owner_gets_in_where_they_were_before_whoever_guesses(accounts: Accounts, ada: User) -> None:
    sign_in(accounts, ada, "fresh", "signed in")
    sign_in(accounts, None, "signed in", "signed out")
    assert tries(accounts, "ada", by=HOME) == PER_ACCOUNT
    for number in range(PER_ADDRESS):
        tries(accounts, f"name {number}", by=HOME, most=1)
    for token in (None, "fresh", "signed in", "of somebody else"):
        assert tries(accounts, "ada", by=HOME, token_hash=token) == 0
    found = check_password(accounts, "ada", PASSWORD, token_hash="signed out", by=HOME)
    assert found is not None
    assert found.user_id == ada.user_id
    assert tries(accounts, "ada", by=HOME, token_hash="signed out") == PER_ACCOUNT, (
        "the device has its own, and no more"
    )


def test_a_device_is_known_for_whoever_signed_in_there_and_for_nobody_else(accounts: Accounts, ada: User) -> None:
    bob = accounts.users.create("bob", "Bob", password=PASSWORD)
    sign_in(accounts, ada, "fresh", "ada's")
    sign_in(accounts, None, "ada's", "between")
    sign_in(accounts, bob, "between", "bob's")
    for name in ("ada", "bob"):
        assert tries(accounts, name, by=HOME) == PER_ACCOUNT
        assert tries(accounts, name, by=HOME, token_hash="bob's") == PER_ACCOUNT
    accounts.users.create("cy", "Cy", password=PASSWORD)
    assert tries(accounts, "cy") == PER_ACCOUNT
    assert tries(accounts, "cy", token_hash="bob's") == 0


def test_nothing_that_was_typed_is_in_the_table(accounts: Accounts, ada: User) -> None:
    assert tries(accounts, "my password by mistake") == PER_ACCOUNT
    with accounts.users._database.connect() as connection:
        rows = connection.execute(text("SELECT * FROM attempts")).all()
    assert len(rows) == 2
    assert "mistake" not in str(rows)
    assert MALLORY.address not in str(rows)


def test_an_attack_writes_one_line_and_not_each(accounts: Accounts, ada: User) -> None:
    assert check_password(accounts, "ada", "a wrong phrase", token_hash=None, by=MALLORY) is None
    assert tries(accounts, "ada") == PER_ACCOUNT - 1
    for _ in range(50):
        assert tries(accounts, "ada") == 0
    lines = [(line.event, line.detail[:7]) for line in accounts.audit.find() if line.event.startswith("sign_in")]
    assert lines == [("sign_in.throttled", ""), ("sign_in.refused", "")]
    assert {line.subject for line in accounts.audit.find(events=["sign_in.throttled"])} == {f"person:{ada.user_id}"}


def test_what_counts_no_more_is_forgotten_and_nothing_else(accounts: Accounts, ada: User, clock: FakeClock) -> None:
    sign_in(accounts, ada, "fresh", "known")
    assert tries(accounts, "nobody") == PER_ACCOUNT
    clock.advance(WINDOW.total_seconds() - 1)
    accounts.throttle.begin("ada", token_hash=None, by=HOME)
    assert accounts.throttle.forget_attempts() == 0
    clock.advance(1)
    assert (accounts.throttle.forget_attempts(), accounts.throttle.forget_devices()) == (2, 0)
    assert tries(accounts, "ada", by=HOME) == PER_ACCOUNT - 1
    clock.advance(KNOWN_FOR.total_seconds())
    assert accounts.throttle.forget_devices() == 1


def test_guesses_of_two_processes_at_once_hash_ten_passwords_and_the_owner_still_gets_in(
    tmp_path: Path, postgres_url: str
) -> None:
    urls = [f"sqlite:///{tmp_path / 'sessions.db'}", postgres_url]
    at_home, everybody = secrets.token_hex(32), []
    for url in urls:
        database = open_database(url)
        Base.metadata.create_all(database)
        accounts = Accounts(database, SystemClock(), session_timeout=3600, password_rounds=4, secret=SECRET)
        sign_in(accounts, accounts.users.create("ada", "Ada", password=PASSWORD), "fresh", at_home)
        everybody.append(accounts)
    command = [sys.executable, "-m", "tests.engine.guessing", str(GUESSES // 2), "16", *urls]
    with ExitStack() as stack:
        pair = [stack.enter_context(_process(command)) for _ in range(2)]
        for accounts in everybody:
            for process in pair:
                assert _line(process) == "ready"
            for process in pair:
                _go(process)
            results = [json.loads(_line(process)) for process in pair]
            print(results)
            assert sum(result["hashed"] for result in results) == PER_ACCOUNT
            assert sum(result["wrong"] for result in results) == PER_ACCOUNT
            assert sum(result["throttled"] for result in results) == GUESSES - PER_ACCOUNT
            assert check_password(accounts, "ada", PASSWORD, token_hash=at_home, by=HOME) is not None
            with pytest.raises(ThrottledError):
                check_password(accounts, "ada", PASSWORD, token_hash=None, by=HOME)
            accounts.users._database.dispose()


def _process(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
