"""Who is let in at all: by which name, from which pages, to which routes."""

from __future__ import annotations

import socket

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.streamlit_compat.server import CLOSED, PROVIDER
from core.web.trusted_hosts import TrustedHostsMiddleware, is_allowed_host

HERE = {"Host": "app.example.com"}


async def answer(_request: Request) -> Response:
    return PlainTextResponse("inside")


async def stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("inside")
    await websocket.close()


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.web.trusted_hosts.note_denied", lambda *_, **__: None)


def client(*, base_path: str = "", closed: tuple[str, ...] = CLOSED) -> TestClient:
    base = f"/{base_path}" if base_path else ""
    routes = [
        WebSocketRoute(f"{base}/_stcore/stream", stream),
        Route("/{path:path}", answer, methods=["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"]),
    ]
    middleware = Middleware(
        TrustedHostsMiddleware,
        allowed_hosts=("app.example.com",),
        closed=closed,
        base_path=base_path,
    )
    return TestClient(Starlette(routes=routes, middleware=[middleware]))


# Names


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8501",
        "app.localhost:8501",
        "127.0.0.1:8501",
        "192.168.1.20",
        "[::1]:8501",
        "app.example.com",
        "App.Example.com.:443",
        "a.b.example.org",
        socket.gethostname(),
    ],
)
def test_a_server_answers_to_its_names(host: str) -> None:
    assert is_allowed_host(host, ("app.example.com", "*.example.org"))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "app.example.com.evil.example",
        "evilapp.example.com",
        "example.org",
        "evilexample.org",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "app.example.com:notaport",
        "app.example.com:99999",
        "evil@app.example.com",
        "app.example.com/evil",
        "app.example.com?evil",
        "app.example.com#evil",
        "[::1",
        ":8501",
    ],
)
def test_it_answers_to_no_other(host: str) -> None:
    assert not is_allowed_host(host, ("app.example.com", "*.example.org"))
    assert client().get("/", headers={"Host": host}).status_code == 400


def test_any_name_can_be_allowed_but_not_what_is_none() -> None:
    assert is_allowed_host("whatever.example", ("*",))
    assert not is_allowed_host("what/ever", ("*",))


def test_two_names_at_once_are_none() -> None:
    headers = [("Host", "app.example.com"), ("Host", "evil.example")]
    assert client().get("/", headers=headers).status_code == 400


def test_a_foreign_name_opens_no_connection_either() -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        client().websocket_connect("/_stcore/stream", headers={"Host": "evil.example"}),
    ):
        pass


# Origins


@pytest.mark.parametrize("origin", ["https://app.example.com", "http://APP.example.com", None])
def test_pages_of_this_server_and_programs_open_a_connection(origin: str | None) -> None:
    headers = HERE if origin is None else {**HERE, "Origin": origin}
    with client().websocket_connect("/_stcore/stream", headers=headers) as connection:
        assert connection.receive_text() == "inside"


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost:3000"},
    {"Origin": "https://app.example.com.evil.example"},
    {"Origin": "https://app.example.com:8443"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_other_pages_open_none(headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/_stcore/stream", headers={**HERE, **headers}):
        pass


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_pages_change_nothing(method: str, headers: dict[str, str]) -> None:
    path = "/_stcore/upload_file/session/file"
    assert client().request(method, path, headers={**HERE, **headers}).status_code == 403
    own = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "same-origin"}
    assert client().request(method, path, headers={**HERE, **own}).status_code == 200


def test_a_link_on_another_page_leads_here() -> None:
    assert client().get("/orders", headers={**HERE, "Sec-Fetch-Site": "cross-site"}).status_code == 200


# Routes


@pytest.mark.parametrize("base_path", ["", "desk"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "_stcore/agent/interact",
        "_stcore/agent/mcp",
        "_stcore/agent/openapi.json",
        "_stcore/script-health-check",
        "_stcore/metrics",
    ],
)
def test_what_goes_past_our_cookie_is_closed(base_path: str, method: str, path: str) -> None:
    address = f"/{base_path}/{path}" if base_path else f"/{path}"
    assert client(base_path=base_path).request(method, address, headers=HERE).status_code == 404


def test_the_provider_s_routes_are_closed_where_there_is_none() -> None:
    for path in ("/auth/login", "/auth/logout", "/oauth2callback"):
        assert client(closed=(*CLOSED, *PROVIDER)).get(path, headers=HERE).status_code == 404
        assert client().get(path, headers=HERE).status_code == 200
