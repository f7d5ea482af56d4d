"""Sign in through an identity provider: around Streamlit's routes, decide whom to admit and where to go afterwards.

Streamlit leads to the provider and back, and verifies the ID token. By itself it would then keep its claims in cookies
for a month, forget the page somebody came from, and return without a word when something went wrong. So on the way back
the claims are exchanged for a token of ours, and of Streamlit's cookies only what signing out needs is left.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.accounts import Actor
from core.accounts.oidc import Claims
from core.errors import StoreUnavailableError
from core.services import Services
from core.settings import Settings
from core.storage.database import reachable
from core.streamlit_compat.server import TOKENS_COOKIE, USER_COOKIE, read_signed, signed
from core.web.address import folder, is_page
from core.web.client import client_of
from core.web.cookie import set_cookie_header
from core.web.request import browser_token
from core.web.routes import exchange
from core.web.token import anonymous_session_id, new_token, token_hash

Outcome = Literal["signed_in", "not_admitted", "locked", "stale", "no_database"]
Failure = Literal["", "cancelled", "failed", "away", "left_open"] | Outcome
"""The reason why somebody isn't signed in; empty on the way to the provider."""

_LOGIN, _LOGOUT, _CALLBACK = "auth/login", "auth/logout", "oauth2callback"
_LONGEST_HINT = 2_500
"""Characters of an ID token that is kept for signing out at the provider. One with very many groups is longer."""
_ID_TOKEN_LIFETIME = timedelta(minutes=10)
"""Greatest age of an ID token. It is asked for and used within a second, but clocks differ."""
_FLOW_SECONDS = 600
"""For which the flow's cookie lasts: how long somebody may take at the provider."""
_FAILURE_SECONDS = 60
"""For which a failure stays on the page, also when that is loaded anew."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcFlow:
    """The state of a sign-in, in a signed cookie: where it began, and why it failed.

    `page` is a path of ours, with its parameters; `who` is what to call the person.
    """

    page: str
    failure: Failure = ""
    who: str = ""

    def header(self, settings: Settings) -> str:
        """Return the value of the `Set-Cookie` header that stores the flow."""
        name, secret = _flow_cookie(settings), settings.secret_key.get_secret_value()
        value = signed(name, dataclasses.asdict(self), secret)
        seconds = _FAILURE_SECONDS if self.failure else _FLOW_SECONDS
        return set_cookie_header(name, value, secure=settings.cookie_secure, seconds=seconds)

    @staticmethod
    def forgetting(settings: Settings) -> str:
        """Return the value of the `Set-Cookie` header that removes it."""
        return set_cookie_header(_flow_cookie(settings), "", secure=settings.cookie_secure, seconds=0)

    @classmethod
    def read(cls, cookies: Mapping[str, str], settings: Settings) -> OidcFlow | None:
        """Return the flow among a browser's cookies; None without one, and for one that isn't ours or is too old."""
        name, secret = _flow_cookie(settings), settings.secret_key.get_secret_value()
        said = read_signed(cookies, name, secret, seconds=_FLOW_SECONDS)
        try:
            return cls(**said) if said is not None else None
        except TypeError:
            return None  # given by another version of this project


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The outcome of a sign-in. `token` is the browser's new token, None for who wasn't admitted."""

    outcome: Outcome
    who: str
    """The name or address to call the person by."""
    token: str | None = None


def admit(services: Services, said: Mapping[str, Any], browser: str | None, *, by: Actor) -> Admission:
    """Decide from verified ID-token claims whether to admit the user; create or update the account.

    `browser` is the token of the browser that brought them, None for one without. A refusal is audited, and leaves
    nothing else of the person.
    """
    claims = Claims.of(said, services.settings.oidc_roles_claim)
    who = claims.email or claims.name
    try:
        with reachable():
            outcome, token = _admit(services, claims, browser, by)
    except StoreUnavailableError as error:
        log.warning("nobody can sign in without the database", error=str(error))
        return Admission(outcome="no_database", who=who)
    return Admission(outcome=outcome, who=who, token=token)


