"""The page of people: what an administrator changes there, and where people come through a provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.accounts import Accounts, Actor, User
from core.accounts.setup import seed_administrator
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.web.oidc import admit
from tests.engine.conftest import signed_in
from tests.engine.pages import open_page

# Where people have passwords


@pytest.fixture
def accounts(services: Services) -> Accounts:
    """With three roles to give."""
    seed_administrator(services.accounts, None)
    for role in ("boss", "clerk"):
        services.accounts.roles.save(role, [f"{role}.*"])
    return services.accounts


def roles_of(tab: AppTest, user: User) -> AppTest:
    """The field with the roles of a person."""
    return tab.multiselect(key=f"roles-{user.user_id}")


@pytest.mark.parametrize("runs", [0, 2])
def test_what_another_administrator_took_meanwhile_stays_taken(
    accounts: Accounts, services: Services, monkeypatch: pytest.MonkeyPatch, runs: int
) -> None:
    signed_in(services, monkeypatch, "admin")
    bob = accounts.users.create("bob", "Bob", roles=["boss", "member"])
    tab = open_page("admin")
    accounts.users.set_roles(bob.user_id, [], seen=["boss"])
    for _ in range(runs):
        tab.run()
        assert roles_of(tab, bob).value == ["member"], "what the database has"
    roles_of(tab, bob).set_value([*roles_of(tab, bob).value, "clerk"]).run()
    assert accounts.users.get(bob.user_id).roles == {"member", "clerk"}
    assert sorted(roles_of(tab, bob).value) == ["clerk", "member"]


def test_a_person_gets_another_name_and_address(
    accounts: Accounts, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = accounts.users.create("bob", "Bob")
    signed_in(services, monkeypatch, "admin")
    tab = open_page("admin")
    name, email = (next(field for field in tab.text_input if field.label == label) for label in ("Name", "Email"))
    name.input("Bob B.")
    email.input("bob@example.org")
    next(button for button in tab.button if button.label == "Save").click().run()
    changed = accounts.users.get(bob.user_id)
    assert (changed.name, changed.email) == ("Bob B.", "bob@example.org")
    assert accounts.audit.find()[0].event == "person.described"


def test_whoever_has_half_of_it_is_told_what_they_may_not_give_and_offered_nothing_of_it(
    accounts: Accounts, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.roles.save("half", ["admin.people", "clerk.*"])
    root = accounts.users.create("root", "Root", roles=["admin"])
    hal = signed_in(services, monkeypatch, "half")
    tab = open_page("admin")
    assert any("These roles give more: `admin`, `boss`, `member`" in caption.value for caption in tab.caption)
    assert any("Has more than you: `*`" in caption.value for caption in tab.caption)
    assert roles_of(tab, hal).options == ["clerk", "half"]
    assert {button.key for button in tab.button if button.label == "Create reset link"} == {
        f"reset-roles-{hal.user_id}"
    }
    roles_of(tab, root).set_value([]).run()
    assert "which you don't have yourself" in tab.error[0].value
    assert roles_of(tab, root).value == ["admin"], "what the database has"


# Where they come through a provider


@pytest.fixture
def provided(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """With somebody signed in who administers."""
    services = build_services(make_settings(auth="oidc", oidc_roles={"bosses": "admin"}))
    Base.metadata.create_all(services.database)
    seed_administrator(services.accounts, None)
    with use_services(services):
        said = {"sub": "1", "iat": time.time(), "name": "Ada", "email": "ada@example.org", "groups": ["bosses"]}
        admission = admit(services, said, None, by=Actor())
        monkeypatch.setattr(ContextProxy, "cookies", {services.settings.cookie_name: admission.token})
        yield services


def test_it_says_which_roles_the_provider_decides_on_and_makes_no_passwords(provided: Services) -> None:
    tab = open_page("admin")
    assert not tab.exception
    assert "who has `admin` (`OIDC_ROLES`)" in tab.caption[0].value
    assert "until the person's next sign-in" in tab.caption[0].value
    assert any(caption.value.startswith("ada@") for caption in tab.caption)
    assert [button.label for button in tab.button if button.label in ("Invite", "Create reset link")] == []


def test_roles_of_a_provider_s_people_are_given_here(provided: Services) -> None:
    provided.accounts.roles.save("clerk", ["orders.*"])
    open_page("admin").multiselect[0].set_value(["admin", "clerk", "member"]).run()
    assert provided.accounts.users.all()[0].roles == {"admin", "clerk", "member"}
