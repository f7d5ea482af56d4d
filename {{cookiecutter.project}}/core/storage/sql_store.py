"""The store in SQLite or PostgreSQL: idempotent upserts, one transaction for all sessions of a flush.

A session that was deleted leaves its header, so that a late flush doesn't bring it back. So does one that was merged
into another (what was done before signing in belongs to the person who signed in): the header then names the other
session, and an edit that was acknowledged before the merge and reaches the database after it goes there, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    bindparam,
    delete,
    exists,
    func,
    select,
    tuple_,
    update,
)

from core.clock import Clock, SteadyClock, SystemClock
from core.errors import CorruptValueError, UnreadableValueError
from core.state.paths import USER_PATH, holds_fields, is_passing, split_path
from core.storage import quarantine
from core.storage.at_once import AtOnce
from core.storage.database import reachable, read_from, upserting_insert
from core.storage.entry import Entry, Loaded, Quarantined, SessionHeader, newest
from core.storage.envelope import Envelope, removes
from core.storage.forgetting import IS_REMOVED, forget_removed, may_be_forgotten, without_place
from core.storage.headers import Headers, header_statement
from core.storage.models import EntryModel, QuarantineModel, SessionModel, TokenModel
from core.storage.quarantine import as_entry, exactly
from core.storage.versions import Versions

log = structlog.get_logger(__name__)

GRACE = timedelta(minutes=5)
"""The time that a session must be over. Covers what is noted late: a browser seen less than a minute ago, edits
that wait for their flush, and machines whose clocks differ a little."""

_sessions, _entries = cast(Table, SessionModel.__table__), cast(Table, EntryModel.__table__)
_quarantine = cast(Table, QuarantineModel.__table__)
_BATCH = 500
_AT_ONCE = 100
"""Entries that one statement may commit. More than an edit has, fewer than a flush brings."""
_LATE = "It arrived after its session had forgotten what was removed at that time."
_WITH_A_SAVE = ("/saved", "/key")
"""Endings of paths: what was saved, and the next submission's key, which also changes where saving empties a form."""
_NEXT_VERSION = _sessions.c.version + 1
"""Also a purge is news: whoever only compares versions has to learn of it."""
# Building these costs as much as running them.
_VERSION = select(_sessions.c.version, _sessions.c.purged_at).where(_sessions.c.session_id == bindparam("session"))
_OF_SESSION = select(_entries).where(_entries.c.session_id == bindparam("session"))
_NEWS = _OF_SESSION.where(_entries.c.version > bindparam("after"))
_ALL = _OF_SESSION.where(~IS_REMOVED)
"""Whatever their versions: a damaged one must not hide an entry from who asks for all."""
_REPLACE = (
    update(_entries)
    .where(_entries.c.session_id == bindparam("s"), _entries.c.path == bindparam("p"))
    .where(_entries.c.stamp == bindparam("t"), _entries.c.value == bindparam("v"))
    .values(value=bindparam("n"))
)


