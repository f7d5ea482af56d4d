"""Persist widget edits before the script runs; a rerun may be cancelled and its callbacks skipped.

A run can be stopped at any moment: by F5, by closing the tab, by the next edit. So the connection's messages are read
here first. The middleware gives each connection a name, which a run finds in `st.context.headers`; by it the run tells
which tab is at the other end (see `core/web/live_tab.py`).

Here is also the one place that everything a page can do comes through: a button, a part of the page that refreshes
itself, a file made on demand. Of somebody who may not see the page any more nothing of it gets further than this.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import cache, partial
from weakref import WeakValueDictionary

from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import NotAllowedError, SignedOutError, StoreUnavailableError
from core.services import get_services
from core.streamlit_compat.messages import (
    ClientMessage,
    FragmentRun,
    harmless,
    noted,
    read_message,
    with_addresses,
    with_status,
    without,
)
from core.streamlit_compat.server import STREAM, UPLOAD, uploaders
from core.web.address import folder
from core.web.binding import protocols
from core.web.live_tab import LiveTab
from core.web.upload_grant import UploadGrant
from core.web.upload_notes import fetch

CONNECTION_HEADER = "x-keep-connection"
GRACE_SECONDS = 0.5
"""Time a run may go on after its browser has gone: for the callback of a button pressed at the last moment."""
EDITS_AT_ONCE = 40
"""Messages that are read at the same time, in threads of their own: no upload and no other request takes one."""
_UNSUPPORTED_DATA = 1003
_POLICY_VIOLATION = 1008

Cut = Callable[[], Awaitable[None]]
"""Closes a connection from the server's side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """The page at the other end of a connection, as a run has named it."""

    tab: LiveTab
    owner: str | None
    """The hash of the token it was opened with, None for a browser without a valid cookie."""
    streamlit_id: str
    """Streamlit's own id of the page's session."""
    needs: Callable[[], Collection[str]]
    """Returns the permissions without which what the page shows can't be seen."""


@dataclass(slots=True)
class _Connection:
    cut: Cut | None
    page: OpenPage | None = None
    """None until a run has said which it is."""


class Connections:
    """The open connections by name, each with its page. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Connection] = {}
        self._tabs: WeakValueDictionary[str, LiveTab] = WeakValueDictionary()
        """By the names of their connections, and by Streamlit's ids of their sessions, which hold them."""

    def open(self, cut: Cut | None = None) -> str:
        """Name a new connection. Which page it belongs to is known once a run has said so."""
        name = secrets.token_hex(16)
        with self._lock:
            self._open[name] = _Connection(cut)
        return name

    def attach(
        self,
        name: str,
        tab: LiveTab,
        streamlit_id: str = "",
        *,
        owner: str | None = None,
        needs: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """Say which page is at the other end.

        `streamlit_id` is what it will name to have the same tab again over another connection.
        """
        with self._lock:
            self._tabs |= {each: tab for each in (name, streamlit_id) if each}
            if name in self._open:
                self._open[name].page = OpenPage(tab=tab, owner=owner, streamlit_id=streamlit_id, needs=needs)

    def pages(self) -> dict[str, OpenPage]:
        """Return the pages that are open now, by the names of their connections."""
        with self._lock:
            return {name: each.page for name, each in self._open.items() if each.page is not None}

    def page(self, name: str) -> OpenPage | None:
        """Return the page at the other end of an open connection; None until a run has said which it is."""
        with self._lock:
            return self._open[name].page if name in self._open else None

    def last_tab(self, name: str) -> LiveTab | None:
        """Return the tab of a connection, or of an id of Streamlit's: also for a while after it was left.

        A browser that goes may repeat its last message (`last_message`), and one that lost its connection comes back.
        """
        with self._lock:
            return self._tabs.get(name)

    async def cut(self, name: str) -> None:
        """Close a connection from this side, if it is still open. For the event loop's own thread."""
        with self._lock:
            connection = self._open.get(name)
        if connection is not None and connection.cut is not None:
            await connection.cut()

    def close(self, name: str) -> None:
        """Take note that a connection has ended."""
        with self._lock:
            self._open.pop(name, None)


class IngressMiddleware:
    """Stands between the browser's WebSocket and Streamlit. `base_path` is Streamlit's `server.baseUrlPath`."""

    def __init__(self, app: ASGIApp, *, connections: Connections, base_path: str = "") -> None:
        self._app = app
        self._connections = connections
        self._stream = f"{folder(base_path)}{STREAM}"
        self._threads = CapacityLimiter(EDITS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        header = CONNECTION_HEADER.encode()
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != header]}
        if scope["path"] != self._stream:
            await self._app(scope, receive, send)
            return
        streamlit_id = "".join(protocols(scope)[2:3])
        resumed = self._connections.last_tab(streamlit_id)
        link = _Link(receive, send, self._connections, resumed, self._threads)
        scope["headers"].append((header, link.name.encode()))
        try:
            await self._app(scope, link.receive, link.send)
        finally:
            self._connections.close(link.name)


