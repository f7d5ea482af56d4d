"""Tasks that are repeated while the server runs, whatever they raise, and the errors of those that fail now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from core.errors import KeepError

log = structlog.get_logger(__name__)


class Background:
    """The repeated tasks of one process, on its event loop."""

    def __init__(self) -> None:
        self._failing: dict[str, str] = {}

    @property
    def failing(self) -> Mapping[str, str]:
        """By name: the error of each task that failed the last time. It is tried again when it is due."""
        return dict(self._failing)

    async def repeat(
        self, name: str, task: Callable[[], Awaitable[None]], *, seconds: float, first_after: float | None = None
    ) -> None:
        """Run a task every so many seconds until cancelled. What it raises is logged, and doesn't end it."""
        await asyncio.sleep(seconds if first_after is None else first_after)
        while True:
            try:
                await task()
            except Exception as error:
                self._failing[name] = f"{type(error).__name__}: {error}"
                # The project's own errors say what to do; of others it has to be known where they come from.
                unexpected = not isinstance(error, KeepError)
                log.warning("a background task failed", task=name, error=str(error), exc_info=unexpected)
            else:
                self._failing.pop(name, None)
            await asyncio.sleep(seconds)
