"""Signing in and out as a person meets it, through Streamlit's own test runner and our own routes.

The runner has no cookies, so the one a browser would send is put in place of Streamlit's.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import event, update
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from streamlit_authenticator.controllers import AuthenticationController
from streamlit_authenticator.utilities import exceptions

from core.accounts import Accounts, Actor, User
from core.accounts.setup import seed_administrator
from core.services import Services, build_services, use_services
from core.settings import PROJECT_ROOT, Settings
from core.storage.models import Base, UserModel
from core.web import routes
from core.web.oidc import admit
from core.web.token import anonymous_session_id, new_token, token_hash

ROOT = PROJECT_ROOT
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


FIELD = 'ui.text_input("A", form="f", field="a")'


@dataclass
class Browser:
    """Holds a cookie, opens tabs, and does what the script of the token rotation does."""

    services: Services
    cookies: dict[str, str] = field(default_factory=dict)

    def open(self, script: str = SCRIPT) -> AppTest:
        tab = AppTest.from_string(script, default_timeout=30).run()
        assert not tab.exception
        return tab

    def rotate(self, tab: AppTest) -> dict[str, object]:
        """Exchange the ticket on the page, as the browser does before it loads the page anew."""
        data = rotation(tab)
        assert data is not None
        client = TestClient(Starlette(routes=routes()), cookies=self.cookies, client=("::1", 50_000))
        answer = client.post("/keep/rotate", json={"ticket": data["ticket"]}, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 204
        self.cookies[self.services.settings.cookie_name] = answer.cookies[self.services.settings.cookie_name]
        return data

    def sign_in(self, username: str = "ada", password: str = PASSWORD) -> AppTest:
        tab = fill_in(self.open(), username, password)
        self.rotate(tab)
        return self.open()


def rotation(tab: AppTest) -> dict[str, object] | None:
    for element in tab.get("bidi_component"):
        if element.proto.component_name == "keep_token_rotation":
            data: dict[str, object] = json.loads(element.proto.json)
            return data
    return None


def fill_in(tab: AppTest, username: str, password: str) -> AppTest:
    tab.text_input[0].input(username)
    tab.text_input[1].input(password)
    return tab.button[0].click().run()


def press(tab: AppTest, label: str, *, key: str | None = None) -> AppTest:
    found = (button for button in tab.button if button.label == label and key in (None, button.key))
    return next(found).click().run()


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
    return accounts.users.create("ada", "Ada", password=PASSWORD, roles=["member"])


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
    assert browser.services.accounts.browsers.find(limit=9) == []


@pytest.mark.parametrize(
    ("username", "password"),
    [("ada", "wrong"), ("ada", PASSWORD + "x"), ("nobody", PASSWORD), ("ada", "x" * 5000), ("ada\0", "\0"), ("*", "ß")],
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(
    browser: Browser, ada: User, username: str, password: str
) -> None:
    tab = fill_in(browser.open(), username, password)
    assert [error.value for error in tab.error] == ["Incorrect username or password. Passwords are case-sensitive."]
    assert rotation(tab) is None
    assert not tab.exception


def test_this_machine_has_one_address_in_the_trail(
    browser: Browser, accounts: Accounts, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContextProxy, "ip_address", None)  # which is what Streamlit says of it
    fill_in(browser.open(), "ada", "wrong")
    browser.sign_in()
    assert {(line.event, line.address) for line in accounts.audit.find()} >= {
        ("sign_in.refused", "127.0.0.1"),
        ("sign_in", "127.0.0.1"),
    }


def test_who_tried_too_often_is_told_how_long_to_wait(browser: Browser, accounts: Accounts, ada: User) -> None:
    tab = browser.open()
    for _ in range(10):
        assert "Incorrect username or password" in fill_in(tab, "ada", "wrong").error[0].value
    fill_in(tab, "ada", PASSWORD)
    assert [error.value for error in tab.error] == ["Too many attempts. Try again in 15 minutes."]
    assert rotation(tab) is None
    events = [line.event for line in accounts.audit.find()]
    assert events[:3] == ["sign_in.throttled", "sign_in.refused", "sign_in.refused"]


def test_in_the_browser_they_were_in_before_a_person_gets_in_whoever_guesses(browser: Browser, ada: User) -> None:
    browser.rotate(browser.sign_in().button[1].click().run())
    services = browser.services
    for _ in range(10):
        services.accounts.throttle.begin("ada", token_hash=None, by=Actor(address="198.51.100.7"))
    assert who(browser.sign_in()) == "ada"


def test_replacing_a_given_password_is_no_way_to_guess_it(browser: Browser, accounts: Accounts) -> None:
    accounts.users.create("bob", "Bob", password=PASSWORD, must_change_password=True)
    tab = browser.sign_in("bob")
    for _ in range(10):
        assert "Choose a different one" in fill_in(tab, PASSWORD, PASSWORD).error[0].value
    assert "Try again in 15 minutes" in fill_in(tab, "another phrase", "another phrase").error[0].value


def test_an_empty_form_asks_for_both(browser: Browser) -> None:
    tab = fill_in(browser.open(), " ", "")
    assert tab.error[0].value == "Enter your username and your password."


def test_the_right_password_changes_the_token_and_opens_the_app(browser: Browser, ada: User) -> None:
    before = dict(browser.cookies)
    tab = browser.sign_in("  ADA ")
    assert who(tab) == "ada"
    assert browser.cookies != before
    (here,) = browser.services.accounts.browsers.find(limit=9)
    assert here.session_id == ada.session_id


def test_nothing_of_streamlit_authenticator_stays_in_the_tab(browser: Browser, ada: User) -> None:
    tab = fill_in(browser.open(), "ada", PASSWORD)
    for key in ("name", "authentication_status", "username", "email", "roles", "logout", "password_hint"):
        assert key not in tab.session_state


def test_a_password_of_128_characters_of_four_bytes_works(browser: Browser, accounts: Accounts) -> None:
    accounts.users.create("cy", "Cy", password="\U0001f511" * 128)
    assert who(browser.sign_in("cy", "\U0001f511" * 128)) == "cy"


def test_spaces_around_a_password_belong_to_it(browser: Browser, accounts: Accounts) -> None:
    accounts.users.create("cy", "Cy", password="  between two spaces  ")
    assert rotation(fill_in(browser.open(), "cy", "between two spaces")) is None
    assert who(browser.sign_in("cy", "  between two spaces  ")) == "cy"


def test_somebody_locked_out_is_refused_like_a_stranger(browser: Browser, accounts: Accounts, ada: User) -> None:
    accounts.users.set_active(ada.user_id, False)
    assert "Incorrect username or password" in fill_in(browser.open(), "ada", PASSWORD).error[0].value


@pytest.mark.parametrize("way", ["password", "oidc"])
def test_a_browser_without_cookies_is_told_so_before_its_person_enters_anything(
    use: Callable[..., Services], way: str
) -> None:
    use(auth=way, title="Order desk")
    tab = AppTest.from_string(SCRIPT, default_timeout=30).run()
    assert "Allow cookies" in tab.error[0].value
    assert not tab.text_input
    assert not tab.button


def test_a_forged_cookie_is_no_identity(browser: Browser, ada: User) -> None:
    browser.sign_in()
    name = browser.services.settings.cookie_name
    for forged in (browser.cookies[name][:-1] + "!", new_token("another secret"), "x", ""):
        browser.cookies[name] = forged
        assert browser.open().title[0].value == "Order desk"


# The first password


def test_a_given_password_must_be_changed_first(browser: Browser, accounts: Accounts) -> None:
    accounts.users.create("bob", "Bob", password=PASSWORD, must_change_password=True)
    tab = browser.sign_in("bob")
    assert [field.label for field in tab.text_input] == ["New password", "Confirm new password"]
    assert not tab.text
    for new, again, words in (
        ("short", "short", "at least 12"),
        ("x" * 129, "x" * 129, "at most 128"),
        ("Password1234", "Password1234", "a few unrelated words instead"),
        ("one long phrase", "another phrase", "match"),
        (PASSWORD, PASSWORD, "Choose a different one"),
    ):
        tab = fill_in(tab, new, again)
        assert words in tab.error[0].value
    tab = fill_in(tab, "a phrase of my own", "a phrase of my own")
    browser.rotate(tab)
    assert who(browser.open()) == "bob"
    assert len(browser.services.accounts.browsers.find(limit=9)) == 1


def test_who_has_to_choose_a_password_may_leave_instead(browser: Browser, accounts: Accounts) -> None:
    accounts.users.create("bob", "Bob", password=PASSWORD, must_change_password=True)
    tab = press(browser.sign_in("bob"), "Sign out")
    assert not tab.text_input
    assert browser.rotate(tab)["message"] == "You are signed out."
    assert accounts.audit.find()[0].event == "sign_out"
    assert [field.label for field in browser.open().text_input] == ["Username", "Password"]


# While signed in


def test_every_run_looks_again_whether_the_person_may_stay(browser: Browser, accounts: Accounts, ada: User) -> None:
    tab = browser.sign_in()
    accounts.users.set_active(ada.user_id, False)
    tab.run()
    data = rotation(tab)
    assert data is not None
    assert (data["clear"], data["then"]) == (True, None)
    assert not tab.text


def test_changed_rights_change_the_token_and_keep_the_person(browser: Browser, accounts: Accounts, ada: User) -> None:
    tab = browser.sign_in()
    before = dict(browser.cookies)
    accounts.users.set_roles(ada.user_id, [])
    data = browser.rotate(tab.run())
    assert (data["clear"], data["then"]) == (False, None)
    assert browser.cookies != before
    assert who(browser.open()) == "ada"


def test_an_action_is_refused_as_soon_as_the_right_is_gone(browser: Browser, accounts: Accounts, ada: User) -> None:
    accounts.roles.save("clerk", ["orders.*"])
    accounts.users.set_roles(ada.user_id, ["clerk"])
    tab = browser.sign_in()
    assert "ordered" in tab.button[0].click().run().session_state
    del tab.session_state["ordered"]
    accounts.users.set_roles(ada.user_id, [])
    tab.button[0].click().run()
    assert "ordered" not in tab.session_state


def test_who_is_signed_in_needs_no_row_for_their_browser(browser: Browser, ada: User) -> None:
    browser.sign_in()
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(browser.services.database, "before_cursor_execute", note)
    tab = browser.open("from core import bootstrap_session, ui\nbootstrap_session()\n" + FIELD)
    tab.text_input[0].input("typed").run()
    event.remove(browser.services.database, "before_cursor_execute", note)
    assert browser.services.engine.open(ada.session_id).form("f").values == {"a": "typed"}
    assert [statement for statement in sent if "INTO tokens" in statement] == []


def test_a_second_browser_reaches_the_same_session(browser: Browser, ada: User) -> None:
    first = browser.sign_in().text[0].value
    secret = browser.services.settings.secret_key.get_secret_value()
    browser.cookies[browser.services.settings.cookie_name] = new_token(secret)
    assert browser.sign_in().text[0].value == first
    assert len(browser.services.accounts.browsers.of_session(ada.session_id)) == 2


# Signing out


@pytest.mark.parametrize("button", [1, 2], ids=["as a callback", "in the script"])
def test_signing_out_ends_the_token_at_once_and_in_every_tab(browser: Browser, ada: User, button: int) -> None:
    tab, other = browser.sign_in(), browser.open()
    at_its_start = dict(browser.cookies)
    (old,) = (token_hash(token) for token in at_its_start.values())
    tab.button[button].click().run()
    assert browser.services.accounts.identities.ask(old, "anon").standing == "ended"
    tab.run()  # the open pages are looked after (`core.web.session_revocation`), so one may run again before it goes
    data = browser.rotate(tab)
    assert (data["clear"], data["signed_out"], data["then"]) == (True, True, "")
    assert not tab.text
    assert browser.open().title[0].value == "Order desk"
    browser.cookies = at_its_start  # a tab sends the cookie it was opened with
    assert not other.run().text


def test_who_signs_out_just_after_an_outage_sees_that_they_did(browser: Browser, ada: User) -> None:
    tab = browser.sign_in()
    browser.services.accounts.db_budget.failed()
    data = rotation(tab.button[1].click().run())
    assert data is not None
    assert data["clear"] is True


@pytest.mark.parametrize("way", ["password", "oidc"])
def test_a_tab_that_was_left_open_signs_out_nobody_who_came_after_it(
    browser: Browser, accounts: Accounts, ada: User, use: Callable[..., Services], way: str
) -> None:
    """Its own sign-in has ended; to leave the provider would end that of whoever is there now."""
    tab = browser.sign_in()
    (token,) = browser.services.accounts.browsers.find(limit=9)
    accounts.tokens.revoke(token.token_hash)
    if way == "oidc":
        use(auth="oidc", title="Order desk", secret_key=browser.services.settings.secret_key)
    data = rotation(tab.button[1].click().run())
    assert data is not None
    assert (data["signed_out"], data["then"]) == (False, None)
    assert accounts.audit.find(events=["sign_out"]) == []


def test_signing_out_leaves_the_provider_too(browser: Browser, ada: User, use: Callable[..., Services]) -> None:
    tab = browser.sign_in()
    use(auth="oidc", title="Order desk", secret_key=browser.services.settings.secret_key)
    data = rotation(tab.button[1].click().run())
    assert data is not None
    assert (data["clear"], data["signed_out"], data["then"]) == (True, True, "auth/logout")


# What pages that know only Streamlit are told

PLAIN = """
import streamlit as st
from core.auth import current_identity, require_sign_in, sign_out

