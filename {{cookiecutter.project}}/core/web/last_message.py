"""The last message of a page that is gone, sent once more by the page's script.

A browser that leaves a page drops what its WebSocket hasn't handed to the network yet: a click followed at once by F5
may never get here. What it sends as a beacon arrives. Saying the same thing twice changes nothing, and nothing that a
later message has changed is changed back: a message has a number.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.errors import KeepError, NotAllowedError
from core.rate import RateLimit
from core.services import Services
from core.streamlit_compat.messages import read_message
from core.web.ingress import get_connections
from core.web.live_tab import LiveTab
from core.web.request import read_bytes, require_identity, require_page

BODY_LIMIT = 65_536
"""Bytes. Browsers take no larger beacon."""
RATE = RateLimit(per_second=5, burst=50)
_NAME = 32
"""Characters of a connection's name, with which the body begins."""


async def last_message(request: Request) -> Response:
    """Answer 204 once everything that the message says about the page's widgets is durable.

    401 without a valid cookie or for an ended session, 403 for another site, another person's connection or a page one
    may not see any more, 404 for a connection that isn't known, or no more, to this process, 413 for a body over the
    limit, 429 for too many, 503 when it can't be kept now.
    """
    services, token = require_page(request, RATE)
    body = await read_bytes(request, limit=BODY_LIMIT)
    tab = get_connections().last_tab(body[:_NAME].decode("latin-1"))
    if tab is None:
        raise HTTPException(404, "There was no such connection here just now.")
    try:
        kept = await run_in_threadpool(_take_in, services, token, tab, body[_NAME:])
    except NotAllowedError as error:
        raise HTTPException(403, "The person may not see this page any more.") from error
    except KeepError:
        kept = False
    if not kept:
        raise HTTPException(503, "Nothing can be kept now.")
    return Response(status_code=204)


def _take_in(services: Services, token: str, tab: LiveTab, frame: bytes) -> bool:
    if require_identity(services, token).session_id != tab.session_id:
        raise HTTPException(403, "This connection is another browser's.")
    edits = tab.read_again(read_message(frame)).edits
    return tab.keep(edits) if edits else True
