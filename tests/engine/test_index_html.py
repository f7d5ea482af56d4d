"""Style and listener are in the page as it arrives, Streamlit opens no dialog about errors, all else is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Scope

from core.streamlit_compat.server import STYLE as STYLE_FILE
from core.streamlit_compat.server import block_dialogs
from core.web import index_html, scripts
from core.web.address import is_page
from core.web.index_html import Change, RewriteMiddleware, add_ours

PAGE = "<html><body><div></div></body></html>"
STYLE, EARLY = (
    path.read_text(encoding="utf-8")
    for path in (STYLE_FILE, Path(index_html.__file__).with_name("pre_hydration_input.js"))
)
PRELOADED = '<link rel="modulepreload" href="/keep/scripts/status-1.js">'
STYLED = f"<html><body><div></div><style>{STYLE}</style><script>{EARLY}</script>{PRELOADED}</body></html>"


async def page(request: Request) -> Response:
    if request.headers.get("if-none-match"):
        return Response(status_code=304)
    return HTMLResponse(PAGE, headers={"ETag": '"kept"'})


async def in_pieces(request: Request) -> Response:
    return StreamingResponse(iter([PAGE[:30], PAGE[30:]]), media_type="text/html")


async def data(request: Request) -> Response:
    return JSONResponse({"not": "</body>"})


async def config(request: Request) -> Response:
    return JSONResponse({"metricsUrl": "", "blockErrorDialogs": False})


async def no_page(request: Request) -> Response:
    return HTMLResponse("<p>no end</p>")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(scripts, "links", lambda: PRELOADED)

    def rewrite(is_wanted: Callable[[Scope], bool], content_type: str, change: Change) -> Middleware:
        return Middleware(RewriteMiddleware, is_wanted=is_wanted, content_type=content_type, change=change)

    middleware = [
        rewrite(lambda scope: is_page(scope, "/app/"), "text/html", add_ours),
        rewrite(lambda scope: scope["path"] == "/app/config", "application/json", block_dialogs),
    ]
    routes = [
        Route("/app/pieces", in_pieces),
        Route("/app/data", data),
        Route("/app/config", config),
        Route("/app/no-page", no_page),
        Route("/{path:path}", page),
    ]
    return TestClient(Starlette(routes=routes, middleware=middleware))


@pytest.mark.parametrize("address", ["/app/", "/app", "/app/orders", "/app/pieces"])
def test_a_page_has_the_style_and_the_listener_at_its_end(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.text == STYLED
    assert answer.headers["content-length"] == str(len(STYLED.encode()))


def test_a_page_the_browser_has_kept_is_sent_again_for_its_style_may_be_another(client: TestClient) -> None:
    answer = client.get("/app/", headers={"If-None-Match": '"kept"'})
    assert (answer.status_code, answer.text) == (200, STYLED)
    assert "etag" not in answer.headers


@pytest.mark.parametrize("address", ["/app/_stcore/health", "/app/component/x/index.html", "/elsewhere"])
def test_what_is_no_page_of_the_app_is_left_alone(client: TestClient, address: str) -> None:
    assert client.get(address).text == PAGE


def test_other_content_is_left_alone(client: TestClient) -> None:
    assert client.get("/app/data").json() == {"not": "</body>"}
    assert client.get("/app/no-page").text == "<p>no end</p>"


def test_streamlit_s_browser_part_is_told_to_open_no_dialogs_about_errors(client: TestClient) -> None:
    answer = client.get("/app/config")
    assert answer.json() == {"metricsUrl": "", "blockErrorDialogs": True}
    assert answer.headers["content-length"] == str(len(answer.content))
