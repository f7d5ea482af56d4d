"""Keeps sessions: edits are durable at once, and in the database a moment later.

`DebouncedWriter` and `SessionModel` are part of this module's public names; they live in `core.storage`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import structlog

from core.clock import NO_STAMP, Clock, HybridClock, SystemClock
from core.codec import decode, encode
from core.errors import (
    CorruptValueError,
    JournalError,
    NotKeptError,
    NotKeptNowError,
    SessionUnavailableError,
    StoreUnavailableError,
    UnreadableValueError,
)
from core.session import UserSession
from core.settings import get_settings
from core.state.paths import CREATED_PATH, REMOVED, Change, holds_fields, is_passing
from core.storage.database import BUDGET_SECONDS, open_database
from core.storage.entry import Entry, Quarantined
from core.storage.envelope import Envelope
from core.storage.journal import Journal
from core.storage.models import SessionModel
from core.storage.sql_store import SqlStore
from core.storage.writer import DebouncedWriter, EngineStatus, EntryWriter

__all__ = ["DebouncedWriter", "EngineStatus", "SessionModel", "SessionPersistenceEngine"]

_CLEANUP_BATCH = 10
"""Sessions deleted in one transaction. Large ones take about 6 ms each, for which everybody who writes waits."""

_AROUND_A_FIELD = 4
"""Levels of nesting that a step, a snapshot or what was saved puts around the value of a field."""

R = TypeVar("R")

log = structlog.get_logger(__name__)


class SessionPersistenceEngine:
    """Loads sessions, makes their changes durable, and removes them when their time is over.

    `debounce_delay` is in seconds from the first unsaved edit to the flush; `session_timeout` in seconds
    without activity. Without `store` it opens the database and journal that the settings name, under their
    DURABILITY and SESSION_ENCRYPTION_KEYS. A store without `journal` acknowledges edits in the database.
    """

    def __init__(
        self,
        debounce_delay: float = 2.0,
        session_timeout: float = 86400,
        *,
        store: SqlStore | None = None,
        journal: Journal | None = None,
        clock: Clock | None = None,
        envelope: Envelope | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.session_timeout = session_timeout
        self.debounce_delay = debounce_delay
        self._hybrid_clock = HybridClock(self.clock)
        if store is None:
            settings = get_settings()
            envelope = Envelope(settings.encryption_keys)
            store = SqlStore(
                open_database(settings.resolved_database_url),
                session_timeout=session_timeout,
                retention=settings.session_retention,
                clock=self.clock,
                envelope=envelope,
            )
            journal = Journal(settings.resolved_journal_path) if settings.durability == "local" else None
        self._envelope = envelope or Envelope()
        self._store = store
        self._writer = EntryWriter(store, self._envelope, journal=journal, debounce_delay=debounce_delay)

    def open(self, session_id: str, user_id: str | None = None) -> UserSession:
        """Return the session as it was left, or a new one. A new one leaves no trace until its first edit.

        Raises SessionUnavailableError when it can't be read now: better no answer than a blank session
        that then overwrites the real one.
        """
        session = UserSession(session_id=session_id, user_id=user_id, clock=self.clock, persistence=self)
        try:
            self._load(session, self._writer.pending(session_id))
        except (StoreUnavailableError, JournalError) as error:
            raise SessionUnavailableError(f"Your work is safe, but can't be shown yet. {error}") from error
        return session

    def refresh(self, session: UserSession, waiting: Sequence[Entry] | None = None) -> set[str]:
        """Apply what other tabs, processes and devices changed. Returns the paths that changed.

        While the database is away, the changes on this machine are applied all the same. `waiting` is what a caller
        has read from the journal just before.
        """
        try:
            waiting = self._writer.pending(session.session_id) if waiting is None else waiting
            return self._load(session, waiting)
        except StoreUnavailableError as error:
            log.warning("refresh without the database", error=str(error))
            return self._apply_waiting(session, waiting or [])
        except JournalError as error:
            log.error("refresh without the journal", error=str(error))
            return set()

    def decode_again(self, session: UserSession) -> None:
        """Give every value of a session the classes that its modules have now: after a reload, an Enum is another one.

        Raises SessionUnavailableError when the session can't be read now.
        """
        again = self.open(session.session_id, session.user_id)
        with session.lock:
            for path, value in again.values.items():
                if again.stamps[path] == session.stamps.get(path):
                    session.apply(path, value)

    def waiting(self, session_id: str) -> list[Entry]:
        """Return entries that are durable on this machine and may not be in the database yet; none if unreadable."""
        try:
            return self._writer.pending(session_id)
        except JournalError as error:
            log.error("going on without the journal", error=str(error))
            return []

    def merge_pending(self, session: UserSession, waiting: Sequence[Entry], version: int | None) -> set[str]:
        """Like `refresh`, for a caller that read what waits, and after that the stored session's version."""
        if version is not None and version == session.version:
            return self._apply_waiting(session, waiting)
        return self.refresh(session, waiting)

    def texts(self) -> Iterator[str]:
        """Yield what live sessions hold, and what is in quarantine, as encoded text: to look for something in it.

        Raises StoreUnavailableError, and UnreadableValueError where a key is missing and nobody can say what is in it.
        """
        self.flush()
        for entry in self._store.entries():
            try:
                text = self._envelope.open(entry).value
            except CorruptValueError:
                text = entry.value
            if text:
                yield text
        for aside in self.quarantined():
            yield aside.entry.value or ""

    def read_paths(
        self, session_id: str, paths: Collection[str], user_id: str | None = None, *, here_only: bool = False
    ) -> UserSession:
        """Return a session that holds these paths only, for a caller that needs, and changes, no others.

        `here_only` leaves out what the database has. Raises StoreUnavailableError or JournalError.
        """
        session = UserSession(
            session_id=session_id, user_id=user_id, clock=self.clock, persistence=self, is_partial=here_only
        )
        wanted = {*paths, CREATED_PATH}
        # The journal first, as in `_load`.
        waiting = [entry for entry in self._writer.pending(session_id) if entry.path in wanted]
        stored = [] if here_only else self._store.read(session_id, wanted)
        return self._with_readable(session, [*stored, *waiting])

    def read_commit(self, session_id: str, stamp: str) -> UserSession:
        """Return a session that holds what was written with this stamp and nothing else, to see who wrote it.

        Raises StoreUnavailableError or JournalError.
        """
        session = UserSession(session_id=session_id, clock=self.clock, persistence=self, is_partial=True)
        waiting = [entry for entry in self._writer.pending(session_id) if entry.stamp == stamp]
        return self._with_readable(session, [*self._store.read_commit(session_id, stamp), *waiting])

    def submit(self, session: UserSession, changes: Sequence[Change], store: Callable[[Sequence[Entry]], R]) -> R:
        """Make changes durable by `store`, which puts their sealed entries into the database together with more.

        `store` must tell when it is called twice: it is, after an answer that got lost. Raises what it raises,
        NotKeptError for a value that can't be kept, and StoreUnavailableError.
        """
        self._refuse_unreadable(session, changes)
        try:
            self.flush()  # what these changes follow on is there before them
        except JournalError as error:
            log.error("submitting without the journal", error=str(error))
        entries, sizes = self._entries(session, changes)
        sealed = [self._envelope.seal(entry) for entry in entries]
        try:
            answer = store(sealed)
        except StoreUnavailableError:
            answer = store(sealed)
        session.quota.update(sizes)
        self.refresh(session)
        return answer

    def merge_sessions(self, source_id: str, target_id: str) -> None:
        """Move what was done in one session into another, also what reaches the database later.

        Happens the same however often it is called. Raises JournalError, NotKeptError and StoreUnavailableError.
        """
        self.flush()
        self._store.merge(source_id, target_id)

    def flush(self) -> None:
        """Write everything that waits into the database now. Raises if that fails; nothing is lost."""
        self._writer.flush()

    def publish(self) -> bool:
        """Bring what waits into the database soon, where others see it. Whether it is there already.

        Waits a moment, and never fails: whatever is not there yet gets there by itself.
        """
        return self._writer.flushes.flush_soon(BUDGET_SECONDS)

    def purge(self, session_id: str) -> None:
        """Delete a session for good."""
        self._store.purge(session_id)
        self._writer.discard_session(session_id)

    def cleanup(self) -> int:
        """Delete one small batch of sessions that are not in use. Returns how many there were.

        A session with edits that wait for their flush stays until they are in the database and count there.
        """
        self.flush()
        expired = self._store.expired(_CLEANUP_BATCH)
        return self._store.purge_expired([key for key in expired if not self._writer.pending(key)])

    def quarantined(self) -> list[Quarantined]:
        """Return what is in quarantine, here and in the database."""
        return [*self._writer.quarantined(), *self._store.quarantined()]

    @property
    def failures(self) -> int:
        """The number of writes to the database that failed in a row."""
        return self._writer.failures

    def status(self) -> EngineStatus:
        return self._writer.status()

    def close(self) -> None:
        """Flush and let go of the files. Closing twice is harmless; what could not be flushed stays in the journal."""
        try:
            self._writer.close()
        except (StoreUnavailableError, JournalError, TimeoutError) as error:
            log.warning("closed with edits waiting in the journal", error=str(error))
        finally:
            self._store.close()

    # Reading

    def _load(self, session: UserSession, waiting: Sequence[Entry]) -> set[str]:
        """Apply what the database has, and `waiting`, which must be read before that. Returns the paths that changed.

        What is flushed between the two reads is then seen in the database, never missed.
        """
        loaded = self._store.load(session.session_id, session.version)
        changed: set[str] = set()
        for entry in loaded.entries:
            try:
                changed |= self._apply(session, entry)
            except CorruptValueError as error:
                log.error("a stored entry is put into quarantine", path=entry.path, error=str(error))
                self._store.quarantine(entry, str(error))
        changed |= self._apply_waiting(session, waiting)
        session.version, session.purged = max(session.version, loaded.version), loaded.purged
        return changed

    def _apply_waiting(self, session: UserSession, waiting: Sequence[Entry]) -> set[str]:
        changed: set[str] = set()
        for entry in waiting:
            try:
                changed |= self._apply(session, entry)
            except CorruptValueError as error:
                self._writer.quarantine(entry, str(error))
        return changed

    def _with_readable(self, session: UserSession, entries: Sequence[Entry]) -> UserSession:
        """Apply entries to a session, those that are damaged left out, and return it."""
        for entry in entries:
            with suppress(CorruptValueError):
                self._apply(session, entry)
        return session

    def _apply(self, session: UserSession, entry: Entry) -> set[str]:
        """Apply an entry unless the session has a newer one. Returns the path if it changed.

        A value that is intact but can't be decoded here is noted and left. Raises CorruptValueError.
        """
        with session.lock:
            known = session.stamps.get(entry.path)
            if known is not None and entry.stamp <= known:
                return set()
            try:
                text = self._envelope.open(entry).value
                value = REMOVED if text is None else decode(text, entry.path)
            except UnreadableValueError as error:
                log.error("a stored value can't be read here and is left as it is", path=entry.path, error=str(error))
                session.unreadable[entry.path] = str(error)
                return set()
            self._hybrid_clock.observe(entry.stamp)
            if text is None and known is None and is_passing(entry.path):
                return set()  # it was removed here before, or never known
            session.stamps[entry.path] = entry.stamp
            session.unreadable.pop(entry.path, None)
            session.quota.update({entry.path: _bytes(text)})
            session.apply(entry.path, value)
        if entry.path in session.misshapen:
            log.error("a stored value is left out", path=entry.path, error=session.misshapen[entry.path])
        return {entry.path}

    # Writing

    def write(self, session: UserSession, changes: Sequence[Change]) -> Mapping[str, str]:
        """Make changes of a session durable. Returns the stamp of each path.

        Raises NotKeptError for a value that can't be stored or exceeds the quota, NotKeptNowError when nothing can be
        stored now.
        """
        self._refuse_unreadable(session, changes)
        entries, sizes = self._entries(session, changes)
        try:
            self._writer.append([self._envelope.seal(entry) for entry in entries])
        except (JournalError, StoreUnavailableError) as error:
            log.error("an edit could not be kept", session_id=session.session_id, error=str(error))
            raise NotKeptNowError from error
        session.quota.update(sizes)
        return {entry.path: entry.stamp for entry in entries}

    def _refuse_unreadable(self, session: UserSession, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.path in session.unreadable:
                remedy = "It is left as it is; edit it where it was written."
                raise NotKeptError(change.path, session.unreadable[change.path], remedy)

    def _entries(self, session: UserSession, changes: Sequence[Change]) -> tuple[list[Entry], dict[str, int]]:
        """Return the entries of changes, not sealed yet, and the size of each. Raises NotKeptError for too much."""
        stamp = self._hybrid_clock.tick()
        entries = [
            Entry(
                session_id=session.session_id,
                path=change.path,
                value=None if change.value is REMOVED else _encode(change),
                stamp=stamp
                if stamp > (base := session.stamps.get(change.path, NO_STAMP))
                else self._hybrid_clock.tick(base),
                base=base,
            )
            for change in changes
        ]
        sizes = {entry.path: _bytes(entry.value) for entry in entries}
        session.quota.check(sizes)
        return entries, sizes


def _encode(change: Change) -> str:
    if holds_fields(change.path):
        return encode(change.value, change.path, limit=None, around=_AROUND_A_FIELD)
    return encode(change.value, change.path)


def _bytes(text: str | None) -> int:
    if text is None:
        return 0
    return len(text) if text.isascii() else len(text.encode())
