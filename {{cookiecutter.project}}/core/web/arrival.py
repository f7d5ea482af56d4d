"""Somebody arrives from the identity provider: may they come in, and as whom?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import structlog

from core.accounts import Actor
from core.claims import Claims
from core.errors import StoreUnavailableError
from core.services import Services
from core.storage.database import reachable
from core.web.exchange import exchange
from core.web.token import anonymous_session_id, new_token, token_hash

Outcome = Literal["signed_in", "not_admitted", "locked", "stale", "no_database"]

_STATEMENT_LIFETIME = timedelta(minutes=10)
"""How old the provider's statement may be. It is asked for and used within a second, but clocks differ."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What became of it. `token` is the browser's new token, None for who wasn't let in; `who` is what to call them."""

    outcome: Outcome
    who: str
    token: str | None = None


def arrive(services: Services, said: Mapping[str, Any], browser: str | None, *, by: Actor) -> Arrival:
    """Let in whom the provider's statement is about, or not. A refusal is audited, and leaves nothing else of them.

    `said` are the claims of an id token that was verified; `browser` is the token of the browser that brought it, None
    for one without. A new person gets an account, a known one the roles of their groups.
    """
    settings = services.settings
    claims = Claims.of(said, settings.oidc_roles_claim)
    who = claims.email or claims.name
    try:
        with reachable():
            outcome, token = _let_in(services, claims, browser, by)
    except StoreUnavailableError as error:
        log.warning("nobody can sign in without the database", error=str(error))
        return Arrival(outcome="no_database", who=who)
    return Arrival(outcome=outcome, who=who, token=token)


def _let_in(services: Services, claims: Claims, browser: str | None, by: Actor) -> tuple[Outcome, str | None]:
    settings, accounts = services.settings, services.accounts
    if services.clock.now() - claims.issued_at > _STATEMENT_LIFETIME:
        log.error("the provider's statement is too old; compare the clocks", issued_at=claims.issued_at.isoformat())
        return "stale", None
    if not claims.admitted(settings.oidc_allowed, settings.oidc_roles):
        known = accounts.find(claims.username)
        subject = f"person:{known.user_id}" if known else ""
        accounts.note("sign_in.refused", by=by, subject=subject, detail=f"not let in: {claims.username}")
        return "not_admitted", None
    user = accounts.welcome(
        claims.username,
        name=claims.name,
        email=claims.email,
        given=claims.roles(settings.oidc_roles),
        managed=frozenset(settings.oidc_roles.values()),
        by=by,
    )
    if not user.active:
        accounts.note("sign_in.refused", by=by, subject=f"person:{user.user_id}", detail="locked out")
        return "locked", None
    secret = settings.secret_key.get_secret_value()
    if browser is None or _has_ended(services, browser, secret):
        browser = new_token(secret)  # nothing of an ended sign-in goes on, not even its time
    ticket = accounts.issue_ticket(token_hash(browser), user.user_id)
    token = exchange(services, ticket, browser, device=by.device, address=by.address)
    return ("signed_in", token) if token is not None else ("locked", None)


def _has_ended(services: Services, browser: str, secret: str) -> bool:
    identity = services.accounts.resolve_identity(
        token_hash(browser), anonymous_session_id(browser, secret), patient=True
    )
    return identity.standing == "ended"
