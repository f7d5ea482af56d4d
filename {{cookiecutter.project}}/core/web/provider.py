"""Around Streamlit's sign-in through an identity provider: where to go afterwards, and who is let in.

Streamlit leads to the provider and back, and checks what it says. By itself it would then keep that statement in
cookies for a month, forget the page somebody came from, and return without a word when something went wrong. So on the
way back the statement is exchanged for a token of ours, and of Streamlit's cookies only what signing out needs is left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value, decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import TOKENS_COOKIE_NAME, USER_COOKIE_NAME

from core.accounts import Actor
from core.services import Services
from core.web.address import folder, is_page
from core.web.arrival import arrive
from core.web.cookie import set_cookie_header
from core.web.device import describe_device
from core.web.request import browser_token, client_address
from core.web.slip import Slip, Word

_LOGIN, _LOGOUT, _CALLBACK = "auth/login", "auth/logout", "oauth2callback"
_LONGEST_HINT = 2_500
"""Characters of an id token that is kept for signing out at the provider. One with very many groups is longer."""

log = structlog.get_logger(__name__)


class ProviderMiddleware:
    """Wraps the three routes of Streamlit's. `services` are asked for when somebody arrives."""

    def __init__(self, app: ASGIApp, *, services: Callable[[], Services], base_path: str = "") -> None:
        self._app = app
        self._services = services
        self._base = folder(base_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(self._base) if scope["type"] == "http" else ""
        if path not in (_LOGIN, _LOGOUT, _CALLBACK):
            await self._app(scope, receive, send)
            return
        if scope["method"] != "GET":  # Streamlit takes HEAD for GET, and would sign in past what is done here
            await Response(status_code=405, headers={"Allow": "GET"})(scope, receive, send)
            return
        request = Request(scope)
        answer = await _answered(self._app, scope, receive)
        if path == _LOGIN:
            answer = self._leaving(request, answer)
        elif path == _CALLBACK:
            answer = await self._coming_back(request, answer)
        else:
            answer = self._signing_out(answer)
        await answer(scope, receive, send)

    def _leaving(self, request: Request, answer: Response) -> Response:
        """Note the page somebody comes from. Where the provider can't be asked, go back there and say so."""
        page, settings = self._page_before(request), self._services().settings
        if answer.status_code < 400:
            _set_cookie(answer, Slip(page=page).header(settings))
            return answer
        log.error("the identity provider can't be asked; is it reachable, and described as it is?")
        return self._back(page, Slip(page=page, word="away").header(settings))

    async def _coming_back(self, request: Request, answer: Response) -> Response:
        """Let in whom the provider's statement names, and go where they wanted to; or go there and say why not."""
        services = self._services()
        settings = services.settings
        slip = Slip.read(request.cookies, settings)
        page = slip.page if slip is not None else self._base
        said = _statement(answer)
        if said is None:
            if not request.query_params.keys() & {"code", "error"}:
                return answer  # from signing out at the provider
            word: Word = "cancelled" if request.query_params.get("error") == "access_denied" else "failed"
            return self._back(page, Slip(page=page, word=word).header(settings), answer)
        secret = settings.secret_key.get_secret_value()
        browser = browser_token(request, settings.cookie_name, secret)
        by = Actor(address=client_address(request), device=describe_device(request.headers.get("user-agent")))
        arrival = await run_in_threadpool(arrive, services, said, browser, by=by)
        if arrival.token is None:
            return self._back(page, Slip(page=page, word=arrival.outcome, who=arrival.who).header(settings), answer)
        cookie = set_cookie_header(settings.cookie_name, arrival.token, secure=settings.cookie_secure)
        back = self._back(page, Slip.forgetting(settings), answer)
        _set_cookie(back, cookie)
        return back

    def _signing_out(self, answer: Response) -> Response:
        """Come back from signing out without the provider where it would not lead back.

        Strict ones ask for the id token, and one too long for a cookie was not kept.
        """
        settings, target = self._services().settings, urlsplit(answer.headers.get("location", ""))
        if target.netloc and "id_token_hint" not in parse_qs(target.query):
            return self._back(self._base, Slip(page=self._base, word="left_open").header(settings), answer)
        _set_cookie(answer, Slip.forgetting(settings))
        return answer

    def _back(self, page: str, cookie: str, answer: Response | None = None) -> Response:
        """Go to a page of ours, and take along what is needed of Streamlit's cookies."""
        back = RedirectResponse(page, status_code=302, headers={"Cache-Control": "no-store"})
        _set_cookie(back, cookie)
        for header in _needed(answer.headers.getlist("set-cookie")) if answer is not None else ():
            _set_cookie(back, header)
        return back

    def _page_before(self, request: Request) -> str:
        """Return the page of ours that led here, with its parameters; the app's address where that can't be told."""
        try:
            before = urlsplit(request.headers.get("referer", ""))
        except ValueError:
            return self._base
        site = request.headers.get("sec-fetch-site")
        ours = site == "same-origin" if site else before.netloc == request.headers.get("host")
        page = f"{before.path}?{before.query}" if before.query else before.path
        # A path that begins with two slashes would be the address of another site.
        safe = not page.startswith(("//", "/\\")) and page.isascii() and page.isprintable()
        asked = {"path": before.path, "method": "GET"}
        return page if ours and safe and len(page) < 2_000 and is_page(asked, self._base) else self._base


async def _answered(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """Return what the app answers, instead of sending it."""
    answer, body = Response(), bytearray()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status_code = message["status"]
            answer.raw_headers = list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    answer.body = bytes(body)
    return answer


def _set_cookie(answer: Response, header: str) -> None:
    answer.headers.append("Set-Cookie", header)


def _statement(answer: Response) -> Mapping[str, Any] | None:
    """Return the claims of the id token that Streamlit has just verified; None where it has none."""
    cookies = {}
    for header in answer.headers.getlist("set-cookie"):
        name, _, rest = header.partition("=")
        cookies[name] = rest.partition(";")[0]
    return _read(cookies, USER_COOKIE_NAME)


def _needed(headers: Iterable[str]) -> Iterator[str]:
    """What of Streamlit's cookies is kept: which provider it was, and its id token, for signing out there.

    Neither says who somebody is: `st.user` stays empty. Cookies that are taken away, and others, stay as they are.
    """
    cookies = {header.partition("=")[0]: header for header in headers}
    values = {name: header.partition("=")[2].partition(";")[0] for name, header in cookies.items()}
    for name, header in cookies.items():
        if name.startswith(USER_COOKIE_NAME) and values[name] not in ("", '""'):
            if name in (USER_COOKIE_NAME, TOKENS_COOKIE_NAME) and (said := _read(values, name)) is not None:
                kept = _kept(said, "origin", "provider") if name == USER_COOKIE_NAME else _kept(said, "id_token")
                value = create_signed_value(get_cookie_secret(), name, json.dumps(kept)).decode("ascii")
                yield f"{name}={value};{header.partition(';')[2]}"
        else:
            yield header


def _kept(said: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: said[name] for name in names if len(str(said.get(name, ""))) <= _LONGEST_HINT and name in said}


def _read(cookies: Mapping[str, str], name: str) -> dict[str, Any] | None:
    secret = get_cookie_secret()

    def signed(part: str) -> bytes | None:
        return decode_signed_value(secret, part, cookies[part]) if part in cookies else None

    value = get_cookie_with_chunks(signed, name)
    if value is None:
        return None
    said = json.loads(value)
    return said if isinstance(said, dict) else None
