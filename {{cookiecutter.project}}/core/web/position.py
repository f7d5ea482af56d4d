"""Where a tab stands: its page, its scroll position and the browser's own history, posted by the page's script."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.errors import KeepError
from core.navigation import MAX_HISTORY, NavigationEntry, NavigationHistory
from core.paths import join_path
from core.services import Services, get_services
from core.web.owner import find_owner, require_token
from core.web.request import read_json, require_same_origin

BODY_LIMIT = 32_768
"""Bytes. Fifty entries with long parameters fit; more is no history."""
_TAB = re.compile(r"[0-9a-f]{32}")
_PAGE = re.compile(r"[^/\x00-\x1f]{1,100}")
_TALLEST = 10_000_000.0
"""CSS pixels. No page is taller."""
_MAX_PARAMS = 50
_MAX_TEXT = 2_000


async def position(request: Request) -> Response:
    """Answer 204 once the position is durable.

    400 for a malformed body, 401 without a valid cookie or for an ended session, 403 for another site,
    413 for a body over the limit, 503 when it can't be kept now.
    """
    require_same_origin(request)
    services = get_services()
    token = require_token(request, services)
    values = parse(await read_json(request, limit=BODY_LIMIT), services.clock.now())
    try:
        await run_in_threadpool(_keep, services, token, values)
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


def _keep(services: Services, token: str, values: Mapping[str, Any]) -> None:
    owner = find_owner(services, token)
    if owner.registered or owner.user_id:  # an anonymous browser leaves no trace before its first edit
        services.engine.record(owner.session_id, values)


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