def tell():
    st.session_state.told = st.user.to_dict()

st.button("Tell", on_click=tell)
st.text(sorted(st.user.to_dict().items()))
identity = current_identity()
st.text(sorted(st.user.to_dict().items()))
require_sign_in(identity)
st.text([st.user.is_logged_in, st.user.name, st.user["email"]])
st.button("Sign out", on_click=sign_out)
"""
NOBODY = "[('is_logged_in', False)]"


def test_st_user_says_who_is_signed_in_and_nothing_of_who_was(browser: Browser, accounts: Accounts, ada: User) -> None:
    stranger = browser.open(PLAIN)
    assert [text.value for text in stranger.text] == [NOBODY, NOBODY]
    assert press(stranger, "Tell").session_state.told == {"is_logged_in": False}
    accounts.users.describe(ada.user_id, name="Ada L.", email="ada@example.org")
    browser.sign_in()
    known = {"is_logged_in": True, "sub": ada.user_id, "name": "Ada L.", "email": "ada@example.org"}
    tab = browser.open(PLAIN)
    assert [text.value for text in tab.text] == [
        NOBODY,
        str(sorted(known.items())),
        "[True, 'Ada L.', 'ada@example.org']",
    ]
    assert press(tab, "Tell").session_state.told == known
    assert tab.user == stranger.user, "what belongs to the connection is left as it is"
    tab = press(tab, "Sign out")
    assert [text.value for text in tab.text] == [NOBODY, NOBODY]
    assert press(tab, "Tell").session_state.told == {"is_logged_in": False}


def test_st_user_says_what_a_provider_s_person_has_here(
    use: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = use(auth="oidc", oidc_allowed=("*",))
    said = {"sub": "1", "iat": time.time(), "name": "Ada", "email": "ada@example.org", "email_verified": True}
    token = admit(services, said, None, by=Actor()).token
    monkeypatch.setattr(ContextProxy, "cookies", {services.settings.cookie_name: token})
    tab = AppTest.from_string(PLAIN, default_timeout=30).run()
    assert tab.text[-1].value == "[True, 'Ada', 'ada@example.org']"


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
        browser.rotate(browser.open())
        assert browser.cookies[services.settings.cookie_name] != token
        assert who(browser.open()) == "local"


# Invitations


def follow(secret: str, link: str = "invitation") -> AppTest:
    """Open a tab at the address of a link."""
    tab = AppTest.from_string(SCRIPT, default_timeout=30)
    tab.query_params[link] = secret
    tab.run()
    assert not tab.exception
    return tab


def choose(tab: AppTest, name: str, username: str, password: str) -> AppTest:
    for entry, text in zip(tab.text_input, (name, username, password, password), strict=True):
        entry.input(text)
    return tab.button[0].click().run()


def test_an_invited_person_chooses_name_and_password_and_is_in(browser: Browser, accounts: Accounts, ada: User) -> None:
    accounts.users.set_roles(ada.user_id, ["admin"])
    secret = accounts.invitations.invite("cy@example.org", ["member"], by=Actor(user_id=ada.user_id))
    tab = follow(secret)
    assert [field.value for field in tab.text_input] == ["", "cy@example.org", "", ""]
    data = browser.rotate(choose(tab, "Cy", "Cy", PASSWORD))
    assert data["then"] == ""  # so that the link is gone from the address
    assert who(browser.open()) == "cy"
    cy = accounts.users.find("cy")
    assert cy is not None
    assert (cy.name, cy.email, cy.roles, cy.must_change_password) == ("Cy", "cy@example.org", {"member"}, False)
    came, added, invited = accounts.audit.find(limit=4, events=["sign_in", "person.added", "person.invited"])[:3]
    assert (came.event, came.actor_id) == ("sign_in", cy.user_id)
    assert (added.event, added.actor_id, added.address) == ("person.added", cy.user_id, "192.0.2.1")
    assert (invited.event, invited.actor_id) == ("person.invited", ada.user_id)
    assert added.detail == f"roles: member; {invited.subject}"
    assert secret not in str(accounts.audit.find())


@pytest.mark.parametrize("how", ["forged", "used", "withdrawn", "of somebody locked out", "empty"])
def test_a_link_that_admits_nobody_says_so(browser: Browser, accounts: Accounts, ada: User, how: str) -> None:
    accounts.users.set_roles(ada.user_id, ["admin"])
    secret = accounts.invitations.invite("Cy", [], by=Actor(user_id=ada.user_id))
    open_before = follow(secret)
    match how:
        case "used":
            accounts.invitations.accept(secret, "bob", "Bob", PASSWORD, by=Actor())
        case "withdrawn":
            accounts.invitations.withdraw(accounts.invitations.all()[0].invitation_hash)
        case "of somebody locked out":
            accounts.users.create("eve", "Eve", roles=["admin"])  # somebody has to stay one
            accounts.users.set_active(ada.user_id, False)
        case "empty":
            secret = ""
        case _:
            secret = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    tab = follow(secret)
    assert "no longer valid" in tab.error[0].value
    assert not tab.text_input
    assert rotation(tab) is None
    if how not in ("forged", "empty"):
        tab = choose(open_before, "Cy", "cy", PASSWORD)  # the page was open when it happened
        assert "no longer valid" in tab.error[0].value
        assert accounts.users.find("cy") is None
    assert [field.label for field in tab.button[0].click().run().text_input] == ["Username", "Password"]


def test_what_is_refused_leaves_the_link_good(browser: Browser, accounts: Accounts, ada: User) -> None:
    secret = accounts.invitations.invite("Cy", ["member"])
    for name, username, password, words in (
        ("Cy", "ADA", PASSWORD, "This username is taken"),
        ("Cy", "cy", "password1234", "unrelated words"),
        ("Cy", "cy", "short", "at least 12"),
        (" ", "cy", PASSWORD, "Enter your name"),
    ):
        assert words in choose(follow(secret), name, username, password).error[0].value
    assert accounts.users.find("cy") is None
    browser.rotate(choose(follow(secret), "Cy", "cy", PASSWORD))
    assert who(browser.open()) == "cy"


def test_somebody_signed_in_uses_no_invitation_up(browser: Browser, accounts: Accounts, ada: User) -> None:
    secret = accounts.invitations.invite("Cy", ["member"])
    browser.sign_in()
    tab = follow(secret)
    assert who(tab) == "ada"
    assert "wasn't used" in tab.toast[0].value
    assert "invitation" not in tab.query_params
    assert accounts.invitations.find(secret).label == "Cy"


def test_where_no_cookie_is_kept_an_invitation_is_not_used_up(desk: Services, accounts: Accounts) -> None:
    tab = follow(accounts.invitations.invite("Cy", ["member"]))
    assert "Allow cookies" in tab.error[0].value
    assert not tab.text_input


PEOPLE = """
from core.apps.admin.pages.people import people
from core import bootstrap_session, get_session_manager
from core.auth import require_sign_in

