"""How an edit becomes durable, and where it waits until the database has it.

| `DURABILITY` | class | acknowledged when | waits in |
|---|---|---|---|
| `local` | WriteBehind | the journal's commit is synced | the journal of this machine |
| `database` | WriteThrough | the database's commit is answered | nothing |

Entries are sealed and their merging is idempotent, so trying again is always harmless.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy.exc import DataError, IntegrityError

from core.clock import Clock, stamp_time
from core.errors import CorruptValueError, JournalError, NotKeptError, StoreUnavailableError, UnreadableValueError
from core.storage.entry import Entry, Quarantined
from core.storage.group_commit import GroupCommit
from core.storage.journal import Journal
from core.storage.sealing import Seal
from core.storage.sql_store import SqlStore
from core.storage.writer import DebouncedWriter

_BATCH = 5_000
"""Entries per database transaction."""
_REFUSALS = (DataError, IntegrityError)
"""What the database raises because of an entry, not because of its own state."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """What waits and how the last writes went. `failures` counts those in a row."""

    pending: int = 0
    oldest_pending: datetime | None = None
    last_flush: datetime | None = None
    failures: int = 0
    last_error: str | None = None
    journal_error: str | None = None
    """Why the journal took no edit the last time; edits then go into the database directly."""


class Durability(Protocol):
    """Makes sealed entries durable."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Return once `entries` would survive power loss.

        Raises NotKeptError for an entry that can't be stored, JournalError or StoreUnavailableError when
        nothing can be stored now.
        """
        ...

    def waiting(self, session_id: str) -> list[Entry]:
        """What is durable and perhaps not in the database yet."""
        ...

    def waiting_since(self, session_ids: Collection[str]) -> dict[str, datetime]:
        """Of which of these sessions something waits here, and since when."""
        ...

    def flush(self) -> None:
        """Bring everything that waits into the database now. Raises if that fails; nothing is lost."""
        ...

    def hasten(self, patience: float) -> bool:
        """Bring what waits into the database soon; wait up to `patience` seconds for it. Whether it is there."""
        ...

    def discard(self, entries: Sequence[Entry]) -> None:
        """Forget entries that `waiting` returned and that are durable elsewhere; one edited again meanwhile stays."""
        ...

    def discard_session(self, session_id: str) -> None:
        """Forget what waits of a deleted session."""
        ...

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Quarantine an entry that `waiting` returned."""
        ...

    def quarantined(self) -> list[Quarantined]: ...

    def status(self) -> EngineStatus: ...

    def close(self) -> None:
        """Flush and let go. Closing twice is harmless."""
        ...


