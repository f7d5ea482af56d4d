"""Reject an untrusted Host (400), a cross-origin request (403) and disabled routes (404).

A page of another site can make a browser send requests here, and by a name of its own that it lets point to this server
("DNS rebinding") even as if they came from the same site. Both are told apart by what the browser itself says in `Host`
and `Origin`. An address of digits can't be made to point elsewhere, so it needs no permission.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from functools import cache
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config

from core.streamlit_compat.server import CLOSED, HEALTH
from core.web.address import folder
from core.web.client import OTHER_NAME, OTHER_SITE, note_denied

PROBES = ("keep/live", "keep/ready", "keep/health", HEALTH)
"""Addresses that load balancers ask, many of them without naming a host. No browser leaves the name out."""

_SAFE = ("GET", "HEAD", "OPTIONS")

log = structlog.get_logger(__name__)


def is_allowed_host(host: str, allowed: Collection[str]) -> bool:
    """Return True if a `Host` header names this server: by digits, as localhost, as this machine, or as allowed.

    An allowed name may begin with `*.`, for all names below it, or be `*`, for any.
    """
    name = _name(host)
    if name is None:
        return False
    if _is_address(name) or name == "localhost" or name.endswith(".localhost") or name in _own_names():
        return True
    for pattern in (each.lower().rstrip(".") for each in allowed):
        if pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])):
            return True
    return False


class TrustedHostsMiddleware:
    """Refuses foreign hosts and origins, and closes routes. `allowed_hosts` are names of this server besides its own.

    `closed` are beginnings of addresses below `base_path`, Streamlit's `server.baseUrlPath`.
    """

    def __init__(
        self, app: ASGIApp, *, allowed_hosts: Collection[str], closed: Collection[str] = CLOSED, base_path: str = ""
    ) -> None:
        self._app = app
        self._hosts = allowed_hosts
        self._closed = tuple(f"{folder(base_path)}{path}" for path in closed)
        self._probes = tuple(f"{folder(base_path)}{path}" for path in PROBES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, words = refusal
        if status != 404:
            client = scope.get("client")
            log.warning("a request was rejected", status=status, reason=words, address=client[0] if client else "")
            note_denied(scope, OTHER_SITE if status == 403 else OTHER_NAME)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the handshake gets a 403
        else:
            await PlainTextResponse(words, status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return the status and the words of a refusal, or None."""
        headers, path = Headers(scope=scope), scope["path"]
        hosts = headers.getlist("host")
        if not hosts and path in self._probes:
            return None
        if len(hosts) != 1 or not is_allowed_host(hosts[0], self._hosts):
            return 400, "This server does not answer to that name."
        if _must_be_ours(scope) and not _is_ours(headers, hosts[0]):
            return 403, "Only pages of this app may ask for this."
        if path.startswith(self._closed):
            return 404, "Not Found"
        return None


def _must_be_ours(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in _SAFE


def _is_ours(headers: Headers, host: str) -> bool:
    """Return True if one of our pages sent this. A program sends no origin, nor a cookie that it wasn't given."""
    if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return headers.get("origin") in _allowed_origins()
    origins = headers.getlist("origin")
    if not origins:
        return True
    return len(origins) == 1 and (
        urlsplit(origins[0]).netloc.lower() == host.lower() or origins[0] in _allowed_origins()
    )


def _allowed_origins() -> set[str]:
    return {str(origin).strip() for origin in config.get_option("server.corsAllowedOrigins")}


def _name(host: str) -> str | None:
    """Return the name in a `Host` header, in small letters and without its port; None where there is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    if parts.netloc != host or "@" in host or parts.hostname is None:
        return None
    return parts.hostname.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@cache
def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, f"{name}.local"})
