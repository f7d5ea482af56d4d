"""Roles are given and taken one at a time."""

from __future__ import annotations

import threading

import pytest

from core.accounts import Accounts, Actor
from core.errors import AccountError


def test_a_role_is_given_and_taken_and_both_are_told(accounts: Accounts) -> None:
    ada = accounts.users.create("ada", "Ada", roles=["member"])
    accounts.roles.save("desk", ["orders.*"])
    boss = Actor(user_id=accounts.users.create("boss", "Boss", roles=["admin"]).user_id, address="192.0.2.7")
    before = len(accounts.audit.find())
    accounts.users.set_roles(ada.user_id, ["desk"], seen=[], by=boss)
    accounts.users.set_roles(ada.user_id, ["desk"], seen=[], by=boss)
    assert accounts.users.get(ada.user_id).roles == {"member", "desk"}  # type: ignore[union-attr]
    accounts.users.set_roles(ada.user_id, [], seen=["desk"], by=boss)
    accounts.users.set_roles(ada.user_id, [], seen=["desk"], by=boss)
    assert {role.role: role.holders for role in accounts.roles.all() if role.holders} == {"admin": 1, "member": 1}
    told = accounts.audit.find(limit=len(accounts.audit.find()) - before)
    assert [(line.detail, line.actor_id, line.subject) for line in told] == [
        ("roles: member", boss.user_id, f"person:{ada.user_id}"),
        ("roles: desk, member", boss.user_id, f"person:{ada.user_id}"),
    ]


def test_what_is_not_there_can_not_be_given(accounts: Accounts) -> None:
    ada = accounts.users.create("ada", "Ada")
    with pytest.raises(AccountError, match="no role 'desk'"):
        accounts.users.set_roles(ada.user_id, ["desk"], seen=[])
    with pytest.raises(AccountError):
        accounts.users.set_roles("nobody", ["member"], seen=[])


def test_the_last_administrator_keeps_the_role(accounts: Accounts) -> None:
    ada = accounts.users.create("ada", "Ada", roles=["admin"])
    with pytest.raises(AccountError, match="Nobody could administer"):
        accounts.users.set_roles(ada.user_id, [], seen=["admin"])
    assert {role.role: role.holders for role in accounts.roles.all() if role.holders} == {"admin": 1}


def test_two_who_give_a_person_a_role_each_at_once_give_both(accounts: Accounts) -> None:
    ada = accounts.users.create("ada", "Ada")
    together = threading.Barrier(2)

    def give(role: str) -> None:
        together.wait()
        accounts.users.set_roles(ada.user_id, [role], seen=[])

    both = [threading.Thread(target=give, args=(role,)) for role in ("admin", "member")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert accounts.users.get(ada.user_id).roles == {"admin", "member"}  # type: ignore[union-attr]
