"""Somebody can always administer: the last who can is neither locked out nor loses what it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from core.accounts import Accounts, Actor, User
from core.errors import AccountError

Take = Callable[[Accounts, User], object]
TAKING: dict[str, Take] = {
    "locked out": lambda accounts, ada: accounts.users.set_active(ada.user_id, False),
    "without the role": lambda accounts, ada: accounts.users.set_roles(ada.user_id, ["member"]),
    "a smaller role": lambda accounts, _: accounts.roles.save("admin", ["admin.people"]),
    "no such role": lambda accounts, _: accounts.roles.delete("admin"),
}


def administrators(accounts: Accounts) -> list[str]:
    return [user.username for user in accounts.users.all() if user.active and user.permissions >= {"*"}]


@pytest.fixture
def ada(accounts: Accounts) -> User:
    return accounts.users.create("ada", "Ada", roles=["admin"])


@pytest.mark.parametrize("take", TAKING.values(), ids=TAKING)
def test_the_last_administrator_stays_one(accounts: Accounts, ada: User, take: Take) -> None:
    lines = len(accounts.audit.find())
    with pytest.raises(AccountError, match="Nobody could administer"):
        take(accounts, ada)
    assert administrators(accounts) == ["ada"]
    assert len(accounts.audit.find()) == lines


@pytest.mark.parametrize("take", TAKING.values(), ids=TAKING)
def test_where_another_can_administer_it_is_done(accounts: Accounts, ada: User, take: Take) -> None:
    accounts.roles.save("half", ["admin.people"])
    accounts.roles.save("other-half", ["*.roles"])
    accounts.users.create("bob", "Bob", roles=["half", "other-half"])
    take(accounts, ada)
    assert administrators(accounts) == []


def test_somebody_who_is_locked_out_or_has_half_of_it_does_not_count(accounts: Accounts, ada: User) -> None:
    bob = accounts.users.create("bob", "Bob", roles=["admin"])
    accounts.users.set_active(bob.user_id, False)
    accounts.roles.save("half", ["admin.people"])
    accounts.users.create("cy", "Cy", roles=["half"])
    with pytest.raises(AccountError, match="Nobody could administer"):
        accounts.users.set_active(ada.user_id, False)


def test_a_project_without_an_administrator_can_go_on(accounts: Accounts) -> None:
    bob = accounts.users.create("bob", "Bob", roles=["member"])
    accounts.users.set_roles(bob.user_id, [])
    accounts.users.set_active(bob.user_id, False)
    accounts.roles.delete("admin")


def test_the_last_administrator_signs_in_though_the_provider_took_the_role(accounts: Accounts, ada: User) -> None:
    arrived = accounts.oidc.provision("ada", name="Ada", email=None, managed=["admin"], by=Actor())
    assert arrived.roles == {"admin"}


def test_of_two_who_lock_each_other_out_at_once_one_stays(accounts: Accounts, ada: User) -> None:
    bob = accounts.users.create("bob", "Bob", roles=["admin"])
    for _ in range(5):
        together, refused = threading.Barrier(2), []

        def lock_out(other: User, together: threading.Barrier = together, refused: list[str] = refused) -> None:
            together.wait()
            try:
                accounts.users.set_active(other.user_id, False)
            except AccountError:
                refused.append(other.username)

        both = [threading.Thread(target=lock_out, args=(other,)) for other in (ada, bob)]
        for each in both:
            each.start()
        for each in both:
            each.join()
        assert refused == administrators(accounts)
        assert len(refused) == 1
        for each_other in (ada, bob):
            accounts.users.set_active(each_other.user_id, True)