class _Link:
    """One connection's two directions."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        connections: Connections,
        resumed: LiveTab | None,
        threads: CapacityLimiter,
    ) -> None:
        self._receive, self._send, self._threads = receive, send, threads
        self._resumed = resumed
        """The tab that the page says it was, until a run has said which tab it is."""
        self._heard = False
        """True once the page has said anything: the first time it sends all it holds."""
        self._connections = connections
        self._asked_where = 0
        """The number of times that the page asked where to upload to and has no answer yet."""
        self._gone = False
        self.name = connections.open(self.cut)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive":
            if message.get("bytes") is None:
                # Streamlit speaks in bytes only.
                await self.send({"type": "websocket.close", "code": _UNSUPPORTED_DATA})
                self._gone = True
                return {"type": "websocket.disconnect", "code": _UNSUPPORTED_DATA}
            message["bytes"] = await self._take_in(message["bytes"])
        elif message["type"] == "websocket.disconnect":
            self._gone = True
            await asyncio.sleep(GRACE_SECONDS)
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on, unless there is nobody any more: an error would stop the run at once."""
        if self._gone:
            return
        if message["type"] == "websocket.send" and (frame := message.get("bytes")):
            message["bytes"] = self._listen(frame)
        try:
            await self._send(message)
        except OSError:
            self._gone = True

    def _listen(self, frame: bytes) -> bytes:
        """Note what a message says to the browser. Returns it, with more where no run of a whole page says that."""
        page = self._connections.page(self.name)
        if self._asked_where and (answer := with_addresses(frame, partial(_granted, page))) is not None:
            self._asked_where -= 1
            return answer
        part = noted(frame)
        if part is None or page is None:
            return frame
        if isinstance(part, FragmentRun):
            return with_status(frame, {**page.tab.describe(page.streamlit_id), "ended": part.ended})
        page.tab.note(part)
        return frame

    async def cut(self) -> None:
        """Close the connection: what its page may see has ended."""
        await self.send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        self._gone = True

    async def _take_in(self, frame: bytes) -> bytes:
        """Keep what a message brings. Returns what of it Streamlit shall see: nothing that a widget wouldn't take."""
        page, message = self._connections.page(self.name), read_message(frame)
        tab = page.tab if page else self._resumed
        full_resend, self._heard = not self._heard, self._heard or message.asks
        self._asked_where += message.asks_where
        if tab is None:
            return frame
        # Reading may ask the journal, the database or pandas, and waits for a run that does.
        keep = partial(_kept, tab, message, frame, page.streamlit_id if page else "", full_resend=full_resend)
        return await to_thread.run_sync(keep, limiter=self._threads)


def _kept(tab: LiveTab, message: ClientMessage, frame: bytes, streamlit_id: str, *, full_resend: bool) -> bytes:
    diff = tab.read(message, full_resend=full_resend)
    try:
        if message.asks:
            tab.keep_drafts(message, diff.edits)
        if diff.edits or (message.asks and tab.is_guarded()):
            tab.keep(diff.edits)
    except (NotAllowedError, SignedOutError, StoreUnavailableError):
        return harmless(frame)
    if streamlit_id:
        fetch(tab, streamlit_id, message.states)
    return without(frame, diff.rejected) if diff.rejected else frame


def _granted(page: OpenPage | None, address: str) -> str:
    """Return the address of an upload with a grant, if the page shows a widget that takes files."""
    widgets = uploaders(page.streamlit_id) if page is not None else frozenset()
    if page is None or page.owner is None or not widgets:
        return address
    services, kept = get_services(), not page.tab.own_keys(in_run=False).isdisjoint(widgets)
    grant, file = UploadGrant(needs=page.needs(), kept=kept), address.rpartition(UPLOAD)[2]
    secret = services.settings.secret_key.get_secret_value()
    return grant.sign(address, file, page.owner, services.clock.now(), secret)


@cache
def get_connections() -> Connections:
    """Return the connections of this process."""
    return Connections()
