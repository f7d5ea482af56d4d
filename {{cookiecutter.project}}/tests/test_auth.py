"""Signing in and out as a person meets it, through Streamlit's own test runner and our own routes.

The runner has no cookies, so the one a browser would send is put in place of Streamlit's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.accounts import Accounts, User
from core.accounts.first_start import seed_administrator
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.web import routes
from core.web.token import anonymous_session_id, new_token, token_hash

PASSWORD = "a phrase of some length"
SCRIPT = """
import streamlit as st
from core.auth import active_identity, current_identity, require_sign_in, sign_out
from core.permissions import requires

identity = current_identity()
require_sign_in(identity)

@requires("orders.write")
def order():
    st.session_state["ordered"] = True

st.text(f"{identity.user.username if identity.user else 'nobody'} {identity.session_id}")
st.text_input("Name", key="name")
st.button("Order", on_click=order)
st.button("Sign out", on_click=sign_out)
if st.button("Leave"):
    sign_out()
"""


@dataclass
class Browser:
    """Holds a cookie, opens tabs, and does what the handover's script does."""

    services: Services
    cookies: dict[str, str] = field(default_factory=dict)

    def open(self, script: str = SCRIPT) -> AppTest:
        tab = AppTest.from_string(script, default_timeout=30).run()
        assert not tab.exception
        return tab

    def hand_over(self, tab: AppTest) -> dict[str, object]:
        """Exchange the ticket on the page, as the browser does before it loads the page anew."""
        data = handover(tab)
        assert data is not None
        client = TestClient(Starlette(routes=routes()), cookies=self.cookies)
        answer = client.post("/keep/rotate", json={"ticket": data["ticket"]}, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 204
        self.cookies[self.services.settings.cookie_name] = answer.cookies[self.services.settings.cookie_name]
        return data

    def sign_in(self, username: str = "ada", password: str = PASSWORD) -> AppTest:
        tab = fill_in(self.open(), username, password)
        self.hand_over(tab)
        return self.open()


def handover(tab: AppTest) -> dict[str, object] | None:
    for element in tab.get("bidi_component"):
        if element.proto.component_name == "keep_handover":
            data: dict[str, object] = json.loads(element.proto.json)
            return data
    return None


def fill_in(tab: AppTest, username: str, password: str) -> AppTest:
    tab.text_input[0].input(username)
    tab.text_input[1].input(password)
    return tab.button[0].click().run()


def who(tab: AppTest) -> str:
    return str(tab.text[0].value).split()[0]


@pytest.fixture
def use(make_settings: Callable[..., Settings]) -> Iterator[Callable[..., Services]]:
    """Put services with these settings in place for the rest of the test."""
    opened = []

    def use(**changes: object) -> Services:
        services = build_services(make_settings(**changes))
        Base.metadata.create_all(services.database)
        seed_administrator(services.accounts, None)
        context = use_services(services)
        opened.append(context)
        return context.__enter__()

    yield use
    for context in reversed(opened):
        context.__exit__(None, None, None)


@pytest.fixture
def desk(use: Callable[..., Services]) -> Services:
    return use(auth="password", title="Order desk")


@pytest.fixture
def accounts(desk: Services) -> Accounts:
    return Accounts(desk.database, desk.clock, session_timeout=3600, password_rounds=4)


@pytest.fixture
def ada(accounts: Accounts) -> User:
    return accounts.create_user("ada", "Ada", password=PASSWORD, roles=["member"])


@pytest.fixture
def browser(desk: Services, monkeypatch: pytest.MonkeyPatch) -> Browser:
    token = new_token(desk.settings.secret_key.get_secret_value())
    browser = Browser(desk, {desk.settings.cookie_name: token})
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: browser.cookies))
    return browser


# Signing in


def test_a_stranger_sees_the_sign_in_page_and_nothing_else(browser: Browser) -> None:
    tab = browser.open()
    assert tab.title[0].value == "Order desk"
    assert [field.label for field in tab.text_input] == ["Username", "Password"]
    assert not tab.text
    assert browser.services.accounts.live_tokens() == []


