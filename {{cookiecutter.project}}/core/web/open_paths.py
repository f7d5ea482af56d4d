"""The part of a session that a route reads and changes."""

from __future__ import annotations

from collections.abc import Collection

import structlog

from core.accounts import Identity
from core.errors import StoreUnavailableError
from core.services import Services
from core.session import UserSession

log = structlog.get_logger(__name__)


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
