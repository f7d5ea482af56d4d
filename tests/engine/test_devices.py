"""The browsers a person is signed in with: they see their own, and sign out their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.accounts import COMMAND_LINE, Accounts, Actor, User
from core.accounts.setup import seed_administrator
from core.clock import FakeClock
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.web.token import new_token, token_hash
from tests.engine.pages import SCRIPT, go, press

LAPTOP, PHONE, TABLET, GRACES = "laptop", "phone", "tablet", "grace's"


def sign_in(accounts: Accounts, user: User, token_hash: str, device: str) -> None:
    before = f"before {token_hash}"
    assert accounts.tokens.redeem(accounts.tokens.issue_ticket(before, user.user_id), before, token_hash, device)


@pytest.fixture
def ada(accounts: Accounts) -> User:
    ada, grace = (accounts.users.create(name, name.title()) for name in ("ada", "grace"))
    for token in (LAPTOP, PHONE, TABLET):
        sign_in(accounts, ada, token, token)
    sign_in(accounts, grace, GRACES, GRACES)
    accounts.tokens.register("anonymous", "anon-1", "a browser")
    return ada


def standing(accounts: Accounts, *tokens: str) -> list[str]:
    return [state.standing for token in tokens if (state := accounts.identities.ask(token, "anon")).registered]


def test_the_devices_of_a_session_are_those_that_may_use_it_now(
    accounts: Accounts, ada: User, clock: FakeClock
) -> None:
    clock.advance(120)
    accounts.tokens.touch(accounts.identities.ask(PHONE, "anon"))
    accounts.tokens.revoke(TABLET)
    assert [device.token_hash for device in accounts.browsers.in_use(ada.session_id)] == [PHONE, LAPTOP]
    clock.advance(3600)
    assert [device.token_hash for device in accounts.browsers.in_use(ada.session_id)] == [PHONE]


def test_signing_out_one_device_ends_that_one_and_is_noted(accounts: Accounts, ada: User) -> None:
    by = Actor(user_id=ada.user_id, address="192.0.2.1", device=LAPTOP)
    assert accounts.browsers.revoke_session(ada.session_id, only=PHONE, by=by)
    assert standing(accounts, LAPTOP, PHONE, TABLET) == ["good", "ended", "good"]
    (line, *_) = accounts.audit.find(limit=1)
    assert (line.event, line.actor_id, line.subject, line.detail) == (
        "session.revoked",
        ada.user_id,
        f"person:{ada.user_id}",
        PHONE,
    )


@pytest.mark.parametrize("other", [GRACES, "anonymous", "unknown"])
def test_nobody_signs_out_a_device_that_is_not_theirs(accounts: Accounts, ada: User, other: str) -> None:
    before = len(accounts.audit.find())
    assert not accounts.browsers.revoke_session(ada.session_id, only=other, by=COMMAND_LINE)
    assert set(standing(accounts, LAPTOP, PHONE, TABLET, GRACES, "anonymous")) == {"good"}
    assert len(accounts.audit.find()) == before


def test_signing_out_the_others_leaves_this_one_and_other_people_s(accounts: Accounts, ada: User) -> None:
    assert accounts.browsers.revoke_session(ada.session_id, keep=LAPTOP) == 2
    assert standing(accounts, LAPTOP, PHONE, TABLET, GRACES) == ["good", "ended", "ended", "good"]
    assert accounts.browsers.revoke_session(ada.session_id, keep=LAPTOP) == 0


# The page


@pytest.fixture
def use(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Services]]:
    """Put services in place whose person's browser is at a page."""
    contexts = []

    def use(auth: str) -> Services:
        services = build_services(make_settings(auth=auth))
        Base.metadata.create_all(services.database)
        seed_administrator(services.accounts, None)
        token = new_token(services.settings.secret_key.get_secret_value())
        cookies = {services.settings.cookie_name: token}
        monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: cookies))
        contexts.append(use_services(services))
        return contexts[-1].__enter__()

    yield use
    for context in contexts:
        context.__exit__(None, None, None)


def cookie(services: Services) -> str:
    import streamlit as st

    return token_hash(st.context.cookies[services.settings.cookie_name])


def shown(tab: AppTest) -> list[str]:
    assert not tab.exception
    return [each.value for each in tab.markdown if each.value.startswith("**")]


def test_a_person_sees_their_devices_and_signs_the_others_out(use: Callable[..., Services]) -> None:
    services = use("password")
    accounts, here = services.accounts, cookie(services)
    ada = accounts.users.create("ada", "Ada", roles=["member"])
    for token, device in ((PHONE, "Safari on iPhone"), (TABLET, "Chrome on Android"), (here, "Firefox on Linux")):
        sign_in(accounts, ada, token, device)
    tab = go(AppTest.from_string(SCRIPT).run(), "home-devices")
    assert shown(tab)[0] == "**Firefox on Linux** :green-badge[this browser]"
    assert set(shown(tab)[1:]) == {"**Safari on iPhone**", "**Chrome on Android**"}
    next(button for button in tab.button if "iPhone" in (button.help or "")).click().run()
    assert standing(accounts, here, PHONE, TABLET) == ["good", "ended", "good"]
    press(tab, "Sign out my other device")
    assert standing(accounts, here, PHONE, TABLET) == ["good", "ended", "ended"]
    assert shown(tab) == ["**Firefox on Linux** :green-badge[this browser]"]
    assert {line.address for line in accounts.audit.find(events=["session.revoked"])} == {"192.0.2.1"}


def test_a_page_whose_own_right_has_ended_signs_nobody_out(use: Callable[..., Services]) -> None:
    services = use("password")
    accounts, here = services.accounts, cookie(services)
    ada = accounts.users.create("ada", "Ada")
    for token in (here, PHONE):
        sign_in(accounts, ada, token, token)
    tab = go(AppTest.from_string(SCRIPT).run(), "home-devices")
    accounts.tokens.revoke(here)
    press(tab, "Sign out my other device")
    assert standing(accounts, here, PHONE) == ["ended", "good"]


def test_without_accounts_the_devices_are_the_browsers_that_entered_something(use: Callable[..., Services]) -> None:
    services = use("none")
    tab = go(AppTest.from_string(SCRIPT).run(), "home-devices")
    local = services.accounts.users.find("local")
    assert local is not None
    services.accounts.tokens.register(PHONE, local.session_id, "Safari on iPhone")
    tab.run()
    assert "**Safari on iPhone**" in shown(tab)
    next(button for button in tab.button if "iPhone" in (button.help or "")).click().run()
    assert standing(services.accounts, PHONE) == ["ended"]
