"""Changes of Streamlit's own answers for which it has no setting.

The style goes into the page itself, so that nothing is drawn without it first and moves afterwards: Streamlit's
`st.html` brings a style after the first elements are on the screen. And its browser part is told to open no dialogs
about errors: the one about a lost connection takes the focus, in the middle of a word. The save status says it in the
corner, where it disturbs nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.streamlit_compat.server import PAGE_END, STYLE
from core.web import scripts

_INPUT_SCRIPT = Path(__file__).with_name("pre_hydration_input.js")
_CONDITIONS = (b"if-none-match", b"if-modified-since", b"accept-encoding", b"range")
"""Headers that would bring something else than the answer as it is: a browser may have kept it with other changes."""

Change = Callable[[bytes], bytes]


def add_ours(page: bytes) -> bytes:
    """Put the project's style at the end of the page, its scripts, and the one that listens before all else is there.

    At the end, because where rules are equally strong, ours win over Streamlit's.
    """
    before, end, after = page.rpartition(PAGE_END)
    ours = b"<style>" + STYLE.read_bytes() + b"</style><script>" + _INPUT_SCRIPT.read_bytes() + b"</script>"
    return before + ours + scripts.links().encode() + end + after if end else page


class RewriteMiddleware:
    """Changes answers of one content type. `is_wanted` tells from a scope whether its answer is one of them."""

    def __init__(self, app: ASGIApp, *, is_wanted: Callable[[Scope], bool], content_type: str, change: Change) -> None:
        self._app = app
        self._is_wanted = is_wanted
        self._content_type = content_type
        self._change = change

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_wanted(scope):
            headers = [header for header in scope["headers"] if header[0] not in _CONDITIONS]
            answer = _Answer(send, self._content_type, self._change)
            await self._app({**scope, "headers": headers}, receive, answer.send)
        else:
            await self._app(scope, receive, send)


class _Answer:
    """One answer on its way out. It is small, so it is held back until it is whole."""

    def __init__(self, send: Send, content_type: str, change: Change) -> None:
        self._send, self._content_type, self._change = send, content_type, change
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            if headers.get("content-type", "").startswith(self._content_type):
                self._start = {**message, "headers": headers.raw}
                return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._change(self._body)
        headers = MutableHeaders(raw=self._start["headers"])
        headers["content-length"] = str(len(body))
        del headers["etag"]
        await self._send({**self._start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})
