"""Where a tab stands: its page, its scroll position and the browser's own history, posted by the page's script.

All of it is for tabs that a run has shown something in, so that what a session holds of them stays in bounds.
"""

from __future__ import annotations

import math
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.errors import KeepError, StoreUnavailableError
from core.rate import RateLimit
from core.services import Services, get_services
from core.state.changes import REMOVED
from core.state.navigation import MAX_HISTORY, NavigationEntry, NavigationHistory
from core.state.paths import join_path
from core.web.identity import Identity, identity_of, require_token
from core.web.request import read_json, require_same_origin
from core.web.token import token_hash

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
    require_same_origin(request)
    services = get_services()
    token = require_token(request, services)
    if seconds := RATE.wait(token_hash(token)):
        raise HTTPException(429, "Too many positions at once.", headers={"Retry-After": f"{max(1, round(seconds))}"})
    body = await read_json(request, limit=BODY_LIMIT)
    values = parse(body, services.clock.now())
    try:
        await run_in_threadpool(_keep, services, token, body["tab"], body["page"], values)
    except (KeepError, SQLAlchemyError) as error:
        raise HTTPException(503, "The position can't be kept now. It is sent again later.") from error
    return Response(status_code=204)


def parse(body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what to store, by path. Raises 400 naming the first field that is wrong."""
    tab, page = _text(body, "tab", _TAB), _text(body, "page", _PAGE)
    values: dict[str, Any] = {join_path("tab", tab, "scroll", page): _pixels(body.get("y"))}
    if body.get("history") is not None:
        values[join_path("tab", tab, "history")] = _history(body["history"], now).to_dict()
    return values


def _keep(services: Services, token: str, tab: str, page: str, values: Mapping[str, Any]) -> None:
    owner = identity_of(services, token)
    if not (owner.registered or owner.user_id):  # an anonymous browser leaves no trace before its first edit
        return
    if not _has(services, owner, tab):
        raise HTTPException(404, "This session has no such tab.")
    if not PAGES.take(f"{owner.session_id}/{tab}", page):
        raise HTTPException(429, "This tab has posted positions of too many pages.")
    services.engine.record(owner.session_id, values)


def _has(services: Services, owner: Identity, tab: str) -> bool:
    """Whether a run has noted that this tab is one of the session's. While the database is away that is believed."""
    path = join_path("tab", tab, "history")
    try:
        with services.accounts.hurry:
            return services.engine.look(owner.session_id, [path])[path].value is not REMOVED
    except StoreUnavailableError:
        return True


class Pages:
    """Of which pages each tab has posted a position: of `most` at most. Kept in memory. Safe for threads."""

    def __init__(self, most: int, maximum: int = 20_000) -> None:
        self._lock = threading.Lock()
        self._most, self._maximum = most, maximum
        self._seen: OrderedDict[str, set[str]] = OrderedDict()

    def take(self, tab: str, page: str) -> bool:
        """Note a page of a tab; False where there is no place for another."""
        with self._lock:
            seen = self._seen.setdefault(tab, set())
            self._seen.move_to_end(tab)
            if len(self._seen) > self._maximum:
                self._seen.popitem(last=False)
            if page not in seen and len(seen) >= self._most:
                return False
            seen.add(page)
            return True


PAGES = Pages(most=100)
"""As long as a process lives. A project has fewer, and a tab shows no others."""


def _history(value: object, now: datetime) -> NavigationHistory:
    match value:
        case {"index": int(index), "entries": [*rows]} if 0 <= index < len(rows) <= MAX_HISTORY:
            return NavigationHistory(entries=tuple(_entry(row, now) for row in rows), index=index)
    raise HTTPException(400, f"history must hold an index and 1 to {MAX_HISTORY} entries.")


def _entry(row: object, now: datetime) -> NavigationEntry:
    match row:
        case {"page": str(page), "params": dict(params)} if len(params) <= _MAX_PARAMS and all(
            map(_short, params.items())
        ):
            return NavigationEntry(page=_text({"page": page}, "page", _PAGE), params=params, timestamp=now)
    raise HTTPException(400, "Each history entry must hold a page and its params, which are texts.")


def _short(item: tuple[object, object]) -> bool:
    return all(isinstance(text, str) and len(text) <= _MAX_TEXT for text in item)


def _text(body: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise HTTPException(400, f"{name} is missing or malformed.")
    return value


def _pixels(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise HTTPException(400, "y must be a number of pixels.")
    if not 0 <= value <= _TALLEST:
        raise HTTPException(400, f"y must lie between 0 and {_TALLEST:.0f}.")
    return float(value)
