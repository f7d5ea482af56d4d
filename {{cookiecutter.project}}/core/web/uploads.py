"""Lets a page upload what its uploaders may take, and makes a file durable before the browser is told it has arrived.

Streamlit itself takes any number of files for any open page, one with nothing but a sign-in form as well. Here a page
has to show a widget that takes files, to somebody who may see it, and there is an end to what a session may have lying
around in no field.

Streamlit holds a file in memory, and a field refers to it only after the next run: a server that dies in between would
lose it. So once Streamlit has taken a file, and before it says so, its bytes are kept and the session notes them under
the file's id. The browser names that id again when it comes back, to whichever server. Where no widget on the page
keeps its files in a field, nobody could come back for them, and none are kept.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from core.errors import (
    KeepError,
    NotAllowedError,
    SessionUnavailableError,
    SignedOutError,
    StoreUnavailableError,
)
from core.files import HEAD_BYTES, FileRef, agrees, safe_name, type_of
from core.services import Services, get_services
from core.state.paths import UPLOADS, Change, upload_path
from core.streamlit_compat.server import UPLOAD, ask_for_run, uploaded, uploaders, uploads_held
from core.web.address import folder
from core.web.ingress import Connections
from core.web.live_tab import LiveTab
from core.web.request import open_paths, require_identity, require_token

MOST_FILES = 500
"""Limit for the number of a session's uploaded files that are in no field."""
MOST_SIZES = 20
"""Limit for their size together, in multiples of the largest upload (`server.maxUploadSize`)."""
UPLOADS_AT_ONCE = 8
"""Files that are stored at the same time, in threads of their own: a slow store holds up no edit."""
_MEGABYTE = 1024 * 1024

log = structlog.get_logger(__name__)


class UploadMiddleware:
    """Stands behind the middleware that lets a session's id count only with its own browser."""

    def __init__(self, app: ASGIApp, *, connections: Connections, base_path: str = "") -> None:
        self._app = app
        self._connections = connections
        self._prefix = f"{folder(base_path)}{UPLOAD}"
        self._under_way = _UnderWay()
        self._threads = CapacityLimiter(UPLOADS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        session_id, _, upload = scope["path"].removeprefix(self._prefix).partition("/")
        widgets, tab = uploaders(session_id), self._connections.last_tab(session_id)
        if not widgets or tab is None:
            await _refuse(403, "There is nothing on this page that takes files.", scope, receive, send)
            return
        size = Headers(scope=scope).get("content-length", "")
        if not size.isdecimal():
            await _refuse(411, "An upload has to say how long it is.", scope, receive, send)
            return
        with self._under_way.place(tab.session_id, upload, int(size)) as under_way:
            try:
                kept = await to_thread.run_sync(
                    _check, tab, widgets, session_id, upload, under_way, limiter=self._threads
                )
            except HTTPException as error:
                if error.status_code == 413:
                    tab.turned_away = True
                    ask_for_run(session_id)  # which says so
                await _refuse(error.status_code, error.detail, scope, receive, send)
                return

            async def keep_and_send(message: Message) -> None:
                if kept and message["type"] == "http.response.start" and message["status"] < 300:
                    try:
                        await to_thread.run_sync(_keep, Request(scope), session_id, upload, limiter=self._threads)
                    except (KeepError, HTTPException) as error:
                        # The run takes it from memory, and says what is wrong.
                        log.warning("an upload is not kept before its run", error=str(error))
                await send(message)

            await self._app(scope, receive, keep_and_send)


def _check(
    tab: LiveTab, widgets: Collection[str], session_id: str, upload: str, under_way: dict[str, int] | None
) -> bool:
    """Return whether one of these widgets keeps what is uploaded.

    Raises 401 or 403 where somebody may not see the page any more, 503 where that isn't known now, 409 for what came
    before, 413 for want of room.
    `under_way` are the ids and bytes of what is arriving for the session now, None for an id that was before.
    """
    try:
        tab.keep(())
    except NotAllowedError as error:
        raise HTTPException(403, "You may not see this page any more. Reload it.") from error
    except SignedOutError as error:
        raise HTTPException(401, "This browser was signed out. Reload the page.") from error
    except StoreUnavailableError as error:
        raise HTTPException(503, "Whether you may upload this can't be checked now. Try again later.") from error
    held = {**_noted(get_services(), tab.session_id), **uploads_held(session_id)}
    if under_way is None or upload in held:
        raise HTTPException(409, "This file has arrived already.")
    held |= under_way
    largest = int(config.get_option("server.maxUploadSize")) * _MEGABYTE
    if len(held) > MOST_FILES or sum(held.values()) > MOST_SIZES * largest:
        raise HTTPException(413, "Too many files have been uploaded here that are in no field yet.")
    return not tab.own_keys(in_run=False).isdisjoint(widgets)


def _noted(services: Services, session_id: str) -> dict[str, int]:
    """The files of a session that no field has taken: their ids and bytes."""
    try:
        values = services.engine.open(session_id).values
    except SessionUnavailableError:
        paths = [entry.path for entry in services.engine.waiting(session_id) if entry.path.startswith(UPLOADS)]
        if not paths:
            return {}
        values = services.engine.read_paths(session_id, paths, here_only=True).values  # of the outage
    notes = (value for path, value in values.items() if path.startswith(UPLOADS))
    return {note.upload: note.size for note in notes if isinstance(note, FileRef)}


def _keep(request: Request, session_id: str, upload: str) -> None:
    found, services = uploaded(session_id, upload), get_services()
    if found is None or not found.data or not agrees(found.name, found.type, found.data[:HEAD_BYTES]):
        return
    owner = require_identity(services, require_token(request, services))
    digest, size = services.files.keep(io.BytesIO(found.data))
    name, kind = safe_name(found.name), type_of(found.name, found.data[:HEAD_BYTES])
    file = FileRef(digest=digest, name=name, type=kind, size=size, upload=upload)
    session = open_paths(services, owner, [upload_path(upload)])
    session.commit([Change(upload_path(upload), file)])


class _UnderWay:
    """The uploads in progress in this process, by session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sizes: dict[str, dict[str, int]] = {}

    @contextmanager
    def place(self, session_id: str, upload: str, size: int) -> Iterator[dict[str, int] | None]:
        """Count a file in within the block. Gives the ids and bytes of all of the session's, None if it is arriving."""
        with self._lock:
            arriving = self._sizes.setdefault(session_id, {})
            twice = upload in arriving
            arriving.setdefault(upload, size)
            all_of_them = None if twice else dict(arriving)
        try:
            yield all_of_them
        finally:
            if not twice:
                with self._lock:
                    del arriving[upload]
                    if not arriving:
                        self._sizes.pop(session_id, None)


async def _refuse(status: int, reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without the file. A short one is received all the same: who still sends it may miss an early answer."""
    size = Headers(scope=scope).get("content-length", "")
    while size.isdecimal() and int(size) <= _MEGABYTE:
        if not (await receive()).get("more_body"):
            break
    await PlainTextResponse(reason, status)(scope, receive, send)
