"""The client of a connection, as the throttle and the audit trail see it: address, device, and what it was denied."""

from __future__ import annotations

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from core.accounts import Actor
from core.services import get_services

LOCAL = "127.0.0.1"
"""The one address of this very machine: Streamlit says nothing of it, and the server one of several."""

OTHER_SITE = "a request from another site"
OTHER_NAME = "a request for a server of another name"
OTHER_PAGE = "another browser's open page"
OTHER_UPLOAD = "an upload into another browser's page"

# Order matters: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
_BROWSERS = (
    ("Edge", r"Edg(e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|Chromium/|CriOS/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh|Mac OS"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)


class ClientAddressMiddleware:
    """Writes IPv4 addresses as such, and believes the proxies at `trusted` in what `X-Forwarded-For` says.

    A socket for both kinds of address, which Streamlit opens by default, has `::ffff:127.0.0.1` for `127.0.0.1`. The
    server has looked at `X-Forwarded-For` before, and knows no proxy by such an address; where it does know the proxy,
    this second look changes nothing.
    """

    def __init__(self, app: ASGIApp, *, trusted: str) -> None:
        self._app = ProxyHeadersMiddleware(app, trusted)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (client := scope.get("client")):
            scope = {**scope, "client": (_as_ipv4(client[0]), client[1])}
        await self._app(scope, receive, send)  # type: ignore[arg-type]


def noted_address(host: str | None) -> str:
    """Return a network address as it is noted, so that what came over HTTP and over a WebSocket reads the same."""
    return LOCAL if host is None or host == "::1" else host


def _as_ipv4(host: str) -> str:
    """Return an IPv4 address as such where it is written as an IPv6 one (`::ffff:192.0.2.1`), others as they are."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return host if mapped is None else str(mapped)


def describe_device(user_agent: str | None) -> str:
    """Return something like "Firefox on Linux" for a `User-Agent` header."""
    agent = (user_agent or "")[:512]
    browser = _first(_BROWSERS, agent) or "A browser"
    system = _first(_SYSTEMS, agent)
    return f"{browser} on {system}" if system else browser


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for name, pattern in patterns if re.search(pattern, text)), None)


def client_of(scope: Scope) -> Actor:
    """Return the address and the device of whoever sent a request, for the audit trail."""
    client = scope.get("client")
    device = describe_device(Headers(scope=scope).get("user-agent"))
    return Actor(address=noted_address(client[0] if client else None), device=device)


def note_denied(scope: Scope, what: str, *, browser: str | None = None, owner: str | None = None) -> None:
    """Note soon that a request was denied. `browser` and `owner` are hashes of tokens, as in `AuditTrail.deny`."""
    get_services().accounts.audit.deny(what, by=client_of(scope), browser=browser, owner=owner)
