"""Remove in the background what is no longer needed: sessions, tokens, submissions.

One process at a time does it, in batches of a few milliseconds with pauses between them, so that no edit waits for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from starlette.concurrency import run_in_threadpool

from core.errors import StoreUnavailableError
from core.services import Services, get_services
from core.storage.database import reachable

INTERVAL_SECONDS = 600.0
FIRST_SECONDS = 60.0
"""From the start until it cleans first, so that a server that is restarted often cleans up all the same."""
_PAUSE_SECONDS = 0.05
"""Between two batches. Whoever waits for SQLite's write lock asks again within this time."""
_LEASE = "cleanup"
_LEASE_SECONDS = 2.5 * INTERVAL_SECONDS
"""So the process that cleaned last does so next time; after its death another one does after twice the interval."""
_BATCH = 500
_BATCHES_PER_REPORT = 100

log = structlog.get_logger(__name__)


def batches(services: Services) -> Iterator[Counter[str]]:
    """Clean up batch by batch, and yield after each the counts of what was removed so far, by kind.

    Ends when another process has the lease.

    Raises StoreUnavailableError while the database is away, and what else a part raised once all the others are done.
    """
    cleaned, failed = Counter[str](), list[Exception]()

    @contextmanager
    def part(name: str) -> Iterator[None]:
        try:
            with reachable():
                yield
        except StoreUnavailableError:
            raise
        except Exception as error:
            log.exception("a part of cleaning up failed", part=name)
            failed.append(error)

    for kind, remove in _removers(services).items():
        with part(kind):
            while services.lease.hold(_LEASE, _LEASE_SECONDS) and (removed := remove()):
                cleaned[kind] += removed
                yield cleaned
    if failed:
        raise failed[0]


def _removers(services: Services) -> dict[str, Callable[[], int]]:
    # An ended token is remembered for a while, so that its browser is told that it ended.
    retention = timedelta(seconds=services.settings.session_retention)

    accounts = services.accounts
    return {
        "sessions": services.engine.cleanup,
        "purged": lambda: services.store.forget_purged(_BATCH),  # so long ago that it need not be remembered
        "tokens": lambda: accounts.tokens.forget_ended(retention, _BATCH),
        "files": lambda: services.files.collect_when_due(services.engine.texts),
        "versions": lambda: services.versions.forget(retention, _BATCH),
        "submissions": lambda: services.submissions.forget(retention, _BATCH),
        "invitations": lambda: accounts.invitations.forget(_BATCH),
        "attempts": lambda: accounts.throttle.forget_attempts(_BATCH),
        "devices": lambda: accounts.throttle.forget_devices(_BATCH),
    }


async def clean_up() -> None:
    """Clean up with pauses, in other threads."""
    cleaned, number, left = Counter[str](), 0, batches(get_services())
    while (now := await run_in_threadpool(next, left, None)) is not None:
        cleaned, number = now, number + 1
        if number % _BATCHES_PER_REPORT == 0:
            log.info("cleaning up", **cleaned)
        await asyncio.sleep(_PAUSE_SECONDS)
    if cleaned:
        log.info("cleaned up", **cleaned)