class OidcMiddleware:
    """Wraps the three routes of Streamlit's. `services` are asked for when somebody signs in."""

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
        answer = await _answer_of(self._app, scope, receive)
        if path == _LOGIN:
            answer = self._login(request, answer)
        elif path == _CALLBACK:
            answer = await self._callback(request, answer)
        else:
            answer = self._logout(answer)
        await answer(scope, receive, send)

    def _login(self, request: Request, answer: Response) -> Response:
        """Note the page somebody comes from. Where the provider can't be asked, go back there and say so."""
        page, settings = self._page_before(request), self._services().settings
        if answer.status_code < 400:
            _set_cookie(answer, OidcFlow(page=page).header(settings))
            return answer
        log.error("the identity provider can't be asked; is it reachable, and described as it is?")
        return self._back(page, OidcFlow(page=page, failure="away").header(settings))

    async def _callback(self, request: Request, answer: Response) -> Response:
        """Admit the person of the ID token, and go where they wanted to; or go there and say why not."""
        services = self._services()
        settings = services.settings
        flow = OidcFlow.read(request.cookies, settings)
        page = flow.page if flow is not None else self._base
        said = _claims(answer)
        if said is None:
            if not request.query_params.keys() & {"code", "error"}:
                return answer  # from signing out at the provider
            failure: Failure = "cancelled" if request.query_params.get("error") == "access_denied" else "failed"
            return self._back(page, OidcFlow(page=page, failure=failure).header(settings), answer)
        browser = browser_token(request, settings)
        admission = await run_in_threadpool(admit, services, said, browser, by=client_of(request.scope))
        if admission.token is None:
            return self._back(
                page, OidcFlow(page=page, failure=admission.outcome, who=admission.who).header(settings), answer
            )
        cookie = set_cookie_header(settings.cookie_name, admission.token, secure=settings.cookie_secure)
        back = self._back(page, OidcFlow.forgetting(settings), answer)
        _set_cookie(back, cookie)
        return back

    def _logout(self, answer: Response) -> Response:
        """Come back from signing out without the provider where it would not lead back.

        Strict ones ask for the ID token, and one too long for a cookie was not kept.
        """
        settings, target = self._services().settings, urlsplit(answer.headers.get("location", ""))
        if target.netloc and "id_token_hint" not in parse_qs(target.query):
            return self._back(self._base, OidcFlow(page=self._base, failure="left_open").header(settings), answer)
        _set_cookie(answer, OidcFlow.forgetting(settings))
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


def _admit(services: Services, claims: Claims, browser: str | None, by: Actor) -> tuple[Outcome, str | None]:
    settings, accounts = services.settings, services.accounts
    if services.clock.now() - claims.issued_at > _ID_TOKEN_LIFETIME:
        log.error("the ID token is too old; compare the clocks", issued_at=claims.issued_at.isoformat())
        return "stale", None
    if not claims.admitted(settings.oidc_allowed, settings.oidc_roles):
        known = accounts.users.find(claims.username)
        subject = f"person:{known.user_id}" if known else ""
        accounts.audit.note("sign_in.refused", by=by, subject=subject, detail=f"not let in: {claims.username}")
        return "not_admitted", None
    user = accounts.oidc.provision(
        claims.username,
        name=claims.name,
        email=claims.email,
        given=claims.roles(settings.oidc_roles),
        managed=frozenset(settings.oidc_roles.values()),
        by=by,
    )
    if not user.active:
        accounts.audit.note("sign_in.refused", by=by, subject=f"person:{user.user_id}", detail="locked out")
        return "locked", None
    secret = settings.secret_key.get_secret_value()
    if browser is None or _has_ended(services, browser, secret):
        browser = new_token(secret)  # nothing of an ended sign-in goes on, not even its time
    ticket = accounts.tokens.issue_ticket(token_hash(browser), user.user_id)
    token = exchange(services, ticket, browser, by=by)
    return ("signed_in", token) if token is not None else ("locked", None)


def _has_ended(services: Services, browser: str, secret: str) -> bool:
    identity = services.accounts.identities.resolve(
        token_hash(browser), anonymous_session_id(browser, secret), patient=True
    )
    return identity.standing == "ended"


def _flow_cookie(settings: Settings) -> str:
    return f"{settings.cookie_name}_flow"


async def _answer_of(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
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


def _claims(answer: Response) -> Mapping[str, Any] | None:
    """Return the claims of the ID token that Streamlit has just verified; None where it has none."""
    cookies = {}
    for header in answer.headers.getlist("set-cookie"):
        name, _, rest = header.partition("=")
        cookies[name] = rest.partition(";")[0]
    return read_signed(cookies, USER_COOKIE)


def _needed(headers: Iterable[str]) -> Iterator[str]:
    """Yield what is kept of Streamlit's cookies: which provider it was, and its ID token, for signing out there.

    Neither says who somebody is: `st.user` asks the account. Cookies that are taken away, and others, stay as they are.
    """
    cookies = {header.partition("=")[0]: header for header in headers}
    values = {name: header.partition("=")[2].partition(";")[0] for name, header in cookies.items()}
    for name, header in cookies.items():
        if name.startswith(USER_COOKIE) and values[name] not in ("", '""'):
            if name in (USER_COOKIE, TOKENS_COOKIE) and (said := read_signed(values, name)) is not None:
                kept = _kept(said, "origin", "provider") if name == USER_COOKIE else _kept(said, "id_token")
                yield f"{name}={signed(name, kept)};{header.partition(';')[2]}"
        else:
            yield header


def _kept(said: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: said[name] for name in names if len(str(said.get(name, ""))) <= _LONGEST_HINT and name in said}
