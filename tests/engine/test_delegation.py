"""Nobody gives or takes what they don't have themselves, so that half of administration is not all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.accounts import Accounts, Actor, User
from core.errors import AccountError
from core.wildcards import lacking, matches

PASSWORD = "a phrase of some length"
Deed = Callable[[Accounts, Actor, dict[str, str]], object]
"""Done by somebody; the people there are come by their usernames, as ids."""
BEYOND: dict[str, Deed] = {
    "gives themselves": lambda a, by, who: a.users.set_roles(who["hal"], ["admin"], seen=[], by=by),
    "sets their own": lambda a, by, who: a.users.set_roles(who["hal"], ["half", "admin"], by=by),
    "takes": lambda a, by, who: a.users.set_roles(who["root"], [], seen=["admin"], by=by),
    "invites": lambda a, by, who: a.invitations.invite("A friend", ["admin"], by=by),
    "adds somebody": lambda a, by, who: a.users.create("friend", "A friend", roles=["admin"], by=by),
    "makes a password": lambda a, by, who: a.users.set_password(who["root"], PASSWORD, by=by),
    "makes a reset link": lambda a, by, who: a.resets.make(who["root"], by=by),
    "locks out": lambda a, by, who: a.users.set_active(who["root"], False, by=by),
    "renames": lambda a, by, who: a.users.describe(who["root"], name="Nobody", email=None, by=by),
    "writes into their own role": lambda a, by, who: a.roles.save("half", ["admin.people", "admin.roles", "*"], by=by),
    "writes a part of it": lambda a, by, who: a.roles.save("half", ["admin.*"], by=by),
    "makes a role": lambda a, by, who: a.roles.save("mine", ["orders.use"], by=by),
    "empties a role": lambda a, by, who: a.roles.save("member", [], by=by),
    "deletes a role": lambda a, by, who: a.roles.delete("member", by=by),
}
WITHIN: dict[str, Deed] = {
    "gives": lambda a, by, who: a.users.set_roles(who["ann"], ["half"], seen=[], by=by),
    "invites": lambda a, by, who: a.invitations.invite("A friend", ["half"], by=by),
    "makes a password": lambda a, by, who: a.users.set_password(who["ann"], PASSWORD, by=by),
    "makes a reset link": lambda a, by, who: a.resets.make(who["ann"], by=by),
    "their own password": lambda a, by, who: a.users.set_password(who["hal"], PASSWORD, by=by),
    "locks out": lambda a, by, who: a.users.set_active(who["ann"], False, by=by),
    "renames": lambda a, by, who: a.users.describe(who["ann"], name="Ann B.", email=None, by=by),
    "makes a role": lambda a, by, who: a.roles.save("inviter", ["admin.people"], by=by),
    "describes a role": lambda a, by, who: a.roles.save("admin", ["*"], "May do everything", by=by),
}


@pytest.fixture
def who(accounts: Accounts) -> dict[str, str]:
    """Root may do everything, Hal gives roles and writes them, and may nothing else; Ann may nothing."""
    accounts.roles.save("half", ["admin.people", "admin.roles"])
    people: list[User] = [
        accounts.users.create("root", "Root", roles=["admin"]),
        accounts.users.create("hal", "Hal", roles=["half"]),
        accounts.users.create("ann", "Ann"),
    ]
    return {user.username: user.user_id for user in people}


@pytest.mark.parametrize("deed", BEYOND.values(), ids=BEYOND)
def test_what_somebody_lacks_they_neither_give_nor_take(accounts: Accounts, who: dict[str, str], deed: Deed) -> None:
    people, roles, lines = accounts.users.all(), accounts.roles.all(), len(accounts.audit.find())
    with pytest.raises(AccountError, match="don't have"):
        deed(accounts, Actor(user_id=who["hal"]), who)
    assert (accounts.users.all(), accounts.roles.all(), accounts.invitations.all()) == (people, roles, [])
    assert len(accounts.audit.find()) == lines


@pytest.mark.parametrize("deed", WITHIN.values(), ids=WITHIN)
def test_what_somebody_has_they_may(accounts: Accounts, who: dict[str, str], deed: Deed) -> None:
    lines = len(accounts.audit.find())
    deed(accounts, Actor(user_id=who["hal"]), who)
    assert [line.actor_id for line in accounts.audit.find(limit=len(accounts.audit.find()) - lines)] == [who["hal"]]


def test_whoever_has_it_all_and_the_command_line_may_do_all_of_it(accounts: Accounts, who: dict[str, str]) -> None:
    for by in (Actor(user_id=who["root"]), Actor()):
        accounts.users.set_roles(who["hal"], ["admin"], seen=[], by=by)
        accounts.users.set_roles(who["hal"], [], seen=["admin"], by=by)
    assert {user.username: set(user.roles) for user in accounts.users.all()}["hal"] == {"half"}


def test_somebody_who_was_locked_out_or_lost_it_has_nothing_to_give(accounts: Accounts, who: dict[str, str]) -> None:
    accounts.users.set_active(who["hal"], False)
    with pytest.raises(AccountError, match="don't have"):
        accounts.users.set_roles(who["ann"], ["half"], seen=[], by=Actor(user_id=who["hal"]))


segments = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=3).map(".".join)
permissions = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=4).map(".".join)


@given(st.lists(segments, max_size=3), segments, permissions)
def test_what_is_not_lacking_gives_nothing_more(granted: list[str], wanted: str, permission: str) -> None:
    if not lacking(granted, [wanted]) and matches([wanted], permission):
        assert matches(granted, permission)
