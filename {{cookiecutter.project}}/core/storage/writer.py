"""Writing: an edit is made durable at once, and the database follows in few flushes.

| `DURABILITY` | acknowledged when | waits in |
|---|---|---|
| `local` | the journal's commit is synced | the journal of this machine |
| `database` | the database's commit is answered | nothing |

Entries are sealed and their merging is idempotent, so trying again is always harmless.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from core.clock import stamp_time
from core.errors import (
    CorruptValueError,
    JournalError,
    NotKeptError,
    StatementRefusedError,
    StoreUnavailableError,
    UnreadableValueError,
)
from core.storage.entry import Entry, Quarantined
from core.storage.envelope import Envelope
from core.storage.group_commit import GroupCommit
from core.storage.journal import Journal
from core.storage.sql_store import SqlStore

_PAUSES = (0.5, 1.0, 2.0, 4.0, 5.0)
"""Seconds before a flush is tried again, after so many failures in a row; then the last one."""
CLOSE_SECONDS = 6.0
"""Seconds that a shutdown waits for its flush: it has ten until the process is killed."""
_BATCH = 5_000
"""Entries per database transaction."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """The entries that wait, and the outcome of the last writes. `failures` counts those in a row."""

    pending: int = 0
    oldest_pending: datetime | None = None
    failures: int = 0
    last_error: str | None = None
    journal_error: str | None = None
    """The reason why the journal took no edit the last time; edits then go into the database directly."""


class DebouncedWriter:
    """Calls `flush` at most `debounce_delay` seconds after the first mark, in a thread of its own.

    The deadline counts from the first mark, so steady typing can't postpone it for ever. A flush that
    fails is tried again with growing pauses; nothing is dropped, because whoever marks keeps what it marked.
    """

    def __init__(self, flush: Callable[[], None], debounce_delay: float = 2.0) -> None:
        self._flush = flush
        self.debounce_delay = debounce_delay
        self._changed = threading.Condition()
        self._flushing = threading.Lock()
        self._deadline: float | None = None
        self._marked = self._flushed = 0
        """The number of marks so far, and of those that the last flush that succeeded has seen."""
        self._thread: threading.Thread | None = None
        self._closed = False
        self._status = EngineStatus()
        self._error: BaseException | None = None
        """The error of the last flush, None if it succeeded."""

    @property
    def deadline(self) -> float | None:
        """Time at which the next flush is due, in seconds of `time.monotonic()`; None when nothing is marked."""
        with self._changed:
            return self._deadline

    @property
    def status(self) -> EngineStatus:
        return self._status

    def mark(self) -> None:
        """Note that there is something to flush."""
        with self._changed:
            self._marked += 1
            if self._deadline is None:
                self._deadline = time.monotonic() + self.debounce_delay
                self._changed.notify_all()
            self._start()

    def flush_soon(self, patience: float) -> bool:
        """Flush as soon as possible, and wait up to `patience` seconds. Returns whether all marked is flushed.

        While flushes fail the next one comes when it is due.
        """
        with self._changed:
            wanted = self._marked
            if self._flushed < wanted and (self._status.failures or self._thread is None):
                return False
            if self._deadline is not None:
                self._deadline = time.monotonic()
                self._changed.notify_all()
            return self._changed.wait_for(lambda: self._flushed >= wanted or self._status.failures > 0, patience) and (
                self._flushed >= wanted
            )

    def flush(self) -> None:
        """Flush now. Raises what the flush raised; the marks stay, and it will be tried again."""
        with self._flushing:
            with self._changed:
                self._deadline, seen = None, self._marked
            try:
                self._flush()
            except BaseException as error:
                self._failed(error)
                raise
            with self._changed:
                self._status = EngineStatus()
                self._error, self._flushed = None, seen
                self._changed.notify_all()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Flush what is marked and stop the thread. Closing twice is harmless.

        Raises what the flush raised, or TimeoutError when it takes longer than `timeout` seconds. Either way
        whatever was marked is still where it was.
        """
        with self._changed:
            if self._closed:
                return
            if self._flushed < self._marked:
                self._start()
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            # In its thread, because a database may take longer than a shutdown has time.
            self._thread.join(timeout)
            if self._thread.is_alive():
                raise TimeoutError(f"the last flush took longer than {timeout:.0f} s")
            if self._error is not None:
                raise self._error
        elif self._flushed < self._marked:
            self.flush()

    def _start(self) -> None:
        """Start the thread that flushes. Where none can be had the next mark tries again, and nothing is lost."""
        if self._closed or self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="debounced-writer", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            log.error("no thread for flushes", error=str(error))
        else:
            self._thread = thread

    def _failed(self, error: BaseException) -> None:
        self._error, failures = error, self._status.failures + 1
        pause = _PAUSES[min(failures, len(_PAUSES)) - 1]
        self._status = replace(self._status, failures=failures, last_error=str(error))
        log.warning("flush failed", error=str(error), failures=failures, retry_seconds=pause)
        with self._changed:
            self._deadline = time.monotonic() + pause
            self._changed.notify_all()

    def _run(self) -> None:
        closing = False
        while not closing:
            with self._changed:
                while not self._closed and (self._deadline is None or self._deadline > time.monotonic()):
                    wait = None if self._deadline is None else self._deadline - time.monotonic()
                    self._changed.wait(wait)
                closing = self._closed
                if closing and self._flushed == self._marked:
                    return
            try:
                self.flush()
            except BaseException:
                # Noted, logged and rescheduled by `flush`; the thread must live on, whatever that was.
                log.debug("flush will be tried again", exc_info=True)


