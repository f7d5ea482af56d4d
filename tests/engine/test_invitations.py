"""Invitations: who has the link may come once, within a week, as long as whoever gave it may invite."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.accounts import COMMAND_LINE, Accounts, Actor, User
from core.accounts.invitations import LIFETIME, link
from core.clock import FakeClock
from core.errors import AccountError, InvalidLinkError, UsernameTakenError
from core.storage.models import InvitationModel

PASSWORD = "a phrase of some length"


@pytest.fixture
def ada(accounts: Accounts) -> User:
    return accounts.users.create("ada", "Ada", password=PASSWORD, roles=["admin"])


def accept(accounts: Accounts, secret: str, username: str = "cy") -> User:
    return accounts.invitations.accept(secret, username, "Cy", PASSWORD, by=Actor(address="192.0.2.7"))


def test_a_link_is_256_bits_and_only_its_hash_is_kept(accounts: Accounts) -> None:
    first, second = (accounts.invitations.invite("Cy", []) for _ in range(2))
    assert first != second
    assert len(first) == 43
    with accounts.users._database.connect() as connection:
        assert first not in str(connection.execute(select(InvitationModel.__table__)).all())
    assert link(first, "https://app.example.org/") == f"https://app.example.org/?invitation={first}"


def test_a_link_admits_one_person(accounts: Accounts, ada: User) -> None:
    secret = accounts.invitations.invite("Cy", ["member", "admin"], by=Actor(user_id=ada.user_id))
    (open_one,) = accounts.invitations.all()
    assert (open_one.label, open_one.roles, open_one.invited_by) == ("Cy", ("admin", "member"), "Ada")
    accounts.roles.delete("member")
    assert accept(accounts, secret).roles == {"admin"}
    assert accounts.invitations.all() == []
    with pytest.raises(InvalidLinkError):
        accept(accounts, secret, "another")
    assert accounts.users.find("another") is None


def test_a_link_ends_after_a_week_and_is_forgotten(accounts: Accounts, clock: FakeClock) -> None:
    secret = accounts.invitations.invite("Cy", [])
    clock.advance((LIFETIME - timedelta(minutes=1)).total_seconds())
    assert accounts.invitations.find(secret).label == "Cy"
    assert accounts.invitations.forget() == 0
    clock.advance(120)
    assert accounts.invitations.all() == []
    with pytest.raises(InvalidLinkError):
        accept(accounts, secret)
    assert accounts.invitations.forget() == 1


def test_a_taken_username_or_an_unfit_password_uses_nothing_up(accounts: Accounts, ada: User) -> None:
    secret = accounts.invitations.invite("Cy", [])
    with pytest.raises(UsernameTakenError):
        accept(accounts, secret, " Ada ")
    with pytest.raises(AccountError, match="unrelated words"):
        accounts.invitations.accept(secret, "cy", "Cy", "password1234", by=Actor())
    for username in (" ", "x" * 201):
        with pytest.raises(AccountError, match="username"):
            accept(accounts, secret, username)
    assert accept(accounts, secret).username == "cy"


def test_nobody_comes_in_by_somebody_who_may_not_invite_any_more(accounts: Accounts, ada: User) -> None:
    secret = accounts.invitations.invite("Cy", ["admin"], by=Actor(user_id=ada.user_id))
    accounts.users.create("bob", "Bob", roles=["admin"])  # somebody has to stay one
    accounts.users.set_roles(ada.user_id, ["member"])
    assert [each.counts for each in accounts.invitations.all()] == [False]
    with pytest.raises(InvalidLinkError):
        accept(accounts, secret)
    accounts.users.set_roles(ada.user_id, ["admin"])
    assert accept(accounts, secret).roles == {"admin"}


def test_withdrawing_is_noted_once(accounts: Accounts, ada: User) -> None:
    secret = accounts.invitations.invite("Cy", [])
    (open_one,) = accounts.invitations.all()
    for _ in range(2):
        accounts.invitations.withdraw(open_one.invitation_hash, by=Actor(user_id=ada.user_id))
    with pytest.raises(InvalidLinkError):
        accounts.invitations.find(secret)
    withdrawn, invited = accounts.audit.find(limit=2)
    assert (withdrawn.event, withdrawn.actor_id) == ("invitation.withdrawn", ada.user_id)
    assert (invited.event, invited.actor_id, invited.detail) == ("person.invited", None, "roles: none")
    assert withdrawn.subject == invited.subject


def test_who_invites_says_whom_and_as_what(accounts: Accounts) -> None:
    for label in (" ", "x" * 201):
        with pytest.raises(AccountError, match="whom you invite"):
            accounts.invitations.invite(label, [])
    with pytest.raises(AccountError, match="no role 'ghost'"):
        accounts.invitations.invite("Cy", ["member", "ghost"])
    assert accounts.invitations.all() == []


def test_a_sign_in_under_way_ends_with_the_password_it_was_made_with(accounts: Accounts, ada: User) -> None:
    ticket = accounts.tokens.issue_ticket("a browser", ada.user_id)
    accounts.users.set_password(ada.user_id, "another phrase of some length", by=COMMAND_LINE)
    assert accounts.tokens.redeem(ticket, "a browser", "its new token", "Firefox") is None