bootstrap_session()
require_sign_in(get_session_manager().identity)
people()
"""


def test_an_administrator_invites_and_withdraws(browser: Browser, accounts: Accounts, ada: User) -> None:
    accounts.users.set_roles(ada.user_id, ["admin"])
    browser.sign_in()
    tab = press(browser.open(PEOPLE), "Invite")
    next(field for field in tab.text_input if field.label == "Name or email address").input("Cy")
    next(button for button in tab.button if button.label == "Invite").click()  # a run of it alone keeps the dialog
    link = press(tab, "Create link").code[0].value
    secret = link.partition("?invitation=")[2]
    invited = accounts.invitations.find(secret)
    assert (invited.label, invited.roles, invited.invited_by) == ("Cy", ("member",), "Ada")
    tab = browser.open(PEOPLE)
    assert secret not in str(tab)
    assert not press(tab, "Withdraw").exception
    assert accounts.invitations.all() == []
    assert accounts.audit.find()[0].actor_id == ada.user_id


# Links for a new password


def test_who_forgot_the_password_chooses_another_by_a_link_and_is_in(
    browser: Browser, accounts: Accounts, ada: User
) -> None:
    browser.sign_in()
    name = browser.services.settings.cookie_name
    bob = accounts.users.create("bob", "Bob *B.*", password=PASSWORD, must_change_password=True, roles=["member"])
    accounts.users.set_roles(ada.user_id, ["admin"])
    browser.rotate(browser.open())
    link = press(browser.open(PEOPLE), "Create reset link", key=f"reset-roles-{bob.user_id}").code[0].value
    address, _, secret = link.partition("?reset=")
    assert address.endswith("/")
    here = dict(browser.cookies)
    browser.cookies[name] = new_token(browser.services.settings.secret_key.get_secret_value())
    tab = follow(secret, "reset")
    assert "**Bob \\*B\\.\\***" in tab.markdown[0].value
    for new, again, words in (("short", "short", "at least 12"), ("one long phrase", "another phrase", "match")):
        assert words in fill_in(tab, new, again).error[0].value
    data = browser.rotate(fill_in(tab, ANOTHER, ANOTHER))
    assert data["then"] == "", "the link is gone from the address"
    assert who(browser.open()) == "bob"
    came, changed, made = accounts.audit.find(limit=3)
    assert (came.event, changed.event, made.event) == ("sign_in", "password.reset", "password.link")
    assert (changed.actor_id, changed.address, made.actor_id) == (bob.user_id, "192.0.2.1", ada.user_id)
    assert changed.subject == made.subject == f"person:{bob.user_id}"
    assert secret not in str(accounts.audit.find())
    browser.cookies.update(here)
    assert who(browser.open()) == "ada", "nobody else was signed out"


@pytest.mark.parametrize("how", ["forged", "used", "empty"])
def test_a_link_for_a_password_that_is_good_for_nothing_says_so(browser: Browser, ada: User, how: str) -> None:
    resets = browser.services.accounts.resets
    secret = resets.make(ada.user_id)
    open_before = follow(secret, "reset")
    if how == "used":
        resets.use(secret, ANOTHER, by=Actor())
        tab = fill_in(open_before, "a phrase of my own", "a phrase of my own")
        assert "no longer valid" in tab.error[0].value
    tab = follow({"forged": secret[:-1] + "x", "used": secret, "empty": ""}[how], "reset")
    assert "ask an administrator for a new link" in tab.error[0].value
    assert not tab.text_input
    assert rotation(tab) is None
    assert [field.label for field in tab.button[0].click().run().text_input] == ["Username", "Password"]


def test_somebody_signed_in_uses_no_link_up(browser: Browser, accounts: Accounts, ada: User) -> None:
    bob = accounts.users.create("bob", "Bob", password=PASSWORD)
    resets = browser.services.accounts.resets
    secret = resets.make(bob.user_id)
    browser.sign_in()
    tab = follow(secret, "reset")
    assert who(tab) == "ada"
    assert "wasn't used" in tab.toast[0].value
    assert "reset" not in tab.query_params
    assert resets.find(secret, by=Actor()) == bob


# A password of one's own

OWN_PASSWORD = """
from core.apps.home.pages.password import password
from core import bootstrap_session, get_session_manager
from core.auth import require_sign_in

