"""Checks of a request to our routes: its origin, its size, its token, and the identity and session behind that."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from core.accounts import Identity
from core.errors import StoreUnavailableError
from core.rate import RateLimit
from core.services import Services, get_services
from core.session import UserSession
from core.settings import Settings
from core.web.client import OTHER_SITE, note_denied, noted_address
from core.web.token import anonymous_session_id, token_hash, verify

BODY_SECONDS = 10.0
"""Time a body may take: more than its few kilobytes need on the slowest line."""
MOST_BODIES, MOST_BODIES_OF_ONE = 1_000, 100
"""Bodies that may be on their way at once, in all and from one address. A page sends a few, one after the other."""

log = structlog.get_logger(__name__)

_under_way: Counter[str] = Counter()
"""By address: the bodies that are on their way. For the event loop's own thread."""


def require_same_origin(request: Request) -> None:
    """Raise 403 unless the request comes from a page of this very server, and note that in the audit trail.

    Browsers say so in `Sec-Fetch-Site`; older ones send an `Origin`, which must name the host asked for.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        allowed = site == "same-origin"
    else:
        origin = urlsplit(request.headers.get("origin", ""))
        allowed = bool(origin.netloc) and origin.netloc.lower() == request.headers.get("host", "").lower()
    if not allowed:
        token = browser_token(request, get_services().settings)
        note_denied(request.scope, OTHER_SITE, browser=token_hash(token) if token else None)
        raise HTTPException(403, "Only pages of this app may ask for this.")


async def read_bytes(request: Request, *, limit: int) -> bytes:
    """Return the body.

    Raises 413 for one of more than `limit` bytes, 408 for one that isn't here after `BODY_SECONDS`, 503 where too many
    are on their way, and 400 where the connection ends before it.
    """
    address, body = client_address(request), bytearray()
    if _under_way.total() >= MOST_BODIES or _under_way[address] >= MOST_BODIES_OF_ONE:
        raise HTTPException(503, "Too many requests are being received.", headers={"Retry-After": "1"})
    _under_way[address] += 1
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise HTTPException(413, f"At most {limit} bytes are accepted here.")
    except TimeoutError as error:
        raise HTTPException(408, "The request took too long.", headers={"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise HTTPException(400, "The request ended too early.") from error
    finally:
        _under_way[address] -= 1
        if not _under_way[address]:
            del _under_way[address]
    return bytes(body)


async def read_json(request: Request, *, limit: int) -> dict[str, Any]:
    """Return the body, a JSON object of at most `limit` bytes. Raises 413 for a longer one, 400 for another kind."""
    try:
        content = json.loads(await read_bytes(request, limit=limit))
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body must be JSON, and not nested deeply.") from error
    if not isinstance(content, dict):
        raise HTTPException(400, "The body must be a JSON object.")
    return content


def browser_token(request: Request, settings: Settings) -> str | None:
    """Return the token of the browser that sent the request, or None when it has no valid one."""
    token = request.cookies.get(settings.cookie_name, "")
    return token if verify(token, settings.secret_key.get_secret_value()) else None


def require_token(request: Request, services: Services) -> str:
    """Return the token of the browser that sent a request. Raises 401 when it has no valid one."""
    token = browser_token(request, services.settings)
    if token is None:
        raise HTTPException(401, "This browser has no session here. Reload the page.")
    return token


def require_page(request: Request, rate: RateLimit) -> tuple[Services, str]:
    """Return the services and the token of a request that a page of this very server sent.

    Raises 403 for another site's, 401 without a valid token, and 429 for more than `rate` allows a browser.
    """
    require_same_origin(request)
    services = get_services()
    token = require_token(request, services)
    if seconds := rate.wait(token_hash(token)):
        raise HTTPException(429, "Too many at once.", headers={"Retry-After": f"{max(1, round(seconds))}"})
    return services, token


def require_identity(services: Services, token: str) -> Identity:
    """Resolve a valid token. Raises 401 for one that has ended, StoreUnavailableError as `resolve_identity` does."""
    secret = services.settings.secret_key.get_secret_value()
    identity = services.accounts.identities.resolve(token_hash(token), anonymous_session_id(token, secret))
    if identity.standing == "ended":
        raise HTTPException(401, "This browser was signed out. Reload the page.")
    return identity


def open_paths(services: Services, owner: Identity, paths: Collection[str]) -> UserSession:
    """Return a session with these paths only; while the database is away, with what of them is on this machine.

    Raises JournalError.
    """
    if not owner.database_away:
        try:
            with services.accounts.db_budget:
                return services.engine.read_paths(owner.session_id, paths, owner.user_id)
        except StoreUnavailableError as error:
            log.info("a route goes on without the database", error=str(error))
    return services.engine.read_paths(owner.session_id, paths, owner.user_id, here_only=True)


def client_address(request: Request) -> str:
    """Return the network address of whoever sent the request, as the server sees it."""
    return noted_address(request.client.host if request.client else None)
