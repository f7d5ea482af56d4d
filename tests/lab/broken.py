"""Services as they should be, and variants that lose data on purpose: the checker must notice each of them.

They are put together from the real parts, with one of them replaced; nothing in `core` knows of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from core.clock import Clock, HybridClock
from core.errors import StoreUnavailableError
from core.services import Services, build_services
from core.session import Change, UserSession
from core.session_persistence import SessionPersistenceEngine
from core.settings import Settings
from core.storage.entry import Entry
from core.storage.journal import Journal
from core.storage.sql_store import SqlStore

_LATE_SECONDS = 60.0


class HastyJournal(Journal):
    """Acknowledges before it commits."""

    def append(self, entries: Sequence[Entry]) -> None:
        later = threading.Timer(_LATE_SECONDS, super().append, (entries,))
        later.daemon = True
        later.start()


class UnsyncedJournal(Journal):
    """`synchronous=OFF`: what is acknowledged is in the memory of the operating system only."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._writer.execute("PRAGMA synchronous = OFF")


class PoppingJournal(Journal):
    """Lets go of what is to be flushed before the flush has succeeded."""

    def batch(self, limit: int) -> list[Entry]:
        batch = super().batch(limit)
        self.discard(batch)
        return batch


class FlakyStore(SqlStore):
    """A database that is away at the first flush."""

    _was_away = False

    def upsert(self, entries: Sequence[Entry]) -> None:
        if not self._was_away:
            self._was_away = True
            raise StoreUnavailableError("The database is away, once.")
        super().upsert(entries)


class HastyStore(SqlStore):
    """Acknowledges before it commits."""

    def upsert(self, entries: Sequence[Entry]) -> None:
        later = threading.Timer(_LATE_SECONDS, super().upsert, (entries,))
        later.daemon = True
        later.start()


class RepeatingStore(SqlStore):
    """Writes with each flush the earlier ones once more, as a process does that died before it let go of them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._earlier: list[Entry] = []

    def upsert(self, entries: Sequence[Entry]) -> None:
        super().upsert([*self._earlier, *entries])
        self._earlier += entries


class RepeatingArrivalStore(RepeatingStore):
    """The same, and the last to arrive wins, whatever was written last: twice is not the same as once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._arrivals = HybridClock()

    def upsert(self, entries: Sequence[Entry]) -> None:
        super().upsert(entries)
        opened = [self._envelope.open(entry) for entry in self._earlier]
        SqlStore.upsert(self, [self._envelope.seal(replace(entry, stamp=self._arrivals.tick())) for entry in opened])


class WholeSessionEngine(SessionPersistenceEngine):
    """The last write wins, but of the whole session: each edit writes all that its tab knows."""

    def write(self, session: UserSession, changes: Sequence[Change]) -> Mapping[str, str]:
        values = {**session.values, **{change.path: change.value for change in changes}}
        return super().write(session, [Change(path, value) for path, value in values.items()])


def _variant(
    *,
    journal: Callable[..., Journal] = Journal,
    store: Callable[..., SqlStore] = SqlStore,
    engine: Callable[..., SessionPersistenceEngine] = SessionPersistenceEngine,
) -> Callable[[Settings, Clock], Services]:
    """Builds services with some parts replaced."""

    def build(settings: Settings, clock: Clock) -> Services:
        real = build_services(settings, clock)
        if real.journal is not None:
            real.journal.close()
        replaced = replace(
            real,
            journal=journal(settings.resolved_journal_path) if real.journal is not None else None,
            store=_store(store, real.database, settings, real),
        )
        parts = {"store": replaced.store, "journal": replaced.journal, "clock": clock, "envelope": real.envelope}
        delay, timeout = settings.debounce_delay, settings.session_timeout
        return replace(replaced, engine=engine(delay, timeout, **parts))

    return build


def _store(kind: Callable[..., SqlStore], database: Engine, settings: Settings, real: Services) -> SqlStore:
    timeout, retention = settings.session_timeout, settings.session_retention
    return kind(database, session_timeout=timeout, retention=retention, clock=real.clock, envelope=real.envelope)


VARIANTS: Mapping[str, Callable[[Settings, Clock], Services]] = {
    "real": build_services,
    "acknowledge before commit": _variant(journal=HastyJournal),
    "acknowledge before the database commits": _variant(store=HastyStore),
    "synchronous off": _variant(journal=UnsyncedJournal),
    "whole session": _variant(engine=WholeSessionEngine),
    "flushes twice": _variant(store=RepeatingStore),
    "flushes twice, last arrival wins": _variant(store=RepeatingArrivalStore),
    "database away once": _variant(store=FlakyStore),
    "database away once, pop before success": _variant(journal=PoppingJournal, store=FlakyStore),
}
