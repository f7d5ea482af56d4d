"""The session cookie over HTTP: who receives one, what is handed on, and whose Streamlit session it opens."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from core.web.binding import Bindings
from core.web.cookie import SessionCookieMiddleware
from core.web.token import new_token, token_hash, verify

SECRET, NAME = "s" * 32, "keep_test"


async def page(request: Request) -> Response:
    return HTMLResponse("<html></html>", headers={"Cache-Control": "no-cache"})


async def seen(request: Request) -> Response:
    return JSONResponse(request.headers.getlist("cookie"))


async def asset(request: Request) -> Response:
    return PlainTextResponse("x", media_type="text/javascript")


async def not_modified(request: Request) -> Response:
    return Response(status_code=304)


async def stream(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="streamlit")
    await websocket.send_json([websocket.headers.get("sec-websocket-protocol"), websocket.cookies])
    await websocket.close()


Make = Callable[..., TestClient]


@pytest.fixture
def bindings() -> Bindings:
    return Bindings()


@pytest.fixture
def client(bindings: Bindings) -> Make:
    def make(*, secure: bool = False, base_path: str = "", name: str = NAME) -> TestClient:
        base = f"/{base_path}" if base_path else ""
        routes = [
            Route(f"{base}/_stcore/health", page),
            WebSocketRoute(f"{base}/_stcore/stream", stream),
            Route(f"{base}/static/app.js", asset),
            Route(f"{base}/seen", seen),
            Route(f"{base}/cached", not_modified),
            Route("/{path:path}", page, methods=["GET", "POST"]),
        ]
        middleware = Middleware(
            SessionCookieMiddleware,
            secret=SECRET,
            cookie_name=name,
            cookie_secure=secure,
            bindings=bindings,
            base_path=base_path,
        )
        return TestClient(Starlette(routes=routes, middleware=[middleware]))

    return make


def given_token(response: Response) -> str | None:
    found = re.match(rf"(?:__Host-)?{NAME}=([^;]+);", response.headers.get("set-cookie", ""))
    return found.group(1) if found else None


def cookie(*values: str) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{NAME}={value}" for value in values)}


# Who receives one


def test_a_page_gives_a_browser_a_valid_token(client: Make) -> None:
    response = client().get("/")
    token = given_token(response)
    assert token is not None
    assert verify(token, SECRET)
    attributes = set(response.headers["set-cookie"].split("; ")[1:])
    assert attributes == {"Path=/", "Max-Age=34560000", "HttpOnly", "SameSite=Lax"}
    assert response.headers["cache-control"] == "no-store"


def test_behind_https_the_cookie_is_for_this_host_and_https_only(client: Make) -> None:
    header = client(secure=True, name=f"__Host-{NAME}").get("/").headers["set-cookie"]
    assert header.startswith(f"__Host-{NAME}=")
    assert {"Secure", "Path=/"} <= set(header.split("; "))
    assert "domain" not in header.lower()


def test_two_browsers_receive_different_tokens(client: Make) -> None:
    assert given_token(client().get("/")) != given_token(client().get("/"))


def test_a_valid_token_is_kept(client: Make) -> None:
    response = client().get("/", headers=cookie(new_token(SECRET)))
    assert "set-cookie" not in response.headers
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/deep/link", "/orders?step=2", "/media", "/keep"])
def test_every_page_gives_one(client: Make, path: str) -> None:
    assert given_token(client().get(path))


def test_a_page_the_browser_has_kept_gives_one_too(client: Make) -> None:
    assert given_token(client().get("/cached"))


@pytest.mark.parametrize("path", ["/_stcore/health", "/static/app.js", "/keep/health", "/media/x.html", "/component/x"])
def test_what_is_no_page_gives_none(client: Make, path: str) -> None:
    assert "set-cookie" not in client().get(path).headers


def test_only_a_get_gives_one(client: Make) -> None:
    assert "set-cookie" not in client().post("/").headers


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "." * 87,
        "a" * 8192,
        '"quoted"',
        "%00%ff",
        new_token("t" * 32),
        new_token(SECRET)[:-1],
        new_token(SECRET) + "=",
        new_token(SECRET).upper(),
    ],
    ids=["empty", "short", "dots", "8 KB", "quoted", "bytes", "foreign", "cut", "longer", "upper"],
)
def test_what_is_not_ours_is_replaced_and_not_handed_on(client: Make, value: str) -> None:
    assert given_token(client().get("/", headers=cookie(value)))
    assert client().get("/seen", headers=cookie(value)).json() == []


def test_bytes_beyond_ascii_are_no_token(client: Make) -> None:
    raw = [(b"cookie", NAME.encode() + b"=\xff\xfe\x80")]
    assert given_token(client().get("/", headers=raw))


# What is handed on


def test_other_cookies_pass_as_they_are(client: Make) -> None:
    token = new_token(SECRET)
    headers = {"Cookie": f'a=1; {NAME}=forged; b="two words"; {NAME}={token}'}
    assert client().get("/seen", headers=headers).json() == [f'a=1; b="two words"; {NAME}={token}']


def test_the_same_token_twice_counts_once(client: Make) -> None:
    token = new_token(SECRET)
    assert client().get("/seen", headers=cookie(token, token)).json() == [f"{NAME}={token}"]


def test_two_valid_tokens_are_one_too_many(client: Make) -> None:
    headers = cookie(new_token(SECRET), new_token(SECRET))
    assert client().get("/seen", headers=headers).json() == []
    assert given_token(client().get("/", headers=headers))


def test_cookies_in_several_headers_are_read_together(client: Make) -> None:
    first, second = (f"{NAME}={new_token(SECRET)}" for _ in range(2))
    assert client().get("/seen", headers=[("Cookie", first), ("Cookie", second)]).json() == []


def test_the_connection_of_a_page_carries_only_a_valid_token(client: Make) -> None:
    token = new_token(SECRET)
    with client().websocket_connect("/_stcore/stream", headers=cookie("forged")) as connection:
        assert connection.receive_json() == [None, {}]
    with client().websocket_connect("/_stcore/stream", headers=cookie(token)) as connection:
        assert connection.receive_json() == [None, {NAME: token}]


# Streamlit's own session ids


@pytest.mark.parametrize("base_path", ["", "desk"])
def test_a_streamlit_session_resumes_for_its_own_browser_only(client: Make, bindings: Bindings, base_path: str) -> None:
    mine, other = new_token(SECRET), new_token(SECRET)
    bindings.bind("st-1", token_hash(mine))
    address = f"/{base_path}/_stcore/stream" if base_path else "/_stcore/stream"

    def asked(headers: dict[str, str], *protocols: str) -> str:
        browser = client(base_path=base_path)
        with browser.websocket_connect(address, headers=headers, subprotocols=list(protocols)) as connection:
            names: str = connection.receive_json()[0]
            return names.replace(" ", "")

    assert asked(cookie(mine), "streamlit", "xsrf", "st-1") == "streamlit,xsrf,st-1"
    assert asked(cookie(other), "streamlit", "xsrf", "st-1") == "streamlit,xsrf"
    assert asked({}, "streamlit", "xsrf", "st-1") == "streamlit,xsrf"
    assert asked(cookie(mine), "streamlit", "xsrf", "st-unknown") == "streamlit,xsrf"
    assert asked(cookie(other), "streamlit", "xsrf") == "streamlit,xsrf"


def test_the_first_owner_of_an_id_stays() -> None:
    bindings = Bindings()
    bindings.bind("st-1", "first")
    bindings.bind("st-1", "second")
    assert bindings.belongs("st-1", "first")
    assert not bindings.belongs("st-1", "second")
    assert not bindings.belongs("st-1", None)


def test_the_ids_longest_unused_are_forgotten() -> None:
    bindings = Bindings(maximum=2)
    for name in ("a", "b", "a", "c"):
        bindings.bind(name, "owner")
    assert [name for name in "abc" if bindings.belongs(name, "owner")] == ["a", "c"]
