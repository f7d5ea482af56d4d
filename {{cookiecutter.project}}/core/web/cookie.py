"""The session cookie: set and checked over HTTP, so that no script in the page can ever read it.

The middleware hands on at most one cookie of ours, a valid one. Everything behind it can therefore take the
cookie as it is: malformed, forged, oversized and doubled ones have gone.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.web.address import folder, is_page
from core.web.binding import Bindings, protocols
from core.web.client import OTHER_PAGE, note_denied
from core.web.token import new_token, token_hash, verify

MAX_AGE = 400 * 86400
"""Seconds the browser keeps the cookie: the longest browsers allow. The server decides when a token ends."""


def set_cookie_header(name: str, value: str, *, secure: bool, seconds: int = MAX_AGE) -> str:
    """Return the value of the `Set-Cookie` header that gives a browser its token, or another cookie of ours."""
    attributes = f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"
    return f"{attributes}; Secure" if secure else attributes


class SessionCookieMiddleware:
    """Gives every browser that opens a page a signed token, and lets Streamlit's own ids count only with theirs.

    `base_path` is Streamlit's `server.baseUrlPath`. Only pages set a cookie: not assets, not Streamlit's own routes.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        secret: str,
        cookie_name: str,
        cookie_secure: bool,
        bindings: Bindings,
        base_path: str = "",
    ) -> None:
        self._app = app
        self._secret = secret
        self._name = cookie_name
        self._secure = cookie_secure
        self._bindings = bindings
        self._base = folder(base_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        token, cookies = self._sort(Headers(scope=scope).getlist("cookie"))
        owner = None if token is None else token_hash(token)
        scope = {**scope, "headers": _replace(scope["headers"], b"cookie", cookies)}
        if scope["type"] == "websocket":
            scope["headers"] = self._without_foreign_session(scope, owner)
        elif token is None and is_page(scope, self._base):
            send = self._giving_token(send)
        await self._app(scope, receive, send)

    def _sort(self, headers: Iterable[str]) -> tuple[str | None, bytes]:
        """Return our one valid token, or None, and the cookies to hand on: others' as they are, ours only if valid."""
        others, ours = [], set()
        for pair in "; ".join(headers).split(";"):
            name, _, value = pair.strip().partition("=")
            if name == self._name:
                ours.add(value)
            elif name:
                others.append(pair.strip())
        # Two different valid ones: somebody planted one, and which it is can't be told. Neither counts.
        valid = [value for value in ours if verify(value, self._secret)]
        token = valid[0] if len(valid) == 1 else None
        kept = others if token is None else [*others, f"{self._name}={token}"]
        return token, "; ".join(kept).encode("latin-1")

    def _without_foreign_session(self, scope: Scope, owner: str | None) -> list[tuple[bytes, bytes]]:
        """Drop the session id a reconnecting page names, unless it is known to be this browser's.

        Without it Streamlit opens a fresh session, which is then restored from ours.
        """
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        parts = protocols(scope)
        if len(parts) < 3 or self._bindings.belongs(parts[2], owner):
            return headers
        if other := self._bindings.owner(parts[2]):
            note_denied(scope, OTHER_PAGE, browser=owner, owner=other)
        return _replace(headers, b"sec-websocket-protocol", ", ".join(parts[:2]).encode("latin-1"))

    def _giving_token(self, send: Send) -> Send:
        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                # 304 answers a page the browser has kept, and carries no content type.
                if message["status"] == 304 or headers.get("content-type", "").startswith("text/html"):
                    headers.append(
                        "Set-Cookie", set_cookie_header(self._name, new_token(self._secret), secure=self._secure)
                    )
                    headers["Cache-Control"] = "no-store"
                message = {**message, "headers": headers.raw}
            await send(message)

        return send_with_cookie


def _replace(headers: Iterable[tuple[bytes, bytes]], name: bytes, value: bytes) -> list[tuple[bytes, bytes]]:
    kept = [header for header in headers if header[0] != name]
    return [*kept, (name, value)] if value else kept
