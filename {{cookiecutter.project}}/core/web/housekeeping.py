"""Removes in the background what nobody needs any more: sessions and tokens whose time is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from starlette.concurrency import run_in_threadpool

from core.errors import StoreUnavailableError
from core.services import Services, get_services
from core.storage.database import reachable

INTERVAL_SECONDS = 600.0

log = structlog.get_logger(__name__)


def clean_up(services: Services) -> int:
    """Remove all sessions and tokens whose time is over, in small batches. Returns how many sessions there were."""
    removed = 0
    while batch := services.engine.cleanup():
        removed += batch
    with reachable():
        # An ended token is remembered for a while, so that its browser is told that it ended.
        services.accounts.forget_ended(timedelta(seconds=services.settings.session_retention))
    return removed


async def clean_up_regularly() -> None:
    """Clean up every ten minutes until cancelled. While the database is away it waits for the next time."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            removed = await run_in_threadpool(lambda: clean_up(get_services()))
        except StoreUnavailableError as error:
            log.warning("cleaning up has to wait", error=str(error))
        else:
            log.info("cleaned up", sessions=removed)
