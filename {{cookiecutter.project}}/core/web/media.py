"""Pictures and downloads that Streamlit holds in memory, asked for at a server that isn't their page's.

Where a load balancer isn't sticky, the next request may reach another server. So the browser is sent to the same
address again, a limited number of times.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.services import get_services
from core.streamlit_compat.server import MEDIA
from core.web.address import folder
from core.web.replica import get_strays
from core.web.request import browser_token
from core.web.token import token_hash

MOST_TRIES = 15
"""Browsers follow 20 redirects at most."""
_TRY = "try"
"""The part of the address's query that counts them."""


class MediaMiddleware:
    """Answers 307 where Streamlit has no such file in memory. `base_path` is Streamlit's `server.baseUrlPath`."""

    def __init__(self, app: ASGIApp, *, base_path: str = "") -> None:
        self._app = app
        self._prefix = f"{folder(base_path)}{MEDIA}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return

        async def send_or_redirect(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 404:
                message = _again(Request(scope), message)
            await send(message)

        await self._app(scope, receive, send_or_redirect)


def _again(request: Request, message: Message) -> Message:
    """Return the begin of an answer that sends the browser here again; the one it had, where that makes no sense."""
    token, tries = browser_token(request, get_services().settings), request.query_params.get(_TRY, "0")
    if token is None or not tries.isdecimal():
        return message
    if int(tries) >= MOST_TRIES:
        get_strays().note(token_hash(token))
        return message
    headers = MutableHeaders(raw=list(message["headers"]))
    headers["Location"] = f"?{_TRY}={int(tries) + 1}"
    headers["Connection"] = "close"  # the next one may be led to another server where the balancer takes connections
    return {**message, "status": 307, "headers": headers.raw}
