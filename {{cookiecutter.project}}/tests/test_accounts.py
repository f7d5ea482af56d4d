"""People, roles and passwords: the laws that hold on both databases."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.accounts import Accounts
from core.accounts.first_start import seed_administrator
from core.accounts.passwords import digest, hash_password, verify_password
from core.clock import FakeClock
from core.errors import AccountError
from core.storage.sql import SqlStore

PASSWORD = "a phrase of some length"


def test_a_person_is_found_again_with_everything_given(accounts: Accounts) -> None:
    created = accounts.create_user("Ada", "Ada L.", email="ada@example.org", password=PASSWORD, roles=["member"])
    assert accounts.find("ada") == accounts.user(created.user_id) == created
    assert (created.username, created.name, created.email) == ("ada", "Ada L.", "ada@example.org")
    assert created.roles == {"member"}
    assert created.permissions == {"home.*", "intake.*", "insights.*"}
    assert created.active
    assert not created.must_change_password


def test_capitals_and_spaces_around_make_no_other_person(accounts: Accounts) -> None:
    accounts.create_user("ada", "Ada")
    assert accounts.find("  ADA ") is not None
    with pytest.raises(AccountError, match="already a user called 'ada'"):
        accounts.create_user("Ada", "Another")


def test_each_person_has_a_session_of_their_own(accounts: Accounts) -> None:
    people = [accounts.create_user(name, name) for name in ("ada", "bob", "cy")]
    assert len({user.session_id for user in people}) == 3


def test_everybody_is_listed_with_their_roles(accounts: Accounts) -> None:
    accounts.create_user("bob", "Bob", roles=["admin", "member"])
    accounts.create_user("ada", "Ada")
    assert [(user.username, user.roles) for user in accounts.users()] == [("ada", set()), ("bob", {"admin", "member"})]
    assert accounts.count_users() == 2


def test_permissions_are_those_of_all_roles(accounts: Accounts) -> None:
    accounts.save_role("reader", ["orders.read"])
    accounts.save_role("writer", ["orders.read", "orders.write"])
    user = accounts.create_user("ada", "Ada", roles=["reader", "writer"])
    assert user.permissions == {"orders.read", "orders.write"}


def test_a_role_that_is_changed_counts_at_once(accounts: Accounts) -> None:
    accounts.save_role("reader", ["orders.read"])
    user = accounts.create_user("ada", "Ada", roles=["reader"])
    accounts.save_role("reader", ["stock.read"], "Reads the stock")
    assert accounts.user(user.user_id).permissions == {"stock.read"}  # type: ignore[union-attr]
    accounts.delete_role("reader")
    assert accounts.user(user.user_id).roles == set()  # type: ignore[union-attr]
    assert [role.role for role in accounts.roles()] == ["admin", "member"]


@pytest.mark.parametrize("name", ["", "Admin", "a b", "-x", "x" * 64])
def test_a_role_needs_a_plain_name(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountError, match="no role name"):
        accounts.save_role(name, [])


@pytest.mark.parametrize("permission", ["", "orders.", ".read", "orders..read", "Orders.read", "a b", "or*.read"])
def test_a_permission_that_could_never_match_is_refused(accounts: Accounts, permission: str) -> None:
    with pytest.raises(AccountError, match="no permission"):
        accounts.save_role("reader", [permission])


def test_an_unknown_role_is_refused_and_nothing_is_created(accounts: Accounts) -> None:
    with pytest.raises(AccountError, match=r"no role 'boss'. There are: admin, member"):
        accounts.create_user("ada", "Ada", roles=["boss"])
    assert accounts.find("ada") is None


def test_changing_somebody_who_is_gone_is_an_error(accounts: Accounts) -> None:
    for change in (
        lambda: accounts.set_roles("nobody", []),
        lambda: accounts.set_active("nobody", False),
        lambda: accounts.set_password("nobody", PASSWORD),
    ):
        with pytest.raises(AccountError, match="no longer exists"):
            change()


def test_the_stored_hash_fits_the_password_and_no_other(accounts: Accounts) -> None:
    accounts.create_user("ada", "Ada", password=PASSWORD)
    stored = accounts.password_hash("ADA")
    assert verify_password(PASSWORD, stored)
    assert not verify_password(PASSWORD + " ", stored)
    assert PASSWORD not in stored


def test_nobody_signs_in_as_somebody_unknown_locked_or_without_password(accounts: Accounts) -> None:
    locked = accounts.create_user("locked", "Locked", password=PASSWORD)
    accounts.create_user("provided", "From a provider")
    accounts.set_active(locked.user_id, False)
    for name in ("unknown", "locked", "provided"):
        assert not verify_password(PASSWORD, accounts.password_hash(name))


def test_checking_an_unknown_name_takes_the_same_work_as_a_known_one(accounts: Accounts) -> None:
    accounts.create_user("ada", "Ada", password=PASSWORD)
    assert accounts.password_hash("unknown")[:7] == accounts.password_hash("ada")[:7]


def test_passwords_beyond_72_bytes_differ_in_every_character() -> None:
    first, second = "x" * 100 + "a", "x" * 100 + "b"
    assert verify_password(first, hash_password(first, rounds=4))
    assert not verify_password(second, hash_password(first, rounds=4))


@pytest.mark.parametrize(("password", "words"), [("short", "at least 12"), ("x" * 129, "at most 128")])
def test_unfit_passwords_are_refused_with_the_reason(accounts: Accounts, password: str, words: str) -> None:
    with pytest.raises(AccountError, match=words):
        accounts.create_user("ada", "Ada", password=password)
    assert accounts.find("ada") is None


@given(st.text(max_size=128))
@settings(max_examples=50, deadline=None)
def test_any_text_has_a_digest_bcrypt_reads_whole(password: str) -> None:
    assert len(digest(password).encode()) <= 72
    assert digest(password).strip() == digest(password)


def test_the_same_word_typed_on_another_keyboard_is_the_same_password() -> None:
    composed, decomposed = "schl\u00fcssel-satz", "schlu\u0308ssel-satz"
    assert digest(composed) == digest(decomposed)


def test_an_empty_project_receives_roles_and_one_administrator(accounts: Accounts, clock: FakeClock) -> None:
    created = seed_administrator(accounts, PASSWORD)
    assert created is not None
    assert (created.username, created.permissions, created.must_change_password) == ("admin", {"*"}, True)
    accounts.save_role("member", ["home.*"])
    assert seed_administrator(accounts, PASSWORD) is None
    assert accounts.count_users() == 1
    assert {role.role: role.permissions for role in accounts.roles()}["member"] == ("home.*",)


def test_a_person_whose_session_was_purged_gets_another(accounts: Accounts, clock: FakeClock) -> None:
    user = accounts.create_user("ada", "Ada")
    assert accounts.ensure_session(user) == user
    SqlStore(accounts._database, session_timeout=1, retention=1, clock=clock).purge(user.session_id)
    renewed = accounts.ensure_session(user)
    assert renewed.session_id != user.session_id
    assert accounts.user(user.user_id) == renewed
