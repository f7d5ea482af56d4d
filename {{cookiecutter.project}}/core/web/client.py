"""Who is at the other end of a connection: their address, as the throttle and the audit trail see it."""

from __future__ import annotations

import ipaddress

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

LOCAL = "127.0.0.1"
"""The one address of this very machine: Streamlit says nothing of it, and the server one of several."""


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