class EntryWriter:
    """Makes sealed entries durable: in the journal, which the database follows in batches, or in the database itself.

    The latter without a journal, and for what the journal can't take.
    """

    def __init__(
        self, store: SqlStore, envelope: Envelope, *, journal: Journal | None, debounce_delay: float = 2.0
    ) -> None:
        self._store, self._envelope, self._journal = store, envelope, journal
        self._commits = GroupCommit(self._commit, individual=(StatementRefusedError,))
        self._commit_status = EngineStatus()
        self._journal_error: str | None = None
        self.flushes = DebouncedWriter(self._drain, debounce_delay)
        if journal is not None and journal.count():
            self.flushes.mark()

    def append(self, entries: Sequence[Entry]) -> None:
        """Return once `entries` would survive power loss.

        Raises NotKeptError for an entry that can't be stored, JournalError or StoreUnavailableError when
        nothing can be stored now.
        """
        if self._journal is None:
            self._append_to_database(entries)
            return
        try:
            self._journal.append(entries)
        except JournalError as error:
            log.error("the journal takes no edit; trying the database", error=str(error))
            self._journal_error = str(error)
            try:
                self._append_to_database(entries)
            except StoreUnavailableError as away:
                raise JournalError(f"{error} {away}") from away
        else:
            self._journal_error = None
            self.flushes.mark()

    def pending(self, session_id: str) -> list[Entry]:
        """Return the entries that are durable here and perhaps not in the database yet."""
        return [] if self._journal is None else self._journal.pending(session_id)

    def flush(self) -> None:
        """Bring everything that waits into the database now. Raises if that fails; nothing is lost."""
        self.flushes.flush()

    def discard_session(self, session_id: str) -> None:
        """Forget what waits of a deleted session."""
        if self._journal is not None:
            self._journal.discard_session(session_id)

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Quarantine a pending entry."""
        if self._journal is not None:
            log.error("an entry of the journal goes into quarantine", path=entry.path, reason=reason)
            self._journal.quarantine(entry, reason)

    def quarantined(self) -> list[Quarantined]:
        """Return what is in quarantine here."""
        return [] if self._journal is None else self._journal.quarantined()

    @property
    def failures(self) -> int:
        """The number of writes to the database that failed in a row."""
        return (self._commit_status if self._journal is None else self.flushes.status).failures

    def status(self) -> EngineStatus:
        """Return what waits, and the outcome of the last writes. Counts the journal."""
        if self._journal is None:
            return self._commit_status
        pending, oldest, trouble = 0, None, self._journal_error
        try:
            pending, oldest = self._journal.count(), self._journal.oldest_stamp()
        except JournalError as error:
            trouble = str(error)
        return replace(self.flushes.status, pending=pending, oldest_pending=_time(oldest), journal_error=trouble)

    def close(self) -> None:
        """Flush and close the journal. Closing twice is harmless."""
        try:
            self.flushes.close()
        finally:
            if self._journal is not None:
                self._journal.close()

    # The journal into the database

    def _drain(self) -> None:
        """Move what waits into the database, batch by batch.

        What arrives meanwhile has marked the writer anew. Taken along it would make a transaction of every few
        edits, and a flush would not end while people type.
        """
        while self._journal is not None and (batch := self._journal.batch(_BATCH)):
            self._write(self._journal, [entry for entry in batch if self._is_sound(entry)])
            if len(batch) < _BATCH:
                break

    def _is_sound(self, entry: Entry) -> bool:
        try:
            self._envelope.open(entry)
        except CorruptValueError as error:
            self.quarantine(entry, str(error))
            return False
        except UnreadableValueError:
            return True  # intact, and not for us to judge
        return True

    def _write(self, journal: Journal, batch: Sequence[Entry]) -> None:
        try:
            self._store.upsert(batch)
        except StatementRefusedError as error:
            # One entry that the database refuses must not hold up the others: halve until it is alone.
            if len(batch) == 1:
                self.quarantine(batch[0], str(error))
                return
            middle = len(batch) // 2
            self._write(journal, batch[:middle])
            self._write(journal, batch[middle:])
        else:
            journal.discard(batch)

    # Directly into the database

    def _append_to_database(self, entries: Sequence[Entry]) -> None:
        """Commit entries in the database before they are acknowledged; threads share commits."""
        try:
            self._commits.append(entries)
        except StatementRefusedError as error:
            raise NotKeptError(entries[0].path, str(error).removesuffix("."), "Enter it differently.") from error

    def _commit(self, entries: Sequence[Entry]) -> None:
        try:
            try:
                self._store.upsert(entries)
            except StoreUnavailableError:
                # The connection may have died since it was last used, perhaps between the commit and its answer.
                self._store.upsert(entries)
        except StoreUnavailableError as error:
            status = self._commit_status
            self._commit_status = replace(status, failures=status.failures + 1, last_error=str(error))
            raise
        self._commit_status = EngineStatus()


def _time(stamp: str | None) -> datetime | None:
    try:
        return stamp_time(stamp) if stamp else None
    except ValueError:
        return None  # damaged; the next flush quarantines it
