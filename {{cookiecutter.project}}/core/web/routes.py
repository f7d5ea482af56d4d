"""Small routes: three probes of the server, and the exchange of a ticket for a new cookie."""

from __future__ import annotations

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.accounts import Actor
from core.errors import KeepError, StoreUnavailableError
from core.services import Services, get_services
from core.storage.database import reachable
from core.web.client import client_of
from core.web.cookie import set_cookie_header
from core.web.replica import version
from core.web.request import browser_token, read_json, require_same_origin
from core.web.shutdown import get_shutdown
from core.web.token import anonymous_session_id, new_token, token_hash

_TICKET_LIMIT = 1024
_NO_STORE = {"Cache-Control": "no-store"}

log = structlog.get_logger(__name__)


async def live(_request: Request) -> Response:
    """Answer 200: this process serves requests. A liveness probe that fails gets the process restarted."""
    return JSONResponse({"live": True}, headers=_NO_STORE)


async def ready(_request: Request) -> Response:
    """Answer 200 while people may be sent here, 503 once the process is about to stop.

    The database doesn't count: all replicas have the same one, so that an outage of it would leave nobody to answer.
    """
    is_ready = not get_shutdown().begun
    return JSONResponse({"ready": is_ready}, status_code=200 if is_ready else 503, headers=_NO_STORE)


async def health(_request: Request) -> Response:
    """Answer 200 while database and journal are up, 503 while one is not. Edits are kept as long as one of them is."""
    report = await run_in_threadpool(_health)
    return JSONResponse(report, status_code=200 if report["ok"] else 503, headers=_NO_STORE)


async def rotate(request: Request) -> Response:
    """Exchange a ticket for a new session cookie: 204 with it, 409 when the ticket is not this browser's.

    The body is `{"ticket": "…"}`. Only a page of this app may ask, with the cookie the ticket is bound to.
    """
    require_same_origin(request)
    services = get_services()
    settings = services.settings
    ticket = (await read_json(request, limit=_TICKET_LIMIT)).get("ticket")
    old = browser_token(request, settings)
    if old is None or not isinstance(ticket, str):
        return Response(status_code=409, headers=_NO_STORE)
    try:
        new = await run_in_threadpool(exchange, services, ticket, old, by=client_of(request.scope))
    except StoreUnavailableError as error:
        log.warning("rotate without the database", error=str(error))
        return Response(status_code=503, headers=_NO_STORE)
    if new is None:
        return Response(status_code=409, headers=_NO_STORE)
    cookie = set_cookie_header(settings.cookie_name, new, secure=settings.cookie_secure)
    return Response(status_code=204, headers={**_NO_STORE, "Set-Cookie": cookie})


def _health() -> dict[str, object]:
    services = get_services()
    database = "up" if services.database_answers() else "down"
    status = services.engine.status()
    journal = "down" if status.journal_error else "up" if services.journal else "none"
    return {
        "ok": "down" not in (database, journal),
        "database": database,
        "journal": journal,
        "pending": status.pending,
        "failures": status.failures,
        "background": sorted(services.background.failing),
        "version": version(),
    }


def exchange(services: Services, ticket: str, old: str, *, by: Actor) -> str | None:
    """Return the new token for a ticket and the token it is bound to; None when the ticket is not this browser's.

    What somebody did before they signed in becomes theirs. Raises StoreUnavailableError.
    """
    secret = services.settings.secret_key.get_secret_value()
    new = new_token(secret)
    with reachable():
        redeemed = services.accounts.tokens.redeem(
            ticket, token_hash(old), token_hash(new), by.device, address=by.address
        )
    if redeemed is None:
        return None
    if redeemed.user is not None and redeemed.previous_user_id is None:
        source = anonymous_session_id(old, secret)
        try:
            services.engine.merge_sessions(source, redeemed.user.session_id)
        except KeepError as error:
            # The person is in, and what they did before stays under its own id for another attempt.
            log.error("anonymous work could not be merged", source=source, error=str(error))
    return new
