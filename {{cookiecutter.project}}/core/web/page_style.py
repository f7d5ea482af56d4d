"""Puts the project's style into the page itself, so that nothing is drawn without it first and moves afterwards.

Streamlit's own `st.html` brings a style after the first elements are on the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STYLE = Path(__file__).with_name("style.css")
_END = b"</body>"
_CONDITIONS = (b"if-none-match", b"if-modified-since", b"accept-encoding", b"range")
"""Headers that would bring something else than the page as it is: a browser may have kept it with another style."""


class PageStyleMiddleware:
    """Adds a style sheet at the end of every page. `is_page` tells from a scope whether a page is asked for."""

    def __init__(self, app: ASGIApp, *, style: str, is_page: Callable[[Scope], bool]) -> None:
        self._app = app
        self._is_page = is_page
        # At the end of the body: where rules are equally strong, those of the project win over Streamlit's.
        self._addition = b"<style>" + style.encode() + b"</style>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_page(scope):
            headers = [header for header in scope["headers"] if header[0] not in _CONDITIONS]
            await self._app({**scope, "headers": headers}, receive, _Styled(send, self._addition).send)
        else:
            await self._app(scope, receive, send)


class _Styled:
    """One answer on its way out. A page is a small file, so it is held back until it is whole."""

    def __init__(self, send: Send, addition: bytes) -> None:
        self._send, self._addition = send, addition
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            if headers.get("content-type", "").startswith("text/html"):
                self._start = {**message, "headers": headers.raw}
                return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        before, end, after = self._body.rpartition(_END)
        body = before + self._addition + end + after if end else self._body
        headers = MutableHeaders(raw=self._start["headers"])
        headers["content-length"] = str(len(body))
        del headers["etag"]
        await self._send({**self._start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})
