"""The exchange of a ticket for a new token, and what goes along with it."""

from __future__ import annotations

import structlog

from core.errors import KeepError
from core.services import Services
from core.storage.database import reachable
from core.web.token import anonymous_session_id, new_token, token_hash

log = structlog.get_logger(__name__)


def exchange(services: Services, ticket: str, old: str, *, device: str, address: str) -> str | None:
    """Return the new token for a ticket and the token it is bound to; None when the ticket is not this browser's.

    What somebody did before they signed in becomes theirs. Raises StoreUnavailableError.
    """
    secret = services.settings.secret_key.get_secret_value()
    new = new_token(secret)
    with reachable():
        redeemed = services.accounts.redeem(ticket, token_hash(old), token_hash(new), device, address=address)
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