@pytest.mark.parametrize(
    ("username", "password"),
    [("ada", "wrong"), ("ada", PASSWORD + "x"), ("nobody", PASSWORD), ("ada", "x" * 5000), ("ada\0", "\0"), ("*", "ß")],
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(
    browser: Browser, ada: User, username: str, password: str
) -> None:
    tab = fill_in(browser.open(), username, password)
    assert [error.value for error in tab.error] == [
        "That username and password don't go together. Check both; capitals count in the password."
    ]
    assert handover(tab) is None
    assert not tab.exception


def test_an_empty_form_asks_for_both(browser: Browser) -> None:
    tab = fill_in(browser.open(), " ", "")
    assert tab.error[0].value == "Enter your username and your password."


def test_the_right_password_changes_the_token_and_opens_the_app(browser: Browser, ada: User) -> None:
    before = dict(browser.cookies)
    tab = browser.sign_in("  ADA ")
    assert who(tab) == "ada"
    assert browser.cookies != before
    assert [token.session_id for token in browser.services.accounts.live_tokens()] == [ada.session_id]


def test_nothing_of_streamlit_authenticator_stays_in_the_tab(browser: Browser, ada: User) -> None:
    tab = fill_in(browser.open(), "ada", PASSWORD)
    for key in ("name", "authentication_status", "username", "email", "roles", "logout", "password_hint"):
        assert key not in tab.session_state


def test_a_password_of_128_characters_of_four_bytes_works(browser: Browser, accounts: Accounts) -> None:
    accounts.create_user("cy", "Cy", password="\U0001f511" * 128)
    assert who(browser.sign_in("cy", "\U0001f511" * 128)) == "cy"


def test_spaces_around_a_password_belong_to_it(browser: Browser, accounts: Accounts) -> None:
    accounts.create_user("cy", "Cy", password="  between two spaces  ")
    assert handover(fill_in(browser.open(), "cy", "between two spaces")) is None
    assert who(browser.sign_in("cy", "  between two spaces  ")) == "cy"


def test_somebody_locked_out_is_refused_like_a_stranger(browser: Browser, accounts: Accounts, ada: User) -> None:
    accounts.set_active(ada.user_id, False)
    assert "don't go together" in fill_in(browser.open(), "ada", PASSWORD).error[0].value


def test_a_browser_without_cookies_is_told_so(desk: Services, ada: User) -> None:
    tab = fill_in(AppTest.from_string(SCRIPT, default_timeout=30).run(), "ada", PASSWORD)
    assert "Allow cookies" in tab.error[0].value
    assert handover(tab) is None


def test_a_forged_cookie_is_no_identity(browser: Browser, ada: User) -> None:
    browser.sign_in()
    name = browser.services.settings.cookie_name
    for forged in (browser.cookies[name][:-1] + "!", new_token("another secret"), "x", ""):
        browser.cookies[name] = forged
        assert browser.open().title[0].value == "Order desk"


# The first password


def test_a_given_password_must_be_changed_first(browser: Browser, accounts: Accounts) -> None:
    accounts.create_user("bob", "Bob", password=PASSWORD, must_change_password=True)
    tab = browser.sign_in("bob")
    assert [field.label for field in tab.text_input] == ["New password", "New password once more"]
    assert not tab.text
    for new, again, words in (
        ("short", "short", "at least 12"),
        ("x" * 129, "x" * 129, "at most 128"),
        ("one long phrase", "another phrase", "differ"),
        (PASSWORD, PASSWORD, "Choose another one"),
    ):
        tab = fill_in(tab, new, again)
        assert words in tab.error[0].value
    tab = fill_in(tab, "a phrase of my own", "a phrase of my own")
    browser.hand_over(tab)
    assert who(browser.open()) == "bob"
    assert len(browser.services.accounts.live_tokens()) == 1


# While signed in


def test_every_run_looks_again_whether_the_person_may_stay(browser: Browser, accounts: Accounts, ada: User) -> None:
    tab = browser.sign_in()
    accounts.set_active(ada.user_id, False)
    tab.run()
    data = handover(tab)
    assert data is not None
    assert (data["clear"], data["then"]) == (True, None)
    assert not tab.text


def test_changed_rights_change_the_token_and_keep_the_person(browser: Browser, accounts: Accounts, ada: User) -> None:
    tab = browser.sign_in()
    before = dict(browser.cookies)
    accounts.set_roles(ada.user_id, [])
    data = browser.hand_over(tab.run())
    assert (data["clear"], data["then"]) == (False, None)
    assert browser.cookies != before
    assert who(browser.open()) == "ada"


def test_an_action_is_refused_as_soon_as_the_right_is_gone(browser: Browser, accounts: Accounts, ada: User) -> None:
    accounts.save_role("clerk", ["orders.*"])
    accounts.set_roles(ada.user_id, ["clerk"])
    tab = browser.sign_in()
    assert "ordered" in tab.button[0].click().run().session_state
    del tab.session_state["ordered"]
    accounts.set_roles(ada.user_id, [])
    tab.button[0].click().run()
    assert "ordered" not in tab.session_state


def test_a_second_browser_reaches_the_same_session(browser: Browser, ada: User) -> None:
    first = browser.sign_in().text[0].value
    secret = browser.services.settings.secret_key.get_secret_value()
    browser.cookies[browser.services.settings.cookie_name] = new_token(secret)
    assert browser.sign_in().text[0].value == first
    assert len(browser.services.accounts.tokens(ada.session_id)) == 2


# Signing out


@pytest.mark.parametrize("button", [1, 2], ids=["as a callback", "in the script"])
def test_signing_out_ends_the_token_at_once_and_in_every_tab(browser: Browser, ada: User, button: int) -> None:
    tab, other = browser.sign_in(), browser.open()
    at_its_start = dict(browser.cookies)
    (old,) = (token_hash(token) for token in at_its_start.values())
    tab.button[button].click().run()
    assert browser.services.accounts.check(old).standing == "ended"  # type: ignore[union-attr]
    data = browser.hand_over(tab)
    assert (data["clear"], data["then"]) == (True, "")
    assert not tab.text
    assert browser.open().title[0].value == "Order desk"
    browser.cookies = at_its_start  # a tab sends the cookie it was opened with
    assert not other.run().text


# Browsers whose time is over


def test_a_browser_that_comes_back_to_a_deleted_session_gets_a_new_one(use: Callable[..., Services]) -> None:
    """Its token has no row any more, or never had one: what is typed there must not go where nothing is kept."""
    services = use(auth="none")
    secret = services.settings.secret_key.get_secret_value()
    token = new_token(secret)
    services.store.purge(anonymous_session_id(token, secret))
    browser = Browser(services, {services.settings.cookie_name: token})
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: browser.cookies))
        browser.hand_over(browser.open())
        assert browser.cookies[services.settings.cookie_name] != token
        assert who(browser.open()) == "local"


