"""Which page each browser is on: gathered in memory, and written for all of them together every few seconds."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import cast

from sqlalchemy import Engine, Table, bindparam, update

from core.clock import Clock
from core.storage.database import reachable
from core.storage.models import TokenModel
from core.storage.writer import DebouncedWriter

_SECONDS = 5.0
_CLOSE_SECONDS = 1.0
_REMEMBERED = 20_000
"""Browsers whose page is remembered, so that what didn't change is not written. Beyond it, it is written again."""

_tokens = cast(Table, TokenModel.__table__)
_WRITE = (
    update(_tokens)
    .where(_tokens.c.token_hash == bindparam("hash"), _tokens.c.page != bindparam("now_on"))
    .values(page=bindparam("now_on"))
)


class Whereabouts:
    """Notes pages without a run waiting for it: noting is an entry in a dict.

    However many browsers turn pages, the database gets one transaction every few seconds. What is noted here is lost
    with the process; the next page makes up for it.
    """

    def __init__(self, database: Engine, clock: Clock) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._new: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._writer = DebouncedWriter(self._write, _SECONDS, clock=clock)

    def note(self, token_hash: str, page: str) -> None:
        """Note that a browser is on a page."""
        with self._lock:
            if self._known.get(token_hash) == page:
                return
            self._known[token_hash] = self._new[token_hash] = page
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
        self._writer.mark()

    def write(self) -> None:
        """Write now what was noted. Raises StoreUnavailableError; then it is tried again later."""
        self._writer.flush()

    def close(self) -> None:
        """Write what was noted, if that takes no time, and stop."""
        self._writer.close_soon(_CLOSE_SECONDS)

    def _write(self) -> None:
        with self._lock:
            new, self._new = self._new, {}
        if not new:
            return
        # In a fixed order, so that two processes can't wait for each other.
        rows = [{"hash": token_hash, "now_on": page} for token_hash, page in sorted(new.items())]
        try:
            with reachable(), self._database.begin() as connection:
                connection.execute(_WRITE, rows)
        except BaseException:
            self._keep(new)
            raise

    def _keep(self, unwritten: Mapping[str, str]) -> None:
        with self._lock:
            self._new = {**unwritten, **self._new}
