"""Our routes: health, the exchange of a ticket, and what a server does when it starts."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from core.accounts import User
from core.errors import ConfigurationError, SchemaError
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.state.paths import join_path
from core.storage.migrate import schema_state, upgrade
from core.web import lifespan, routes, scripts
from core.web.binding import Bindings
from core.web.client import describe_device
from core.web.cookie import SessionCookieMiddleware
from core.web.replica import version
from core.web.shutdown import get_shutdown
from core.web.token import anonymous_session_id, new_token, token_hash, verify
from tests.engine.writing import put

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def secret(services: Services) -> str:
    return services.settings.secret_key.get_secret_value()


@pytest.fixture
def client(services: Services, secret: str) -> TestClient:
    middleware = Middleware(
        SessionCookieMiddleware,
        secret=secret,
        cookie_name=services.settings.cookie_name,
        cookie_secure=False,
        bindings=Bindings(),
    )
    return TestClient(Starlette(routes=routes(), middleware=[middleware]))


@pytest.fixture
def token(client: TestClient, services: Services, secret: str) -> str:
    """The token the client holds."""
    token = new_token(secret)
    client.cookies.set(services.settings.cookie_name, token)
    return token


@pytest.fixture
def ada(services: Services) -> User:
    return services.accounts.users.create("ada", "Ada")


def test_health_tells_the_state_of_the_server(client: TestClient) -> None:
    answer = client.get("/keep/health")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    report = answer.json()
    assert report == {
        "ok": True,
        "database": "up",
        "journal": "up",
        "pending": 0,
        "failures": 0,
        "background": [],
        "version": version(),
    }


def test_health_says_by_its_status_that_the_database_is_down(make_settings: Callable[..., Settings]) -> None:
    away = make_settings(database_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
    with use_services(build_services(away)):
        answer = TestClient(Starlette(routes=routes())).get("/keep/health")
        assert TestClient(Starlette(routes=routes())).get("/keep/ready").status_code == 200, (
            "the others have the same one"
        )
    assert (answer.status_code, answer.json()["ok"], answer.json()["database"]) == (503, False, "down")


def test_between_the_signal_and_the_end_a_server_is_alive_and_not_ready(client: TestClient) -> None:
    ended: list[int] = []
    before = signal.getsignal(signal.SIGTERM)

    async def stop(seconds: float, times: int) -> list[int]:
        over = asyncio.Event()
        signal.signal(signal.SIGTERM, lambda number, _frame: (ended.append(number), over.set()))
        with get_shutdown().before_signal(seconds):
            assert client.get("/keep/ready").status_code == 200
            for _ in range(times):
                signal.raise_signal(signal.SIGTERM)
            assert [client.get(path).status_code for path in ("/keep/live", "/keep/ready")] == [200, 503]
            at_once = list(ended)
            async with asyncio.timeout(60):
                await over.wait()
        return at_once

    try:
        assert asyncio.run(stop(0.01, 1)) == []
        ended.clear()
        assert asyncio.run(stop(0, 1)) == [signal.SIGTERM]
        ended.clear()
        assert asyncio.run(stop(3600, 2)) == [signal.SIGTERM], "who asks twice wants it at once"
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_ticket_is_exchanged_for_a_new_token(
    client: TestClient, services: Services, secret: str, token: str, ada: User
) -> None:
    ticket = services.accounts.tokens.issue_ticket(token_hash(token), ada.user_id)
    answer = client.post("/keep/rotate", json={"ticket": ticket}, headers=SAME_ORIGIN)
    assert answer.status_code == 204
    assert "HttpOnly" in answer.headers["set-cookie"]
    client.cookies.clear()
    new = answer.cookies[services.settings.cookie_name]
    assert new != token
    assert verify(new, secret)
    state = services.accounts.identities.ask(token_hash(new), "anon")
    assert state.user is not None
    assert state.user.user_id == ada.user_id
    assert services.accounts.identities.ask(token_hash(token), "anon").standing == "ended"


def test_a_ticket_of_another_browser_changes_nothing(
    client: TestClient, services: Services, token: str, ada: User
) -> None:
    ticket = services.accounts.tokens.issue_ticket("another browser", ada.user_id)
    answer = client.post("/keep/rotate", json={"ticket": ticket}, headers=SAME_ORIGIN)
    assert answer.status_code == 409
    assert "set-cookie" not in answer.headers
    assert not services.accounts.identities.ask(token_hash(token), "anon").registered


def test_without_a_cookie_of_ours_there_is_nothing_to_exchange(
    client: TestClient, services: Services, ada: User
) -> None:
    ticket = services.accounts.tokens.issue_ticket("somebody", ada.user_id)
    assert client.post("/keep/rotate", json={"ticket": ticket}, headers=SAME_ORIGIN).status_code == 409


def test_work_done_before_signing_in_moves_into_the_persons_session(
    client: TestClient, services: Services, secret: str, token: str, ada: User
) -> None:
    path = join_path("form", "order", "field", "item")
    put(services.engine, anonymous_session_id(token, secret), {path: "a lamp"})
    ticket = services.accounts.tokens.issue_ticket(token_hash(token), ada.user_id)
    assert client.post("/keep/rotate", json={"ticket": ticket}, headers=SAME_ORIGIN).status_code == 204
    assert services.engine.open(ada.session_id).form("order").values == {"item": "a lamp"}
    assert services.engine.open(anonymous_session_id(token, secret)).form("order").values == {}


def test_one_persons_work_does_not_move_to_another(
    client: TestClient, services: Services, token: str, ada: User
) -> None:
    bob = services.accounts.users.create("bob", "Bob")
    hashed = token_hash(token)
    services.accounts.tokens.redeem(services.accounts.tokens.issue_ticket("x", ada.user_id), "x", hashed, "")
    path = join_path("form", "order", "field", "item")
    put(services.engine, ada.session_id, {path: "ada's"})
    ticket = services.accounts.tokens.issue_ticket(hashed, bob.user_id)
    assert client.post("/keep/rotate", json={"ticket": ticket}, headers=SAME_ORIGIN).status_code == 204
    assert services.engine.open(bob.session_id).form("order").values == {}
    assert services.engine.open(ada.session_id).form("order").values == {"item": "ada's"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://testserver"}, 409),
        ({"Sec-Fetch-Site": "same-origin"}, 409),
    ],
)
def test_only_a_page_of_this_server_may_ask(
    client: TestClient, token: str, headers: dict[str, str], status: int
) -> None:
    assert client.post("/keep/rotate", json={"ticket": "invented"}, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nonsense", 400),
        (b"[]", 400),
        pytest.param(b"[" * 1024, 400, id="nested"),
        (b"\xff", 400),
        (b"{}", 409),
        (b'{"ticket": 1}', 409),
        (json.dumps({"ticket": "x" * 2000}).encode(), 413),
    ],
)
def test_a_strange_body_is_refused(client: TestClient, token: str, body: bytes, status: int) -> None:
    assert client.post("/keep/rotate", content=body, headers=SAME_ORIGIN).status_code == status


def test_the_exchange_is_post_only(client: TestClient) -> None:
    assert client.get("/keep/rotate").status_code == 405


# Start and stop


@pytest.fixture
def empty(make_settings: Callable[..., Settings]) -> Iterator[Callable[..., Services]]:
    built: list[Services] = []

    def build(**changes: object) -> Services:
        built.append(build_services(make_settings(**changes)))
        return built[-1]

    yield build
    for services in built:
        services.engine.close()


def start_and_stop() -> None:
    async def run() -> None:
        async with lifespan(lambda: None)(Starlette()):
            pass

    asyncio.run(run())


def test_pages_are_loaded_before_anybody_is_let_in(empty: Callable[..., Services]) -> None:
    loaded: list[str] = []

    async def start() -> None:
        async with lifespan(lambda: loaded.append("pages"))(Starlette()):
            assert loaded == ["pages"]

    with use_services(empty()):
        asyncio.run(start())


def test_development_starts_on_an_empty_database(empty: Callable[..., Services]) -> None:
    services = empty(admin_initial_password="a first long phrase")
    with use_services(services):
        start_and_stop()
        assert schema_state(services.database).is_current
        administrator = services.accounts.users.find("admin")
    assert administrator is not None
    assert administrator.must_change_password


def test_production_refuses_a_database_that_is_behind_and_names_the_remedy(empty: Callable[..., Services]) -> None:
    services = empty(environment="production", cookie_secure=True)
    with use_services(services), pytest.raises(SchemaError, match=r"python manage\.py migrate"):
        start_and_stop()
    assert not schema_state(services.database).is_current


def test_production_starts_on_a_current_database(empty: Callable[..., Services]) -> None:
    services = empty(environment="production", cookie_secure=True)
    upgrade(services.database)
    with use_services(services):
        start_and_stop()


def test_the_server_starts_while_the_database_is_away(empty: Callable[..., Services]) -> None:
    with use_services(empty(database_url="postgresql+psycopg://nobody@127.0.0.1:1/none")):
        start_and_stop()


def test_an_unfit_initial_password_is_named(empty: Callable[..., Services]) -> None:
    with (
        use_services(empty(admin_initial_password="short")),
        pytest.raises(ConfigurationError, match=r"ADMIN_INITIAL_PASSWORD can't be used\. Use at least 12"),
    ):
        start_and_stop()


# Words for a device


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1 (KHTML) Version/18.0 Safari/605.1", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/140.0 Safari/604.1", "Chrome on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8", "A browser"),
        ("", "A browser"),
        (None, "A browser"),
    ],
)
def test_a_device_is_told_in_a_few_words(agent: str | None, words: str) -> None:
    assert describe_device(agent) == words


def test_a_script_is_kept_by_browsers_under_an_address_of_its_own(client: TestClient) -> None:
    client.cookies.clear()
    address = scripts.address("status")
    answer = client.get(address)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "set-cookie" not in answer.headers
    assert "class Outbox" in answer.text
    assert address in scripts.module("status")
    assert len(scripts.module("status")) < 500
    assert "class Tab" in client.get(scripts.address("browser")).text


def test_a_page_of_another_version_gets_the_script_that_is_here_and_nothing_keeps_it(client: TestClient) -> None:
    answer = client.get(scripts.address("status").replace("-", "-0"))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert client.get("/keep/scripts/secrets-0.js").status_code == 404


def test_where_nothing_serves_it_a_component_is_its_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "_served", [])
    assert "class Outbox" in scripts.module("status")
    assert scripts.links() == ""
