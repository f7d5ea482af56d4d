"""Runs the open pages again, in development, when a file of the team's or of the engine's was saved.

Streamlit's own `server.runOnSave` can do that for `main.py` alone: the modules are not its to watch (`core.reload`).
"""

from __future__ import annotations

import streamlit as st
from starlette.concurrency import run_in_threadpool

from core.reload import get_sources
from core.settings import get_settings
from core.streamlit_compat.server import ask_for_run
from core.web.ingress import get_connections

INTERVAL_SECONDS = 0.5


def watch_sources() -> bool:
    """Begin to reload what is saved, unless this is production or Streamlit was told to watch nothing.

    Returns whether pages shall run again by themselves.
    """
    wanted = get_settings().environment == "development" and st.get_option("server.fileWatcherType") != "none"
    if wanted:
        get_sources().watch()
    return wanted and bool(st.get_option("server.runOnSave"))


class RunOnSave:
    """The looks of one process at its sources."""

    def __init__(self) -> None:
        self._seen = self._now()

    async def look(self) -> None:
        """Look once, and let the open pages run if there is something new."""
        await run_in_threadpool(get_sources().refresh)
        if self._seen != (now := self._now()):
            self._seen = now
            for page in get_connections().pages().values():
                ask_for_run(page.streamlit_id)

    def _now(self) -> tuple[int, tuple[str, ...]]:
        return get_sources().generation, get_sources().outdated
