"""Makes what a widget was changed to durable before the script runs, so that nothing depends on a run that may not.

A run can be stopped at any moment: by F5, by closing the tab, by the next edit. Its callbacks then never happen. So the
connection's messages are read here first. The middleware gives each connection a name, which a run finds in
`st.context.headers`; by it the run tells which tab is at the other end (see `core/web/live_tab.py`).
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable
from functools import cache

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.web.address import folder
from core.web.live_tab import LiveTab
from core.web.protocol import STREAM, widget_states

CONNECTION_HEADER = "x-keep-connection"
GRACE_SECONDS = 0.5
"""How long a run may go on after its browser has gone: time for the callback of a button pressed at the last moment."""
_REMEMBERED_SECONDS = 30.0
"""How long the tab of a closed connection is still known: its browser may repeat the last message (`last_message`)."""
_UNSUPPORTED_DATA = 1003


class Connections:
    """The open connections by name, each with the tab at its other end, and those closed just now. Safe for threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._monotonic = monotonic
        self._tabs: dict[str, LiveTab | None] = {}
        self._closed: dict[str, tuple[float, LiveTab]] = {}

    def open(self) -> str:
        """Name a new connection. Which tab it belongs to is known once a run has said so."""
        name = secrets.token_hex(16)
        with self._lock:
            self._tabs[name] = None
        return name

    def attach(self, name: str, tab: LiveTab) -> None:
        """Say which tab is at the other end; nothing happens when the connection has gone."""
        with self._lock:
            if name in self._tabs:
                self._tabs[name] = tab

    def tab(self, name: str) -> LiveTab | None:
        with self._lock:
            return self._tabs.get(name)

    def close(self, name: str) -> None:
        with self._lock:
            tab = self._tabs.pop(name, None)
            if tab is not None:
                self._closed[name] = (self._monotonic(), tab)
            self._forget()

    def last_tab(self, name: str) -> LiveTab | None:
        """Return the tab of a connection that is open or was until just now."""
        with self._lock:
            self._forget()
            _, closed = self._closed.get(name, (0.0, None))
            return self._tabs.get(name) or closed

    def _forget(self) -> None:
        now = self._monotonic()
        while self._closed and now - next(iter(self._closed.values()))[0] > _REMEMBERED_SECONDS:
            del self._closed[next(iter(self._closed))]


class IngressMiddleware:
    """Stands between the browser's WebSocket and Streamlit. `base_path` is Streamlit's `server.baseUrlPath`."""

    def __init__(self, app: ASGIApp, *, connections: Connections, base_path: str = "") -> None:
        self._app = app
        self._connections = connections
        self._stream = f"{folder(base_path)}{STREAM}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        header = CONNECTION_HEADER.encode()
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != header]}
        if scope["path"] != self._stream:
            await self._app(scope, receive, send)
            return
        name = self._connections.open()
        scope["headers"].append((header, name.encode()))
        link = _Link(receive, send, self._connections, name)
        try:
            await self._app(scope, link.receive, link.send)
        finally:
            self._connections.close(name)


class _Link:
    """One connection's two directions."""

    def __init__(self, receive: Receive, send: Send, connections: Connections, name: str) -> None:
        self._receive, self._send = receive, send
        self._connections, self._name = connections, name
        self._gone = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive":
            if message.get("bytes") is None:
                # Streamlit speaks in bytes only.
                await self.send({"type": "websocket.close", "code": _UNSUPPORTED_DATA})
                self._gone = True
                return {"type": "websocket.disconnect", "code": _UNSUPPORTED_DATA}
            await self._take_in(message["bytes"])
        elif message["type"] == "websocket.disconnect":
            self._gone = True
            await asyncio.sleep(GRACE_SECONDS)
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on, unless there is nobody any more: an error would stop the run at once."""
        if self._gone:
            return
        try:
            await self._send(message)
        except OSError:
            self._gone = True

    async def _take_in(self, frame: bytes) -> None:
        tab = self._connections.tab(self._name)
        if tab is not None and (edits := tab.edits(widget_states(frame))):
            await run_in_threadpool(tab.keep, edits)


@cache
def get_connections() -> Connections:
    """Return the connections of this process."""
    return Connections()
