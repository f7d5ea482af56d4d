"""What every answer tells the browser to forbid."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from core.errors import ConfigurationError
from core.web.headers import HeadersMiddleware, page_policy, scripts_of_the_page

PAGES = ["/", "/orders?step=2", "/deep/link"]
OTHERS = ["/media/drawing.svg", "/keep/health", "/_stcore/upload_file/a/b", "/_stcore/health"]


async def page(_request: Request) -> Response:
    return HTMLResponse("<html></html>", headers={"Cache-Control": "no-cache"})


async def asset(_request: Request) -> Response:
    return PlainTextResponse("x", media_type="text/javascript", headers={"Cache-Control": "public, immutable"})


async def document(_request: Request) -> Response:
    return Response("<svg/>", media_type="image/svg+xml")


async def with_cookies(_request: Request) -> Response:
    cookies = ["_streamlit_xsrf=2|a; Path=/; SameSite=Lax", "__Host-keep=b; Path=/; Secure"]
    answer = PlainTextResponse("ok")
    answer.raw_headers += [(b"set-cookie", cookie.encode()) for cookie in cookies]
    return answer


async def broken(_request: Request) -> Response:
    return Response(status_code=404)


async def failing(_request: Request) -> Response:
    raise RuntimeError("the word is swordfish")


def client(*, policy: str = "", https: bool = False, base_path: str = "") -> TestClient:
    base = f"/{base_path}" if base_path else ""
    routes = [
        Route(f"{base}/static/app.js", asset),
        Route(f"{base}/gone", broken),
        Route(f"{base}/failing", failing),
        Route(f"{base}/_stcore/health", with_cookies),
        Route(f"{base}/media/{{path}}", document),
        Route("/{path:path}", page, methods=["GET", "POST"]),
    ]
    middleware = Middleware(HeadersMiddleware, policy=policy or page_policy(), https=https, base_path=base_path)
    return TestClient(Starlette(routes=routes, middleware=[middleware]), raise_server_exceptions=False)


def directives(policy: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in policy.split(";"))}


@pytest.mark.parametrize("path", [*PAGES, *OTHERS, "/static/app.js", "/gone", "/failing"])
def test_every_answer_has_them(path: str) -> None:
    headers = client().get(path).headers
    policy = directives(headers["content-security-policy"])
    assert (policy["object-src"], policy["base-uri"], policy["frame-ancestors"]) == (["'none'"], ["'none'"], ["'none'"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=(self), microphone=(self)" in headers["permissions-policy"]
    assert "geolocation=()" in headers["permissions-policy"]


def test_a_page_runs_no_script_but_the_project_s_own() -> None:
    scripts = directives(page_policy())["script-src"]
    assert "'self'" in scripts
    assert {"'unsafe-inline'", "'unsafe-eval'", "data:", "https:", "*"}.isdisjoint(scripts)


def test_a_page_loads_and_asks_nothing_elsewhere() -> None:
    own = {"'self'", "'none'", "data:", "blob:", "'unsafe-inline'", "'wasm-unsafe-eval'"}
    assert {source for sources in directives(page_policy()).values() for source in sources} == own


def test_the_inline_scripts_of_streamlit_s_page_are_allowed_by_their_hashes() -> None:
    scripts = scripts_of_the_page()
    assert len(scripts) == 2, "Streamlit's page has another number of them now, beside ours"
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in directives(page_policy(scripts))["script-src"]


@pytest.mark.parametrize("path", OTHERS)
def test_what_is_no_page_is_no_document_that_could_do_anything(path: str) -> None:
    """Such as a drawing somebody uploaded, with a script in it, and opened by its address."""
    policy = directives(client().get(path).headers["content-security-policy"])
    assert policy["default-src"] == ["'none'"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy["sandbox"]


def test_a_component_of_the_older_kind_is_framed_by_this_app_s_pages_only() -> None:
    policy = directives(client().get("/component/some.calendar/index.html").headers["content-security-policy"])
    assert policy["frame-ancestors"] == ["'self'"]
    assert policy["base-uri"] == ["'none'"]


def test_pages_below_a_base_path_have_the_policy_of_pages() -> None:
    desk = client(base_path="desk")
    for path in ("/desk", "/desk/orders", "/desk/static/app.js"):
        assert desk.get(path).headers["content-security-policy"] == page_policy()
    assert "sandbox" in desk.get("/desk/media/drawing.svg").headers["content-security-policy"]


def test_an_error_inside_is_answered_without_a_word_about_it() -> None:
    answer = client().get("/failing")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_browsers_are_held_to_https_where_there_is_https() -> None:
    assert "strict-transport-security" not in client().get("/").headers
    for path in (*PAGES, *OTHERS):
        found = client(https=True).get(path).headers["strict-transport-security"]
        assert int(re.findall(r"max-age=(\d+)", found)[0]) >= 365 * 86400
        assert "includeSubDomains" in found


def test_every_cookie_is_for_https_only_where_there_is_https() -> None:
    """Streamlit's own, too: behind a proxy it takes itself to be served without."""
    cookies = client(https=True).get("/_stcore/health").headers.get_list("set-cookie")
    assert [cookie.count("Secure") for cookie in cookies] == [1, 1]
    assert "Secure" not in client().get("/_stcore/health").headers.get_list("set-cookie")[0]


def test_nothing_of_a_page_stays_in_the_browser_s_cache_and_assets_do() -> None:
    assert client().get("/").headers["cache-control"] == "no-store"
    assert client().get("/media/drawing.svg").headers["cache-control"] == "no-store"
    assert client().get("/static/app.js").headers["cache-control"] == "public, immutable"


def test_a_project_may_name_more_sources() -> None:
    more = "img-src https://images.example https://maps.example; frame-ancestors https://portal.example;"
    policy = directives(page_policy(more=more))
    assert policy["img-src"] == ["'self'", "data:", "blob:", "https://images.example", "https://maps.example"]
    assert policy["frame-ancestors"] == ["https://portal.example"]
    assert policy["script-src"] == directives(page_policy())["script-src"]


@pytest.mark.parametrize(
    "more", ["object-src https://a.example", "base-uri 'self'", "img-source https://a.example", "img-src", "sandbox x"]
)
def test_what_can_not_be_added_is_named_when_the_server_starts(more: str) -> None:
    with pytest.raises(ConfigurationError, match="CONTENT_SOURCES"):
        page_policy(more=more)
