"""Sessions that became part of another: what was done before signing in belongs to the person who signed in.

The header of a merged session stays, as that of a deleted one does, and names the session it went into. So an edit
that was acknowledged before the merge and reaches the database after it goes there, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

import structlog
from sqlalchemy import Connection, Table, select

from core.clock import Clock
from core.errors import CorruptValueError, UnreadableValueError
from core.state.paths import USER_PATH
from core.storage.database import reachable
from core.storage.entry import Entry
from core.storage.expiring import ExpiringSessions
from core.storage.models import EntryModel, SessionModel
from core.storage.quarantine import as_entry, keep_aside
from core.storage.sealing import Seal

_sessions, _entries = cast(Table, SessionModel.__table__), cast(Table, EntryModel.__table__)

log = structlog.get_logger(__name__)


class MergingSessions(ExpiringSessions):
    """The part of `SqlStore` that moves what belongs to one session into another."""

    _seal: Seal
    _clock: Clock

    def upsert(self, entries: Sequence[Entry]) -> None:
        raise NotImplementedError

    def upsert_within(self, connection: Connection, entries: Sequence[Entry]) -> bool:
        raise NotImplementedError

    def merge(self, source_id: str, target_id: str) -> None:
        """Move all entries of a session into another, and delete it; what reaches it later is moved as well."""
        with reachable(), self._database.connect() as connection, connection.begin() as transaction:
            # The header first: what others write waits for it, and is then either found below or comes too late.
            if not self._mark_purged(connection, source_id, into=target_id):
                return
            rows = connection.execute(select(_entries).where(_entries.c.session_id == source_id))
            moved, unreadable = moved_into(target_id, [as_entry(row) for row in rows], self._seal)
            if unreadable:  # they stay with their session, and it stays
                transaction.rollback()
            else:
                self.upsert_within(connection, moved)
                self._empty(connection, [source_id])
        if unreadable:
            self.upsert(moved)

    def _take_over(self, entries: Sequence[Entry]) -> None:
        """Move what came too late for sessions that were merged; those of deleted ones go."""
        late = {entry.session_id for entry in entries}
        went = select(_sessions.c.session_id, _sessions.c.merged_into)
        went = went.where(_sessions.c.session_id.in_(late), _sessions.c.merged_into.is_not(None))
        with reachable(), self._database.begin() as connection:
            taken: list[Entry] = []
            for source_id, target_id in connection.execute(went).all():
                here = [entry for entry in entries if entry.session_id == source_id]
                moved, unreadable = moved_into(target_id, here, self._seal)
                taken += moved
                for entry, reason in unreadable:
                    keep_aside(connection, entry, reason, self._clock.now())
            self.upsert_within(connection, taken)


def moved_into(target_id: str, entries: Iterable[Entry], seal: Seal) -> tuple[list[Entry], list[tuple[Entry, str]]]:
    """Return entries as those of another session, and those that can't be read, each with the reason."""
    moved, unreadable = [], []
    for entry in entries:
        if entry.path == USER_PATH:
            continue
        try:
            moved.append(seal.seal(replace(seal.open(entry), session_id=target_id)))
        except (CorruptValueError, UnreadableValueError) as error:
            log.error("an entry stays behind at sign-in", path=entry.path, error=str(error))
            unreadable.append((entry, str(error)))
    return moved, unreadable
