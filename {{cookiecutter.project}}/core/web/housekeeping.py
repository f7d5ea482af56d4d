"""Remove in the background what is no longer needed: sessions, tokens, submissions.

One process at a time does it, in batches of a few milliseconds with pauses between them, so that no edit waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
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


@dataclass(slots=True, kw_only=True)
class Cleaned:
    """Counts of what was removed so far."""

    sessions: int = 0
    remembered: int = 0
    """Sessions deleted so long ago that it need not be remembered any more."""
    tokens: int = 0
    files: int = 0
    """That nothing refers to any more."""
    versions: int = 0
    """Of what cached results depend on, and that has not changed for long."""
    submissions: int = 0
    invitations: int = 0
    """That nobody used in time."""
    attempts: int = 0
    """Names and addresses for which no password was tried lately."""
    devices: int = 0
    """In which nobody has signed in for so long that their browsers have forgotten it, too."""


def clean_up(services: Services) -> Cleaned:
    """Remove all sessions and tokens whose time is over, unless another process is at it."""
    cleaned = Cleaned()
    for now in batches(services):
        cleaned = now
    return cleaned


def batches(services: Services) -> Iterator[Cleaned]:
    """Clean up batch by batch, and say after each what was removed so far. Ends when another process has the lease.

    Raises StoreUnavailableError while the database is away, and what else a part raised once all the others are done.
    """
    cleaned, failed = Cleaned(), list[Exception]()

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
                setattr(cleaned, kind, getattr(cleaned, kind) + removed)
                yield cleaned
    if failed:
        raise failed[0]


def _removers(services: Services) -> dict[str, Callable[[], int]]:
    # An ended token is remembered for a while, so that its browser is told that it ended.
    retention = timedelta(seconds=services.settings.session_retention)

    accounts = services.accounts
    return {
        "sessions": services.engine.cleanup,
        "remembered": lambda: services.store.forget_purged(_BATCH),
        "tokens": lambda: accounts.tokens.forget_ended(retention, _BATCH),
        "files": lambda: services.files.collect_when_due(services.engine.texts),
        "versions": lambda: services.versions.forget(retention, _BATCH),
        "submissions": lambda: services.submissions.forget(retention, _BATCH),
        "invitations": lambda: accounts.invitations.forget(_BATCH),
        "attempts": lambda: accounts.throttle.forget_attempts(_BATCH),
        "devices": lambda: accounts.throttle.forget_devices(_BATCH),
    }


async def clean_up_in_background() -> None:
    """Clean up with pauses, in other threads."""
    cleaned, number = None, 0
    left = batches(get_services())
    while (now := await run_in_threadpool(next, left, None)) is not None:
        cleaned, number = now, number + 1
        if number % _BATCHES_PER_REPORT == 0:
            log.info("cleaning up", **asdict(cleaned))
        await asyncio.sleep(_PAUSE_SECONDS)
    if cleaned not in (None, Cleaned()):
        log.info("cleaned up", **asdict(cleaned))