bootstrap_session()
require_sign_in(get_session_manager().identity)
password()
"""
ANOTHER = "another phrase of some length"


def change(tab: AppTest, old: str, new: str, again: str | None = None) -> AppTest:
    for entry, text in zip(tab.text_input, (old, new, again or new), strict=True):
        entry.input(text)
    return tab.button[0].click().run()


def test_who_changes_their_password_stays_and_all_their_other_browsers_go(browser: Browser, ada: User) -> None:
    services = browser.services
    secret, name = services.settings.secret_key.get_secret_value(), services.settings.cookie_name
    here = browser.cookies
    browser.cookies = {name: new_token(secret)}
    browser.sign_in()
    there, browser.cookies = browser.cookies, here
    browser.sign_in()
    before = browser.cookies[name]
    tab = change(browser.open(OWN_PASSWORD), PASSWORD, ANOTHER)
    assert browser.rotate(tab)["message"] == "Password saved. One moment …"
    assert browser.cookies[name] != before
    assert who(browser.open()) == "ada"
    states = [
        services.accounts.identities.ask(token_hash(token), "anon")
        for token in (before, there[name], browser.cookies[name])
    ]
    assert [state.standing for state in states] == ["ended", "ended", "good"]
    assert services.accounts.audit.find()[0].event == "password.changed"
    browser.cookies = there
    browser.rotate(browser.open())
    assert "Incorrect username or password" in fill_in(browser.open(), "ada", PASSWORD).error[0].value
    assert who(browser.sign_in(password=ANOTHER)) == "ada"


def test_a_password_is_changed_by_who_knows_it_and_to_one_that_may_be(browser: Browser, ada: User) -> None:
    browser.sign_in()
    tab = browser.open(OWN_PASSWORD)
    for old, new, again, words in (
        (PASSWORD, ANOTHER, PASSWORD, "match"),
        (PASSWORD, "password1234", "password1234", "unrelated words"),
        (PASSWORD, PASSWORD, PASSWORD, "your current password"),
        ("a wrong phrase", ANOTHER, ANOTHER, "t your current password"),
    ):
        tab = change(tab, old, new, again)
        assert words in tab.error[0].value
    for _ in range(9):
        tab = change(tab, "a wrong phrase", ANOTHER)
    assert "t your current password" in tab.error[0].value
    assert "Try again in 15 minutes" in change(tab, PASSWORD, ANOTHER).error[0].value
    assert rotation(tab) is None
    assert who(browser.open()) == "ada"


def test_without_passwords_there_is_none_to_change(use: Callable[..., Services]) -> None:
    use(auth="none")
    tab = AppTest.from_string(OWN_PASSWORD, default_timeout=30).run()
    assert not tab.text_input
    assert any("no password here" in text.value for text in tab.markdown)


# What streamlit-authenticator may do

THEIR_ERRORS = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", THEIR_ERRORS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("method", ["__init__", "login"])
def test_each_of_its_errors_is_a_clear_refusal(
    browser: Browser, ada: User, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], method: str
) -> None:
    def fail(*_: object, **__: object) -> bool:
        raise kind("as it says")

    monkeypatch.setattr(AuthenticationController, method, fail)
    tab = fill_in(browser.open(), "ada", PASSWORD)
    assert ["problem on the server" in error.value for error in tab.error] == [True]
    assert not tab.exception
    assert rotation(tab) is None


def test_a_damaged_hash_lets_nobody_in(browser: Browser, ada: User) -> None:
    with browser.services.database.begin() as connection:
        connection.execute(update(UserModel).values(password_hash="$2b$04$damaged"))
    tab = fill_in(browser.open(), "ada", PASSWORD)
    assert len(tab.error) == 1
    assert not tab.exception
    assert rotation(tab) is None


def test_of_it_only_the_sign_in_is_used() -> None:
    """Its forgotten passwords by a name alone, its hints and its codes of four digits are offered nowhere."""
    for path in [*(ROOT / "core").rglob("*.py"), *(ROOT / "apps").rglob("*.py"), ROOT / "main.py", ROOT / "app.py"]:
        text = path.read_text(encoding="utf-8")
        if path == ROOT / "core" / "auth" / "password_check.py":
            assert re.findall(r"\bcontroller\.(\w+)", text) == ["login"]
            text = text.replace("from streamlit_authenticator.controllers import AuthenticationController\n", "", 1)
        assert "streamlit_authenticator" not in text, path


# The other ways in


def test_without_accounts_there_is_one_local_person_who_may_do_everything(use: Callable[..., Services]) -> None:
    services = use(auth="none")
    tab = AppTest.from_string(SCRIPT, default_timeout=30).run()
    assert who(tab) == "local"
    assert "ordered" in tab.button[0].click().run().session_state
    assert AppTest.from_string(SCRIPT, default_timeout=30).run().text[0].value == tab.text[0].value
    local = services.accounts.users.find("local")
    assert local is not None
    services.engine.purge(local.session_id)
    assert AppTest.from_string(SCRIPT, default_timeout=30).run().text[0].value != tab.text[0].value


def test_a_provider_that_is_not_set_up_is_said_in_words(use: Callable[..., Services], browser: Browser) -> None:
    use(auth="oidc", title="Order desk", secret_key=browser.services.settings.secret_key)
    tab = AppTest.from_string(SCRIPT, default_timeout=30).run()
    assert tab.title[0].value == "Order desk"
    tab.button[0].click().run()
    assert "isn't set up yet" in tab.error[0].value
    assert not tab.exception
