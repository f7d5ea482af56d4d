"""Keeps sessions: edits are durable in the journal at once, and in the database a moment later.

`DebouncedWriter` and `SessionModel` are part of this module's public names; they live in `core.storage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import structlog
from sqlalchemy.exc import DataError, IntegrityError

from core.clock import NO_STAMP, Clock, HybridClock, SystemClock, stamp_time
from core.errors import CorruptValueError, SessionUnavailableError, StoreUnavailableError
from core.paths import USER_PATH
from core.session import REMOVED, Change, UserSession
from core.settings import get_settings
from core.storage.codec import decode, encode
from core.storage.database import open_database
from core.storage.entry import Entry, newest
from core.storage.group_commit import GroupCommit
from core.storage.journal import Journal
from core.storage.models import SessionModel
from core.storage.sql import SqlStore
from core.storage.store import Store
from core.storage.writer import DebouncedWriter

__all__ = ["DebouncedWriter", "EngineStatus", "SessionModel", "SessionPersistenceEngine"]

_BATCH = 5_000
"""Entries per database transaction."""
_CLEANUP_BATCH = 50

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """What waits and how the last flushes went."""

    pending: int
    oldest_pending: datetime | None
    last_flush: datetime | None
    failures: int
    last_error: str | None


class SessionPersistenceEngine:
    """Loads sessions, makes their changes durable, and removes them when their time is over.

    `debounce_delay` is in seconds from the first unsaved edit to the flush; `session_timeout` in seconds
    without activity. Without `store` and `journal` it opens those that the settings name.
    """

    def __init__(
        self,
        debounce_delay: float = 2.0,
        session_timeout: float = 86400,
        *,
        store: Store | None = None,
        journal: Journal | None = None,
        clock: Clock | None = None,
        hybrid_clock: HybridClock | None = None,
        durability: Literal["local", "database"] = "local",
    ) -> None:
        if store is None or journal is None:
            settings = get_settings()
            store = store or SqlStore(
                open_database(settings.resolved_database_url),
                session_timeout=session_timeout,
                retention=settings.session_retention,
            )
            journal = journal or Journal(settings.resolved_journal_path)
        self.clock = clock or SystemClock()
        self.session_timeout = session_timeout
        self._store, self._journal = store, journal
        self._hybrid_clock = hybrid_clock or HybridClock(self.clock)
        self._writer = DebouncedWriter(self._drain, debounce_delay, clock=self.clock)
        self._acknowledge: Callable[[Sequence[Entry]], None] = (
            journal.append if durability == "local" else GroupCommit(store.upsert).append
        )
        self._durability = durability
        if journal.count():
            self._writer.mark()

    @property
    def debounce_delay(self) -> float:
        return self._writer.debounce_delay

    def open(self, session_id: str, user_id: str | None = None) -> UserSession:
        """Return the session as it was left, or a new one. A new one leaves no trace until its first edit.

        Raises SessionUnavailableError when the database can't be asked: better no answer than a blank
        session that then overwrites the real one.
        """
        session = UserSession(session_id=session_id, user_id=user_id, clock=self.clock)
        session.emit = lambda changes: self._emit(session, changes)
        try:
            self._absorb_news(session)
        except StoreUnavailableError as error:
            raise SessionUnavailableError(f"Your work is safe, but can't be shown yet. {error}") from error
        return session

    def refresh(self, session: UserSession) -> set[str]:
        """Fold in what other tabs, processes and devices changed. Returns the paths that changed.

        While the database is away, the news of this machine are folded in all the same.
        """
        try:
            return self._absorb_news(session)
        except StoreUnavailableError as error:
            log.warning("refresh without the database", error=str(error))
            return self._absorb(session, self._journal.pending(session.session_id))

    def record(self, session_id: str, values: Mapping[str, Any]) -> None:
        """Make values durable by path, for callers that hold no session (a route, a script)."""
        self._append(session_id, [Change(path, value) for path, value in values.items()], {})

    def merge_sessions(self, source_id: str, target_id: str) -> None:
        """Move what was done in one session into another. Happens the same however often it is called."""
        loaded = self._store.load(source_id)
        entries = newest([*loaded.entries, *self._journal.pending(source_id)]).values()
        moved = [
            Entry(session_id=target_id, path=e.path, value=e.value, stamp=e.stamp, base=e.base)
            for e in entries
            if e.path != USER_PATH
        ]
        if moved:
            self._keep(moved)
            self.purge(source_id)

    def flush(self) -> None:
        """Write everything that waits into the database now. Raises if that fails; nothing is lost."""
        self._writer.flush()

    def purge(self, session_id: str) -> None:
        """Delete a session for good."""
        self._store.purge(session_id)
        self._journal.discard_session(session_id)

    def cleanup(self) -> int:
        """Delete one small batch of sessions that are not in use. Returns how many there were.

        A session with edits that wait for their flush stays until they are in the database and count there.
        """
        self.flush()
        expired = self._store.expired(_CLEANUP_BATCH)
        return self._store.purge_expired([key for key in expired if not self._journal.pending(key)])

    def status(self) -> EngineStatus:
        writer, oldest = self._writer.status, self._journal.oldest_stamp()
        return EngineStatus(
            pending=self._journal.count(),
            oldest_pending=stamp_time(oldest) if oldest else None,
            last_flush=writer.last_flush,
            failures=writer.failures,
            last_error=writer.last_error,
        )

    def close(self) -> None:
        """Flush and let go of the files. Closing twice is harmless; what could not be flushed stays in the journal."""
        try:
            self._writer.close()
        except StoreUnavailableError as error:
            log.warning("closed with edits waiting in the journal", error=str(error))
        self._journal.close()
        self._store.close()

    # Reading

    def _absorb_news(self, session: UserSession) -> set[str]:
        # The journal first: a flush between the two reads is then seen in the database, never missed.
        waiting = self._journal.pending(session.session_id)
        loaded = self._store.load(session.session_id, session.version)
        changed = self._absorb(session, [*loaded.entries, *waiting])
        session.version, session.purged = max(session.version, loaded.version), loaded.purged
        return changed

    def _absorb(self, session: UserSession, entries: Sequence[Entry]) -> set[str]:
        changed: set[str] = set()
        for entry in entries:
            self._hybrid_clock.observe(entry.stamp)
            if entry.stamp <= session.stamps.get(entry.path, NO_STAMP):
                continue
            session.stamps[entry.path] = entry.stamp
            changed.add(entry.path)
            try:
                value = REMOVED if entry.value is None else decode(entry.value, entry.path)
            except CorruptValueError as error:
                log.error("a stored value can't be read and is left as it is", path=entry.path, error=str(error))
                session.unreadable[entry.path] = str(error)
                continue
            session.absorb(entry.path, value)
        return changed

    # Writing

    def _emit(self, session: UserSession, changes: Sequence[Change]) -> Mapping[str, str]:
        return self._append(session.session_id, changes, session.stamps)

    def _append(self, session_id: str, changes: Sequence[Change], seen: Mapping[str, str]) -> Mapping[str, str]:
        entries = [
            Entry(
                session_id=session_id,
                path=change.path,
                value=None if change.value is REMOVED else encode(change.value, change.path),
                stamp=self._hybrid_clock.tick(),
                base=seen.get(change.path, NO_STAMP),
            )
            for change in changes
        ]
        self._keep(entries)
        return {entry.path: entry.stamp for entry in entries}

    def _keep(self, entries: Sequence[Entry]) -> None:
        self._acknowledge(entries)
        if self._durability == "local":
            self._writer.mark()

    def _drain(self) -> None:
        """Move the journal into the database, batch by batch, until it is empty."""
        while batch := self._journal.batch(_BATCH):
            self._write(batch)

    def _write(self, batch: Sequence[Entry]) -> None:
        try:
            self._store.upsert(batch)
        except (DataError, IntegrityError, CorruptValueError) as error:
            # One entry that the database refuses must not hold up the others: halve until it is alone.
            if len(batch) == 1:
                log.error("the database refuses an entry; it is set aside", path=batch[0].path, error=str(error))
                self._journal.quarantine(batch[0], str(error))
                return
            middle = len(batch) // 2
            self._write(batch[:middle])
            self._write(batch[middle:])
        else:
            self._journal.discard(batch)