class WriteThrough:
    """Each edit is committed in the database before it is acknowledged; threads share commits."""

    def __init__(self, store: SqlStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._commits = GroupCommit(self._commit, individual=_REFUSALS)
        self._status = EngineStatus()

    def append(self, entries: Sequence[Entry]) -> None:
        try:
            self._commits.append(entries)
        except _REFUSALS as error:
            raise NotKeptError(
                entries[0].path, f"the database refuses it ({error})", "Enter it differently."
            ) from error

    def waiting(self, session_id: str) -> list[Entry]:  # noqa: ARG002
        return []

    def waiting_since(self, session_ids: Collection[str]) -> dict[str, datetime]:  # noqa: ARG002
        return {}

    def flush(self) -> None:
        """Nothing waits."""

    def hasten(self, patience: float) -> bool:  # noqa: ARG002
        return True

    def discard(self, entries: Sequence[Entry]) -> None:
        """Nothing waits."""

    def discard_session(self, session_id: str) -> None:
        """Nothing waits."""

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Nothing waits."""

    def quarantined(self) -> list[Quarantined]:
        return []

    def status(self) -> EngineStatus:
        return self._status

    def close(self) -> None:
        """Nothing waits."""

    def _commit(self, entries: Sequence[Entry]) -> None:
        try:
            self._upsert(entries)
        except StoreUnavailableError as error:
            self._status = replace(self._status, failures=self._status.failures + 1, last_error=str(error))
            raise
        self._status = EngineStatus(last_flush=self._clock.now())

    def _upsert(self, entries: Sequence[Entry]) -> None:
        try:
            self._store.upsert(entries)
        except StoreUnavailableError:
            # The connection may have died since it was last used, perhaps between the commit and its answer.
            self._store.upsert(entries)


class WriteBehind:
    """Each edit is synced in the journal before it is acknowledged; the database follows in batches.

    When the journal can't take an edit, it is committed in the database instead.
    """

    def __init__(self, journal: Journal, store: SqlStore, seal: Seal, clock: Clock, debounce_delay: float) -> None:
        self._journal, self._store, self._seal = journal, store, seal
        self._directly = WriteThrough(store, clock)
        self._journal_error: str | None = None
        self.writer = DebouncedWriter(self._drain, debounce_delay, clock=clock)
        if journal.count():
            self.writer.mark()

    def append(self, entries: Sequence[Entry]) -> None:
        try:
            self._journal.append(entries)
        except JournalError as error:
            log.error("the journal takes no edit; trying the database", error=str(error))
            self._journal_error = str(error)
            try:
                self._directly.append(entries)
            except StoreUnavailableError as away:
                raise JournalError(f"{error} {away}") from away
        else:
            self._journal_error = None
            self.writer.mark()

    def waiting(self, session_id: str) -> list[Entry]:
        return self._journal.pending(session_id)

    def waiting_since(self, session_ids: Collection[str]) -> dict[str, datetime]:
        since = {name: _time(stamp) for name, stamp in self._journal.oldest_stamps(session_ids).items()}
        return {name: moment for name, moment in since.items() if moment is not None}

    def flush(self) -> None:
        self.writer.flush()

    def hasten(self, patience: float) -> bool:
        return self.writer.hasten(patience)

    def discard(self, entries: Sequence[Entry]) -> None:
        self._journal.discard(entries)

    def discard_session(self, session_id: str) -> None:
        self._journal.discard_session(session_id)

    def set_aside(self, entry: Entry, reason: str) -> None:
        log.error("an entry of the journal is set aside", path=entry.path, reason=reason)
        self._journal.quarantine(entry, reason)

    def quarantined(self) -> list[Quarantined]:
        return self._journal.quarantined()

    def status(self) -> EngineStatus:
        flushes, trouble = self.writer.status, self._journal_error
        pending, oldest = 0, None
        try:
            pending, oldest = self._journal.count(), self._journal.oldest_stamp()
        except JournalError as error:
            trouble = str(error)
        return EngineStatus(
            pending=pending,
            oldest_pending=_time(oldest),
            last_flush=flushes.last_flush,
            failures=flushes.failures,
            last_error=flushes.last_error,
            journal_error=trouble,
        )

    def close(self) -> None:
        try:
            self.writer.close()
        finally:
            self._journal.close()

    def _drain(self) -> None:
        """Move what waits into the database, batch by batch.

        What arrives meanwhile has marked the writer anew. Taken along it would make a transaction of every few
        edits, and a flush would not end while people type.
        """
        while batch := self._journal.batch(_BATCH):
            self._write([entry for entry in batch if self._is_sound(entry)])
            if len(batch) < _BATCH:
                break

    def _is_sound(self, entry: Entry) -> bool:
        try:
            self._seal.open(entry)
        except CorruptValueError as error:
            self.set_aside(entry, str(error))
            return False
        except UnreadableValueError:
            return True  # intact, and not for us to judge
        return True

    def _write(self, batch: Sequence[Entry]) -> None:
        try:
            self._store.upsert(batch)
        except _REFUSALS as error:
            # One entry that the database refuses must not hold up the others: halve until it is alone.
            if len(batch) == 1:
                self.set_aside(batch[0], f"the database refuses it ({error})")
                return
            middle = len(batch) // 2
            self._write(batch[:middle])
            self._write(batch[middle:])
        else:
            self._journal.discard(batch)


def _time(stamp: str | None) -> datetime | None:
    try:
        return stamp_time(stamp) if stamp else None
    except ValueError:
        return None  # damaged; the next flush sets it aside
