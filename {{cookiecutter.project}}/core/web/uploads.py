"""Lets a page upload what its uploaders may take, and makes a file durable before the browser is told it has arrived.

Streamlit itself takes any number of files for any page that is open at the same server, one with nothing but a sign-in
form as well. Here a page has to show a widget that takes files when it asks where to put them: its address is signed
then (`core.web.upload_grant`). Its person has to be allowed to see it when a file comes, to whichever server, and there
is an end to what a session may have lying around in no field.

Streamlit holds a file in memory, and a field refers to it only after the next run: a server that dies in between would
lose it. So once Streamlit's route has read a file, and before it says so, its bytes are kept and the session notes them
under the file's id. The browser names that id again, to whichever server. Where no widget on the page keeps its files
in a field, a file stays in memory, unless it came to another server than its page's, which then fetches it there
(`core.web.upload_notes`).
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import KeepError, NotAllowedError, SessionUnavailableError, StoreUnavailableError
from core.files import HEAD_BYTES, FileRef, agrees, safe_name, type_of
from core.services import Services, get_services
from core.state.paths import UPLOADS, Change, upload_path
from core.streamlit_compat.features import Feature, broken
from core.streamlit_compat.server import (
    UPLOAD,
    ask_for_run,
    hold_upload,
    is_open_here,
    upload_route,
    uploads_held,
)
from core.web.address import folder
from core.web.binding import Bindings
from core.web.client import OTHER_UPLOAD, client_of, note_denied
from core.web.ingress import Connections
from core.web.replica import get_strays
from core.web.request import browser_token, open_paths, require_identity
from core.web.token import token_hash
from core.web.upload_grant import PARAMETER, UploadGrant
from core.web.upload_notes import has_room

if TYPE_CHECKING:
    from core.streamlit_compat.server import UploadedFileRec

UPLOADS_AT_ONCE = 8
"""Files that are stored at the same time, in threads of their own: a slow store holds up no edit."""
_MEGABYTE = 1024 * 1024

log = structlog.get_logger(__name__)


class UploadMiddleware:
    """Takes the files that pages upload, for a page of this server or of another one."""

    def __init__(self, app: ASGIApp, *, connections: Connections, bindings: Bindings, base_path: str = "") -> None:
        self._app = app
        self._connections, self._bindings = connections, bindings
        self._base_path = base_path
        self._prefix = f"{folder(base_path)}{UPLOAD}"
        self._under_way = _UnderWay()
        self._threads = CapacityLimiter(UPLOADS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = scope["type"] == "http" and scope["path"].startswith(self._prefix)
        if not is_upload or scope["method"] not in ("PUT", "DELETE"):
            await self._app(scope, receive, send)
            return
        try:
            await self._take(scope, receive, send)
        except HTTPException as error:
            await _refuse(error.status_code, error.detail, scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        file, services = scope["path"].removeprefix(self._prefix), get_services()
        token, grant = self._granted(Request(scope), file, services)
        if scope["method"] == "DELETE":
            await self._app(scope, receive, send)  # which knows nothing of it where the page is at another server
            return
        size = Headers(scope=scope).get("content-length", "")
        if not size.isdecimal():
            raise HTTPException(411, "An upload has to say how long it is.")
        arrived: list[UploadedFileRec] = []
        route = upload_route(self._base_path, arrived.append) or self._app
        page, _, upload = file.partition("/")
        with self._under_way.place(token_hash(token), upload, int(size)) as under_way:
            in_thread = partial(to_thread.run_sync, limiter=self._threads)
            try:
                await in_thread(partial(_check, services, token, grant, scope, file, under_way))
            except HTTPException as error:
                tab = self._connections.last_tab(page)
                if error.status_code == 413 and tab is not None:
                    tab.turned_away = True
                    ask_for_run(page)  # which says so
                raise

            async def keep_and_send(message: Message) -> None:
                if message["type"] == "http.response.start" and arrived:
                    found, is_here = arrived.pop(), is_open_here(page)
                    if is_here:
                        hold_upload(page, upload, name=found.name, kind=found.type, data=found.data)
                    else:
                        get_strays().note(token_hash(token), is_upload=True)
                    try:
                        if grant.kept or not is_here:
                            await in_thread(partial(_keep, services, token, found, elsewhere=not is_here))
                    except (KeepError, HTTPException) as error:
                        log.warning("an upload is not kept before its run", error=str(error))
                        if not is_here:  # where it is, the run takes it from memory, and says what is wrong
                            status = error.status_code if isinstance(error, HTTPException) else 503
                            message = {**message, "status": status}
                await send(message)

            await route(scope, receive, keep_and_send)

    def _granted(self, request: Request, file: str, services: Services) -> tuple[str, UploadGrant]:
        """Return the token of the browser that uploads a file, and the grant in the address. Raises 403 without one."""
        token, secret = browser_token(request, services.settings), services.settings.secret_key.get_secret_value()
        browser, page = "" if token is None else token_hash(token), file.partition("/")[0]
        grant = UploadGrant.open(request.query_params.get(PARAMETER, ""), file, browser, services.clock.now(), secret)
        if broken().keys() & {Feature.INGRESS, Feature.UPLOADS} and self._bindings.belongs(page, browser):
            # Nobody signs addresses then, and Streamlit's route takes the file.
            grant = UploadGrant(needs=(), kept=False)
        if token is not None and grant is not None:
            return token, grant
        other = self._bindings.owner(page)
        if other not in (None, browser):
            note_denied(request.scope, OTHER_UPLOAD, browser=browser or None, owner=other)
            raise HTTPException(403, "This upload belongs to another browser. Reload the page.")
        raise HTTPException(403, "This browser's page was given no such address, or too long ago. Reload the page.")


def _check(
    services: Services, token: str, grant: UploadGrant, scope: Scope, file: str, under_way: dict[str, int] | None
) -> None:
    """Check that a browser may upload a file now.

    Raises 401 or 403 where somebody may not see the page any more, 503 where that isn't known now, 409 for what came
    before, 413 for want of room.
    `under_way` are the ids and bytes of what is arriving here from the browser now, None for an id that was before.
    """
    page, _, upload = file.partition("/")
    try:
        with services.accounts.db_budget:
            owner = require_identity(services, token)
            owner.require(*grant.needs)
    except NotAllowedError as error:
        services.accounts.audit.deny(error.permission, by=replace(client_of(scope), user_id=owner.user_id))
        raise HTTPException(403, "You may not see this page any more. Reload it.") from error
    except StoreUnavailableError as error:
        raise HTTPException(503, "Whether you may upload this can't be checked now. Try again later.") from error
    held = {**_noted(services, owner.session_id), **uploads_held(page)}
    if under_way is None or upload in held:
        raise HTTPException(409, "This file has arrived already.")
    if not has_room(held | under_way):
        raise HTTPException(413, "Too many files have been uploaded here that are in no field yet.")


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


def _keep(services: Services, token: str, found: UploadedFileRec, *, elsewhere: bool) -> None:
    """Store the bytes of a file and note it in the session, for whichever server the page is at.

    Raises 415 for one that is empty or isn't what its name says, and 503 where the page is at another server, which
    can't see the note now.
    """
    if not found.data or not agrees(found.name, found.type, found.data[:HEAD_BYTES]):
        raise HTTPException(415, "The file is empty, or its content isn't what its name says.")
    owner, path = require_identity(services, token), upload_path(found.file_id)
    digest, size = services.files.keep(io.BytesIO(found.data))
    name, kind = safe_name(found.name), type_of(found.name, found.data[:HEAD_BYTES])
    file = FileRef(digest=digest, name=name, type=kind, size=size, upload=found.file_id)
    open_paths(services, owner, [path]).commit([Change(path, file)])
    if elsewhere and not services.engine.publish():
        raise HTTPException(503, "The server of this page can't be told of the file now. Try again later.")


class _UnderWay:
    """The uploads in progress in this process, by browser."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sizes: dict[str, dict[str, int]] = {}

    @contextmanager
    def place(self, browser: str, upload: str, size: int) -> Iterator[dict[str, int] | None]:
        """Count a file in within the block. Gives the ids and bytes of all of the browser's, None if it is arriving."""
        with self._lock:
            arriving = self._sizes.setdefault(browser, {})
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
                        self._sizes.pop(browser, None)


async def _refuse(status: int, reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without the file. A short one is received all the same: who still sends it may miss an early answer."""
    size = Headers(scope=scope).get("content-length", "")
    while size.isdecimal() and int(size) <= _MEGABYTE:
        if not (await receive()).get("more_body"):
            break
    await PlainTextResponse(reason, status)(scope, receive, send)
