"""The route for a tab's position: its page, its scroll position and the browser's history, posted by the page's script.

All of it is for tabs that a run has shown something in, so that what a session holds of them stays in bounds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.errors import KeepError
from core.rate import RateLimit
from core.services import Services
from core.session import NavigationEntry
from core.state.navigation import MAX_HISTORY, History
from core.state.paths import Change, history_path, scroll_path
from core.web.request import open_paths, read_json, require_identity, require_page

BODY_LIMIT = 32_768
"""Bytes. Fifty entries with long parameters fit; more is no history."""
RATE = RateLimit(per_second=10, burst=100)
"""A tab posts at most three positions a second, and one more when it is left."""
_TAB = re.compile(r"[0-9a-f]{32}")
_PAGE = re.compile(r"[^/\x00-\x1f]{1,100}")
_TALLEST = 10_000_000.0
"""CSS pixels. No page is taller."""
_MAX_PARAMS = 50
_MAX_TEXT = 2_000


async def position(request: Request) -> Response:
    """Answer 204 once the position is durable.

    400 for a malformed body, 401 without a valid cookie or for an ended session, 403 for another site, 404 for a tab
    this session doesn't have, 413 for a body over the limit, 429 for too many, 503 when it can't be kept now.
    """
    services, token = require_page(request, RATE)
    body = await read_json(request, limit=BODY_LIMIT)
    values = parse(body, services.clock.now())
    try:
        await run_in_threadpool(_keep, services, token, body["tab"], body["page"], values)
    except KeepError as error:
        raise HTTPException(503, "The position can't be kept now. It is sent again later.") from error
    return Response(status_code=204)


def parse(body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what to store, by path. Raises 400 for a malformed body."""
    match body:
        case {"tab": str(tab), "page": str(page), "y": int(y) | float(y)} if (
            _TAB.fullmatch(tab) and _PAGE.fullmatch(page) and not isinstance(y, bool) and 0 <= y <= _TALLEST
        ):
            values: dict[str, Any] = {scroll_path(tab, page): float(y)}
        case _:
            raise HTTPException(400, "A position needs tab, page and y, in pixels, or one of them is malformed.")
    if (history := body.get("history")) is not None:
        values[history_path(tab)] = _history(history, now)
    return values


def _keep(services: Services, token: str, tab: str, page: str, values: Mapping[str, Any]) -> None:
    owner = require_identity(services, token)
    if not (owner.registered or owner.user_id):  # an anonymous browser leaves no trace before its first edit
        return
    if page not in get_page_names():
        raise HTTPException(404, "There is no such page.")
    path, values = history_path(tab), dict(values)
    session = open_paths(services, owner, [path, *values])
    if path not in session.values and not session.is_partial:  # without the database the tab is believed
        raise HTTPException(404, "This session has no such tab.")
    posted = values.pop(path, None)
    if posted is not None and path in session.values:
        known = session.history_of(tab)
        history = known.matched(posted.entries, posted.index)
        if history != known:
            values[path] = history.stored()
    session.commit([Change(path, value) for path, value in values.items()])


@cache
def get_page_names() -> set[str]:
    """Return the names of the pages that this process has, as its router knows them."""
    return set()


def _history(value: object, now: datetime) -> History:
    match value:
        case {"index": int(index), "entries": [*rows]} if 0 <= index < len(rows) <= MAX_HISTORY:
            return History(entries=tuple(_entry(row, now) for row in rows), index=index)
    raise HTTPException(400, f"history must hold an index and 1 to {MAX_HISTORY} entries.")


def _entry(row: object, now: datetime) -> NavigationEntry:
    match row:
        case {"page": str(page), "params": dict(params)} if _PAGE.fullmatch(page) and len(params) <= _MAX_PARAMS:
            if all(isinstance(text, str) and len(text) <= _MAX_TEXT for item in params.items() for text in item):
                return NavigationEntry(page=page, params=params, timestamp=now)
    raise HTTPException(400, "Each history entry must hold a page and its params, which are texts.")