# The other ways in


def test_without_accounts_there_is_one_local_person_who_may_do_everything(use: Callable[..., Services]) -> None:
    services = use(auth="none")
    tab = AppTest.from_string(SCRIPT, default_timeout=30).run()
    assert who(tab) == "local"
    assert "ordered" in tab.button[0].click().run().session_state
    assert AppTest.from_string(SCRIPT, default_timeout=30).run().text[0].value == tab.text[0].value
    local = services.accounts.find("local")
    assert local is not None
    services.engine.purge(local.session_id)
    assert AppTest.from_string(SCRIPT, default_timeout=30).run().text[0].value != tab.text[0].value


def test_a_provider_that_is_not_set_up_is_said_in_words(use: Callable[..., Services]) -> None:
    use(auth="oidc", title="Order desk")
    tab = AppTest.from_string(SCRIPT, default_timeout=30).run()
    assert tab.title[0].value == "Order desk"
    tab.button[0].click().run()
    assert "isn't set up yet" in tab.error[0].value
    assert not tab.exception


@pytest.fixture
def provided(use: Callable[..., Services], monkeypatch: pytest.MonkeyPatch) -> Browser:
    services = use(auth="oidc", title="Order desk")
    browser = Browser(
        services, {services.settings.cookie_name: new_token(services.settings.secret_key.get_secret_value())}
    )
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: browser.cookies))
    return browser


def arrive(**claims: object) -> AppTest:
    """Open a tab of somebody the provider has vouched for."""
    tab = AppTest.from_string(SCRIPT, default_timeout=30)
    tab.user = {"is_logged_in": True, "iss": "https://provider.example", **claims}
    return tab.run()


def test_whom_the_provider_vouches_for_becomes_a_member(provided: Browser) -> None:
    provided.hand_over(arrive(sub="Ab1", name="Ada", email="ada@example.org"))
    tab = arrive(sub="Ab1", name="Ada", email="ada@example.org")
    assert not tab.exception
    (ada,) = provided.services.accounts.users()
    assert (ada.name, ada.email, ada.roles) == ("Ada", "ada@example.org", {"member"})
    assert tab.text[0].value == f"{ada.username} {ada.session_id}"


def test_subjects_that_differ_in_capitals_only_and_shared_addresses_are_different_people(provided: Browser) -> None:
    for subject in ("Ab1", "aB1"):
        provided.hand_over(arrive(sub=subject, email="shared@example.org"))
    assert len(provided.services.accounts.users()) == 2


def test_another_person_of_the_provider_takes_over_the_browser(provided: Browser) -> None:
    provided.hand_over(arrive(sub="1", name="Ada"))
    tab = arrive(sub="2", name="Bob")
    assert handover(tab) is not None
    assert not tab.text


def test_signing_out_leaves_the_provider_too(provided: Browser) -> None:
    provided.hand_over(arrive(sub="1"))
    tab = arrive(sub="1")
    tab.button[1].click().run()
    data = handover(tab)
    assert data is not None
    assert (data["clear"], data["then"]) == (True, "auth/logout")


def test_a_sign_in_that_is_over_is_not_renewed_by_the_provider_s_own_cookie(provided: Browser) -> None:
    provided.hand_over(arrive(sub="1"))
    (token,) = provided.services.accounts.live_tokens()
    provided.services.accounts.revoke(token.token_hash)
    data = handover(arrive(sub="1"))
    assert data is not None
    assert (data["clear"], data["then"]) == (True, "auth/logout")


def test_somebody_locked_out_stays_out_whatever_the_provider_says(provided: Browser) -> None:
    provided.hand_over(arrive(sub="1"))
    (ada,) = provided.services.accounts.users()
    provided.services.accounts.set_active(ada.user_id, False)
    provided.hand_over(arrive(sub="1"))
    tab = arrive(sub="1")
    assert "locked" in tab.error[0].value
    assert not tab.text
