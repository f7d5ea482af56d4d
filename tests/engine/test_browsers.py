"""Browsers in use: found by person and device, and signed out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.accounts import Accounts, Actor, User
from core.accounts.setup import seed_administrator
from core.clock import FakeClock
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.ui import plain
from core.web.token import new_token, token_hash
from tests.engine.conftest import SESSION_TIMEOUT, signed_in
from tests.engine.pages import open_page
from tests.engine.writing import put

PASSWORD = "a phrase of some length"


def sign_in(accounts: Accounts, user: User, browser: str, device: str = "Firefox on Linux") -> None:
    old = f"before-{browser}"
    assert accounts.tokens.redeem(accounts.tokens.issue_ticket(old, user.user_id), old, browser, device)


@pytest.fixture
def people(accounts: Accounts) -> Iterator[dict[str, User]]:
    yield {
        name: accounts.users.create(name, name.title(), password=PASSWORD, roles=["member"]) for name in ("ada", "bob")
    }
    accounts.close()


def found(accounts: Accounts, **wanted: str) -> list[str]:
    rows = accounts.browsers.find(**wanted, limit=10)
    assert accounts.browsers.count(**wanted) == len(rows)
    return [row.token_hash for row in rows]


def test_browsers_are_found_by_part_of_a_name_and_by_device(
    accounts: Accounts, people: dict[str, User], clock: FakeClock
) -> None:
    sign_in(accounts, people["ada"], "a1")
    clock.advance(1)
    sign_in(accounts, people["ada"], "a2", "Safari on iOS")
    clock.advance(1)
    sign_in(accounts, people["bob"], "b")
    clock.advance(1)
    accounts.tokens.register("nobody", "anon-1", "Firefox on Windows")

    assert found(accounts) == ["nobody", "b", "a2", "a1"], "the last seen first"
    assert found(accounts, person="AD") == ["a2", "a1"]
    assert found(accounts, person="bob", device="fire") == ["b"]
    assert found(accounts, device="100%") == []
    assert [row.token_hash for row in accounts.browsers.find(limit=2, offset=1)] == ["b", "a2"]


def test_a_browser_that_ended_is_not_found(accounts: Accounts, people: dict[str, User], clock: FakeClock) -> None:
    sign_in(accounts, people["ada"], "revoked")
    sign_in(accounts, people["bob"], "expired")
    accounts.tokens.revoke("revoked")
    clock.advance(SESSION_TIMEOUT + 1)
    sign_in(accounts, people["bob"], "good")

    assert found(accounts) == ["good"]


def test_signing_a_person_out_everywhere_is_audited_once_and_leaves_others(
    accounts: Accounts, people: dict[str, User]
) -> None:
    for browser in ("a1", "a2"):
        sign_in(accounts, people["ada"], browser)
    sign_in(accounts, people["bob"], "b")
    assert accounts.browsers.revoke_person(people["ada"].user_id, by=Actor(user_id=people["bob"].user_id)) == 2

    assert found(accounts) == ["b"]
    (noted,) = accounts.audit.find(events=["session.revoked"])
    assert (noted.actor_id, noted.subject) == (people["bob"].user_id, f"person:{people['ada'].user_id}")


# The page


def rows(tab: AppTest) -> str:
    return "\n".join(text.value for text in tab.markdown)


def browser_of(services: Services, user: User, number: int) -> str:
    name = f"{number:064x}"
    sign_in(services.accounts, user, name)
    return name[:16]


@pytest.fixture
def ada(as_signed_in_admin: Services) -> User:
    return as_signed_in_admin.accounts.users.create(
        "ada", "Ada [x](http://example.org)", password=PASSWORD, roles=["member"]
    )


def test_a_browser_can_be_signed_out(as_signed_in_admin: Services, ada: User) -> None:
    key = browser_of(as_signed_in_admin, ada, 1 << 200)
    tab = open_page("admin-sessions")
    tab.button(key=f"revoke-{key}").click().run()

    assert not tab.exception
    assert as_signed_in_admin.accounts.browsers.count(person="ada") == 0
    (noted,) = as_signed_in_admin.accounts.audit.find(events=["session.revoked"])
    assert noted.actor_id is not None, "who did it"


def test_a_person_can_be_signed_out_everywhere(as_signed_in_admin: Services, ada: User) -> None:
    key = browser_of(as_signed_in_admin, ada, 1 << 200)
    browser_of(as_signed_in_admin, ada, 2 << 200)
    open_page("admin-sessions").button(key=f"revoke-all-{key}").click().run()

    assert as_signed_in_admin.accounts.browsers.count(person="ada") == 0


def test_a_name_is_no_link(as_signed_in_admin: Services, ada: User) -> None:
    browser_of(as_signed_in_admin, ada, 1 << 200)

    assert f"**{plain(ada.name)}**" in rows(open_page("admin-sessions"))


def test_health_tells_what_waits_for_the_database_once_that_is_unusual(
    make_settings: Callable[..., Settings], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build_services(make_settings(debounce_delay=600), clock)
    Base.metadata.create_all(built.database)
    with use_services(built):
        seed_administrator(built.accounts, None)
        session = signed_in(built, monkeypatch, "admin").session_id
        put(built.engine, session, {"form/f/field/a": 1})
        assert "All is well" in open_page("admin-health").success[0].value
        clock.advance(61)
        assert "Edits have waited for the database since " in open_page("admin-health").error[0].value


def test_a_long_list_is_shown_in_pages(as_signed_in_admin: Services, ada: User) -> None:
    for number in range(25):
        browser_of(as_signed_in_admin, ada, (number + 1) << 200)
    tab = open_page("admin-sessions")
    first = rows(tab)
    tab.text_input[0].set_value("nobody of this name").run()

    assert first.count("**Ada") == 20
    assert "No browser in use matches your search." in [text.value for text in tab.caption]


def test_the_list_marks_this_browser(as_admin: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    token = new_token(as_admin.settings.secret_key.get_secret_value())
    monkeypatch.setattr(ContextProxy, "cookies", {as_admin.settings.cookie_name: token})
    as_admin.accounts.tokens.register(token_hash(token), "anon-1", "Firefox on Linux")

    assert "[this browser]" in rows(open_page("admin-sessions"))


def test_where_nobody_signs_in_nobody_is_signed_out(as_admin: Services) -> None:
    as_admin.accounts.tokens.register("a browser", "anon-1", "Firefox on Linux")
    tab = open_page("admin-sessions")

    assert "**Local user**" in rows(tab)
    assert not [button for button in tab.button if "Sign out" in button.label]
