"""Refusals are in the audit trail, and however many there are, they neither fill it nor drown one another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from core.accounts import Accounts, Actor, Audited
from core.accounts.audit import DENIED_AT_ONCE, DENIED_PAUSE_SECONDS
from core.clock import FakeClock
from core.services import Services
from core.web import routes
from core.web.binding import Bindings
from core.web.cookie import SessionCookieMiddleware
from core.web.ingress import get_connections
from core.web.token import new_token, token_hash
from core.web.trusted_hosts import TrustedHostsMiddleware
from core.web.uploads import UploadMiddleware

ADA = Actor(user_id="ada", address="192.0.2.7", device="Firefox on Linux")


def refusals(accounts: Accounts) -> list[Audited]:
    assert accounts.background.settle()
    return accounts.audit.find(events=["refused"], limit=10 * DENIED_AT_ONCE)


def test_a_refusal_says_who_from_where_when_and_what(accounts: Accounts, clock: FakeClock) -> None:
    accounts.audit.deny("admin.people", by=ADA)
    (line,) = refusals(accounts)
    assert (line.at, line.actor_id, line.address, line.device) == (clock.now(), "ada", "192.0.2.7", "Firefox on Linux")
    assert line.detail == "admin.people"


def test_the_same_is_noted_once_a_minute(accounts: Accounts, clock: FakeClock) -> None:
    for _ in range(1000):
        accounts.audit.deny("admin.people", by=ADA)
    accounts.audit.deny("admin.roles", by=ADA)
    accounts.audit.deny("admin.people", by=Actor(address="192.0.2.8"))
    assert len(refusals(accounts)) == 3
    clock.advance(DENIED_PAUSE_SECONDS)
    accounts.audit.deny("admin.people", by=ADA)
    assert len(refusals(accounts)) == 4


def test_strangers_from_everywhere_fill_no_table_and_hide_nobody_who_is_signed_in(accounts: Accounts) -> None:
    for number in range(5 * DENIED_AT_ONCE):
        accounts.audit.deny("a request from another site", by=Actor(address=f"address {number}"))
    accounts.audit.deny("admin.people", by=ADA)
    lines = refusals(accounts)
    assert len(lines) == DENIED_AT_ONCE + 1
    assert "ada" in {line.actor_id for line in lines}


@pytest.fixture
def bindings() -> Bindings:
    return Bindings()


@pytest.fixture
def sign_in(services: Services) -> Callable[[str], str]:
    """Sign somebody in at a new browser and return its token."""

    def sign_in(username: str) -> str:
        secret, accounts = services.settings.secret_key.get_secret_value(), services.accounts
        old, new = new_token(secret), new_token(secret)
        user = accounts.users.create(username, username)
        assert accounts.tokens.redeem(
            accounts.tokens.issue_ticket(token_hash(old), user.user_id), token_hash(old), token_hash(new), ""
        )
        return new

    return sign_in


@pytest.fixture
def client(services: Services, bindings: Bindings) -> TestClient:
    """The server's own routes behind the door and the cookie."""
    middleware = [
        Middleware(TrustedHostsMiddleware, allowed_hosts=("testserver",)),
        Middleware(
            SessionCookieMiddleware,
            secret=services.settings.secret_key.get_secret_value(),
            cookie_name=services.settings.cookie_name,
            cookie_secure=False,
            bindings=bindings,
        ),
        Middleware(UploadMiddleware, connections=get_connections(), bindings=bindings),
    ]
    return TestClient(Starlette(routes=routes(), middleware=middleware), client=("192.0.2.9", 1))


def test_another_site_and_another_name_are_noted_with_the_address(client: TestClient, services: Services) -> None:
    assert client.post("/keep/rotate", headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.get("/keep/health", headers={"Host": "elsewhere.example"}).status_code == 400
    assert {(line.detail, line.address) for line in refusals(services.accounts)} == {
        ("a request from another site", "192.0.2.9"),
        ("a request for a server of another name", "192.0.2.9"),
    }


def test_a_page_of_ours_that_asks_from_nowhere_is_noted_with_its_person(
    client: TestClient, services: Services, sign_in: Callable[[str], str]
) -> None:
    client.cookies.set(services.settings.cookie_name, sign_in("ada"))
    assert client.post("/keep/rotate").status_code == 403
    (line,) = refusals(services.accounts)
    assert [line.actor_id] == [user.user_id for user in services.accounts.users.all()]


def test_who_reaches_for_another_persons_open_page_is_noted_with_whose_it_was(
    client: TestClient, bindings: Bindings, services: Services, sign_in: Callable[[str], str]
) -> None:
    bindings.bind("st-of-ada", token_hash(sign_in("ada")))
    client.cookies.set(services.settings.cookie_name, sign_in("bob"))
    ids = {user.user_id: user.username for user in services.accounts.users.all()}
    with (
        pytest.raises(WebSocketDisconnect),  # there is no stream behind this door
        client.websocket_connect("/_stcore/stream", subprotocols=["streamlit", "none", "st-of-ada"]),
    ):
        pass
    assert client.put("/_stcore/upload_file/st-of-ada/f", content=b"x").status_code in (400, 403)
    lines = refusals(services.accounts)
    assert {line.detail for line in lines} == {"another browser's open page", "an upload into another browser's page"}
    for line in lines:
        assert (ids[line.actor_id or ""], ids[line.subject.removeprefix("person:")]) == ("bob", "ada")


def test_an_id_of_before_a_restart_is_no_attempt(client: TestClient, services: Services) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/_stcore/stream", subprotocols=["streamlit", "none", "st-of-before"]),
    ):
        pass
    assert refusals(services.accounts) == []