class SqlStore:
    """Sessions in a SQL database whose tables exist (see `manage.py migrate`).

    Every method raises StoreUnavailableError when the database can't be reached.
    """

    def __init__(
        self,
        database: Engine,
        *,
        session_timeout: float,
        retention: float,
        clock: Clock | None = None,
        envelope: Envelope | None = None,
        versions: Versions | None = None,
    ) -> None:
        self._database = database
        self._envelope = envelope or Envelope()
        self._clock = clock or SystemClock()
        self._steady = SteadyClock(self._clock)
        self._versions = versions or Versions(database, self._clock)
        self._retention = timedelta(seconds=retention)
        browser = timedelta(seconds=session_timeout)
        self._headers = Headers(self._steady, self._envelope, person=self._retention, browser=browser)
        # Building these costs more than running them, so they are built once.
        self._upsert_header = header_statement(database)
        self._upsert_entry = self._entry_statement()
        self._at_once = AtOnce(database, self._upsert_header) if database.dialect.name == "postgresql" else None

    # Reading

    def load(self, session_id: str, after_version: int = 0) -> Loaded:
        """Return the entries written after a version; for 0 the session, without what comes and goes and was removed.

        Loading never creates a session.
        """
        asked = {"session": session_id, "after": after_version}
        with reachable(), read_from(self._database) as connection:
            found = connection.execute(_VERSION, asked).one_or_none()
            if found is None or found.purged_at is not None:
                return Loaded(version=0, entries=(), purged=found is not None)
            if found.version <= after_version:
                return Loaded(version=found.version, entries=())
            rows = connection.execute(_NEWS if after_version else _ALL, asked).all()
        return Loaded(version=found.version, entries=[as_entry(row) for row in rows])

    def read(self, session_id: str, paths: Collection[str]) -> list[Entry]:
        """Return the entries of these paths of a session, in any order."""
        wanted = select(_entries).where(_entries.c.session_id == session_id, _entries.c.path.in_(paths))
        with reachable(), read_from(self._database) as connection:
            return [as_entry(row) for row in connection.execute(wanted)]

    def read_commit(self, session_id: str, stamp: str) -> list[Entry]:
        """Return the entries of a session that have this stamp: of one commit, those that nothing has replaced."""
        wanted = select(_entries).where(_entries.c.session_id == session_id, _entries.c.stamp == stamp)
        with reachable(), read_from(self._database) as connection:
            return [as_entry(row) for row in connection.execute(wanted)]

    def headers(self, limit: int) -> list[SessionHeader]:
        """Return headers of live sessions, the latest activity first."""
        wanted = (
            select(*(_sessions.c[name] for name in SessionHeader.__slots__))
            .where(_sessions.c.purged_at.is_(None))
            .order_by(_sessions.c.last_activity.desc(), _sessions.c.session_id)
            .limit(limit)
        )
        with reachable(), read_from(self._database) as connection:
            return [SessionHeader(**row) for row in connection.execute(wanted).mappings()]

    def count(self) -> int:
        """Return how many live sessions there are."""
        wanted = select(func.count()).select_from(_sessions).where(_sessions.c.purged_at.is_(None))
        with reachable(), read_from(self._database) as connection:
            return connection.scalar(wanted) or 0

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of all live sessions, read in small batches."""
        for batch in self._batches():
            yield from batch

    def _batches(self) -> Iterator[list[Entry]]:
        """Yield entries in batches, and hold no connection between them: writers never wait for a reader."""
        key = tuple_(_entries.c.session_id, _entries.c.path)
        batch = select(_entries).order_by(_entries.c.session_id, _entries.c.path).limit(_BATCH)
        following = batch
        while True:
            with reachable(), read_from(self._database) as connection:
                entries = [as_entry(row) for row in connection.execute(following)]
            if not entries:
                return
            yield entries
            following = batch.where(key > tuple_(exactly(entries[-1].session_id), exactly(entries[-1].path)))

    # Writing

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Merge entries. Greater stamps win; purged sessions stay purged, entries of a merged one go to the other."""
        if not entries or self._commit_at_once(entries):
            return
        with reachable(), self._database.begin() as connection:
            are_all_in = self.upsert_within(connection, entries)
        if not are_all_in:
            self._move_late(entries)

    def _commit_at_once(self, entries: Sequence[Entry]) -> bool:
        """Commit entries in one statement where that can be: of one session, with nothing else to be done for them."""
        if self._at_once is None or len(entries) > _AT_ONCE or len({entry.session_id for entry in entries}) > 1:
            return False
        if any(_leaves_a_row(entry) for entry in entries) or _saved_forms(entry.path for entry in entries):
            return False
        merged = list(newest(entries).values())
        (header,) = self._headers.of(merged)
        with reachable():
            forgotten = self._at_once.commit(header, merged)
        return forgotten is not None and not any(may_be_forgotten(entry, forgotten) for entry in merged)

    def upsert_within(self, connection: Connection, entries: Sequence[Entry]) -> bool:
        """Merge entries as part of somebody's transaction. Returns False if one is of a session that was deleted."""
        # Two entries of one path in one statement are an error in PostgreSQL. A fixed order keeps two
        # replicas that flush the same sessions from waiting for each other.
        merged = [entry for _, entry in sorted(newest(entries).items())]
        versions: dict[str, int] = {}
        forgotten: dict[str, str] = {}
        for header in self._headers.of(merged):
            stored = connection.execute(self._upsert_header, header).one_or_none()
            if stored is not None:
                versions[stored.session_id], forgotten[stored.session_id] = stored.version, stored.forgotten
        late = without_place(connection, merged, forgotten)
        rows = [
            {
                "session_id": entry.session_id,
                "path": entry.path,
                "value": entry.value,
                "stamp": entry.stamp,
                "base": entry.base,
                "version": versions[entry.session_id],
            }
            for entry in merged
            if entry.session_id in versions and entry not in late
        ]
        if rows:
            connection.execute(self._upsert_entry, rows)
            self._versions.bump(connection, _saved_forms(str(row["path"]) for row in rows))
        for session_id in {e.session_id for e in merged if e.session_id in versions and _leaves_a_row(e)}:
            forget_removed(connection, session_id, self._steady.now())
        for entry in late:
            if holds_fields(entry.path) and not removes(entry.value):  # what somebody entered is kept in any case
                quarantine.insert_quarantined(connection, entry, _LATE, self._clock.now())
        return all(entry.session_id in versions for entry in merged)

    def merge(self, source_id: str, target_id: str) -> None:
        """Move all entries of a session into another, and delete it; what reaches it later is moved as well.

        Where an entry can't be read, that one stays, and so does its session.
        """
        with reachable(), self._database.connect() as connection, connection.begin() as transaction:
            # The header first: what others write waits for it, and is then either found below or comes too late.
            if not self._mark_purged(connection, source_id, into=target_id):
                return
            rows = connection.execute(select(_entries).where(_entries.c.session_id == source_id))
            moved, unreadable = _moved_into(target_id, [as_entry(row) for row in rows], self._envelope)
            if unreadable:  # they stay with their session, and it stays
                transaction.rollback()
            else:
                self.upsert_within(connection, moved)
                self._empty(connection, [source_id])
        if unreadable:
            self.upsert(moved)

    def _move_late(self, entries: Sequence[Entry]) -> None:
        """Move what came too late for sessions that were merged; entries of deleted ones are dropped."""
        late = {entry.session_id for entry in entries}
        went = select(_sessions.c.session_id, _sessions.c.merged_into)
        went = went.where(_sessions.c.session_id.in_(late), _sessions.c.merged_into.is_not(None))
        with reachable(), self._database.begin() as connection:
            all_moved: list[Entry] = []
            for source_id, target_id in connection.execute(went).all():
                here = [entry for entry in entries if entry.session_id == source_id]
                moved, unreadable = _moved_into(target_id, here, self._envelope)
                all_moved += moved
                for entry, reason in unreadable:
                    quarantine.insert_quarantined(connection, entry, reason, self._clock.now())
            self.upsert_within(connection, all_moved)

    def rewrite(self, renew: Callable[[Entry], Entry]) -> int:
        """Replace the value of each entry by what `renew` makes of it, in small batches, while others write.

        Stamps and versions stay: readers have nothing to fetch. An entry that was edited meanwhile keeps its
        edit. Returns how many were changed; interrupting it is harmless.
        """
        changed = 0
        for entries in self._batches():
            pairs = [(old, new) for old in entries if (new := renew(old)) is not old]
            rows = [
                {"s": old.session_id, "p": old.path, "t": old.stamp, "v": old.value, "n": new.value}
                for old, new in pairs
            ]
            if rows:
                with reachable(), self._database.begin() as connection:
                    changed += connection.execute(_REPLACE, rows).rowcount
        return changed

    # Quarantine

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Move a damaged entry into quarantine: kept as it is, but no longer loaded. A newer edit of its path stays."""
        with reachable(), self._database.begin() as connection:
            quarantine.move_to_quarantine(connection, entry, reason, self._clock.now())

    def quarantined(self) -> list[Quarantined]:
        """Return what is in quarantine. It goes when its session is purged."""
        with reachable(), read_from(self._database) as connection:
            return quarantine.read_quarantined(connection)

    def forget(self, quarantined: Quarantined) -> None:
        """Delete one entry of the quarantine for good."""
        with reachable(), self._database.begin() as connection:
            quarantine.forget(connection, quarantined)

    # Deleting

    def purge(self, session_id: str) -> None:
        """Delete a session for good: a late flush doesn't bring it back."""
        with reachable(), self._database.begin() as connection:
            self.purge_within(connection, session_id)

    def purge_within(self, connection: Connection, session_id: str) -> None:
        """Delete a session as part of somebody's transaction."""
        self._mark_purged(connection, session_id)
        self._empty(connection, [session_id])

    def expired(self, limit: int) -> list[str]:
        """Return ids of up to `limit` sessions that are past their time, and that no browser may use any more."""
        wanted = select(_sessions.c.session_id).where(self._is_over()).order_by(_sessions.c.expires_at).limit(limit)
        with reachable(), read_from(self._database) as connection:
            return list(connection.scalars(wanted))

    def purge_expired(self, session_ids: Sequence[str]) -> int:
        """Delete those of these sessions that are still past their time, in one transaction; returns how many.

        An edit or a sign-in that came meanwhile keeps its session. Signing in locks the session's row before it
        writes the token, so PostgreSQL locks the rows first and looks for tokens only then. SQLite has one writer.
        """
        if not session_ids:
            return 0
        chosen = _sessions.c.session_id.in_(session_ids)
        locked = select(_sessions.c.session_id).where(chosen).order_by(_sessions.c.session_id).with_for_update()
        now = self._steady.latest()
        marked = update(_sessions).where(chosen, self._is_over())
        marked = marked.values(purged_at=now, expires_at=now + self._retention, version=_NEXT_VERSION)
        with reachable(), self._database.begin() as connection:
            connection.execute(locked).all()
            purged = list(connection.scalars(marked.returning(_sessions.c.session_id)))
            self._empty(connection, purged)
        return len(purged)

    def forget_purged(self, limit: int) -> int:
        """Forget up to `limit` sessions that were deleted longer ago than the retention; returns how many.

        From then on a late flush would bring such a session back. So the bound for a machine that was cut off from
        the database is the retention: what its journal holds of a session deleted before that may reappear.
        """
        forgotten = (
            select(_sessions.c.session_id)
            .where(_sessions.c.expires_at < self._steady.now())
            .where(_sessions.c.purged_at < self._steady.now() - self._retention)
            .order_by(_sessions.c.expires_at)
            .limit(limit)
            .scalar_subquery()
        )
        with reachable(), self._database.begin() as connection:
            return connection.execute(delete(_sessions).where(_sessions.c.session_id.in_(forgotten))).rowcount

    def close(self) -> None:
        """Close all connections."""
        if self._at_once is not None:
            self._at_once.close()
        self._database.dispose()

    def _mark_purged(self, connection: Connection, session_id: str, *, into: str | None = None) -> bool:
        """Mark a session as deleted or, with `into`, as merged. Returns False if it can't be merged any more."""
        now = self._steady.latest()
        times = dict.fromkeys(("created_at", "updated_at", "last_activity", "purged_at"), now)
        gone = upserting_insert(self._database)(_sessions).values(
            session_id=session_id, version=0, expires_at=now + self._retention, merged_into=into, **times
        )
        end: dict[str, Any] = {name: gone.excluded[name] for name in ("purged_at", "expires_at", "merged_into")}
        end["version"] = _NEXT_VERSION
        which = None if into is None else _sessions.c.purged_at.is_(None)
        marked = gone.on_conflict_do_update(index_elements=["session_id"], set_=end, where=which)
        return connection.execute(marked.returning(_sessions.c.session_id)).one_or_none() is not None

    def _empty(self, connection: Connection, session_ids: Sequence[str]) -> None:
        """Delete all rows of sessions but their headers."""
        saved = _entries.c.path.like("form/%/saved")
        gone = select(_entries.c.path).distinct().where(_entries.c.session_id.in_(session_ids), saved)
        forms = _saved_forms(connection.scalars(gone).all())
        for table in (_entries, _quarantine):
            connection.execute(delete(table).where(table.c.session_id.in_(session_ids)))
        self._versions.bump(connection, forms)  # what was computed from them names people no more

    def _is_over(self) -> ColumnElement[bool]:
        """Return the condition under which a session is not in use, now that it is asked."""
        limit = self._steady.now() - GRACE
        in_use = exists().where(
            TokenModel.session_id == _sessions.c.session_id,
            TokenModel.revoked_at.is_(None),
            TokenModel.expires_at > limit,
        )
        return (_sessions.c.expires_at < limit) & _sessions.c.purged_at.is_(None) & ~in_use

    def _entry_statement(self) -> Any:
        statement = upserting_insert(self._database)(_entries)
        changed = {name: statement.excluded[name] for name in ("value", "stamp", "base", "version")}
        return statement.on_conflict_do_update(
            index_elements=["session_id", "path"], set_=changed, where=statement.excluded.stamp > _entries.c.stamp
        )


def _moved_into(
    target_id: str, entries: Iterable[Entry], envelope: Envelope
) -> tuple[list[Entry], list[tuple[Entry, str]]]:
    """Return entries as those of another session, and those that can't be read, each with the reason."""
    moved, unreadable = [], []
    for entry in entries:
        if entry.path == USER_PATH:
            continue
        try:
            moved.append(envelope.seal(replace(envelope.open(entry), session_id=target_id)))
        except (CorruptValueError, UnreadableValueError) as error:
            log.error("an entry stays behind at sign-in", path=entry.path, error=str(error))
            unreadable.append((entry, str(error)))
    return moved, unreadable


def _leaves_a_row(entry: Entry) -> bool:
    """Return whether the entry removes a path that comes and goes."""
    return removes(entry.value) and is_passing(entry.path)


def _saved_forms(paths: Iterable[str]) -> set[str]:
    """Return what cached results depend on (`form:<id>`), for those paths that change with each Save of a form."""
    parts = [split_path(path) for path in paths if path.startswith("form/") and path.endswith(_WITH_A_SAVE)]
    return {f"form:{part[1]}" for part in parts if len(part) == 3}
