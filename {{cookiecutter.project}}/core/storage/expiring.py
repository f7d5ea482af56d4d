"""Sessions whose time is over: found, removed in bounded batches, and at last forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, exists, select, update

from core.clock import SteadyClock
from core.state.paths import split_path
from core.storage.database import reachable, upserting_insert
from core.storage.models import ActivityModel, EntryModel, QuarantineModel, SessionModel, TokenModel
from core.storage.versions import Versions

GRACE = timedelta(minutes=5)
"""How long past its time a session must be. Covers what is noted late: a browser seen less than a minute ago, edits
that wait for their flush, and machines whose clocks differ a little."""

_sessions, _entries = cast(Table, SessionModel.__table__), cast(Table, EntryModel.__table__)
_quarantine, _activity = cast(Table, QuarantineModel.__table__), cast(Table, ActivityModel.__table__)
_WITH_A_SAVE = ("/saved", "/key")
"""What was saved, and the key of the next submission, which also changes where a form is emptied by being saved."""
_NEXT_VERSION = _sessions.c.version + 1
"""Also a purge is news: whoever only compares versions has to learn of it."""


class ExpiringSessions:
    """The part of `SqlStore` that removes what nobody needs any more. Every method is one short transaction."""

    _database: Engine
    _steady: SteadyClock
    _retention: timedelta
    _versions: Versions

    def purge(self, session_id: str) -> None:
        """Delete a session for good. Its row stays, so that a late flush doesn't bring it back."""
        with reachable(), self._database.begin() as connection:
            self.purge_within(connection, session_id)

    def purge_within(self, connection: Connection, session_id: str) -> None:
        """Like `purge`, as part of somebody's transaction."""
        self._mark_purged(connection, session_id)
        self._empty(connection, [session_id])

    def _mark_purged(self, connection: Connection, session_id: str, *, into: str | None = None) -> bool:
        """`into` is a session it was merged into. False if that can't be: it was deleted, or merged, before."""
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

    def expired(self, limit: int) -> list[str]:
        """Ids of up to `limit` sessions that are past their time, and that no browser may use any more."""
        wanted = select(_sessions.c.session_id).where(self._over()).order_by(_sessions.c.expires_at).limit(limit)
        with reachable(), self._database.connect() as connection:
            return list(connection.scalars(wanted))

    def purge_expired(self, session_ids: Sequence[str]) -> int:
        """Delete those of these sessions that are still past their time; returns how many.

        An edit or a sign-in that came meanwhile keeps its session. Signing in locks the session's row before it
        writes the token, so PostgreSQL locks the rows first and looks for tokens only then. SQLite has one writer.
        """
        if not session_ids:
            return 0
        chosen = _sessions.c.session_id.in_(session_ids)
        locked = select(_sessions.c.session_id).where(chosen).order_by(_sessions.c.session_id).with_for_update()
        now = self._steady.latest()
        marked = update(_sessions).where(chosen, self._over())
        marked = marked.values(purged_at=now, expires_at=now + self._retention, version=_NEXT_VERSION)
        with reachable(), self._database.begin() as connection:
            if self._database.dialect.name == "postgresql":
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

    def _empty(self, connection: Connection, session_ids: Sequence[str]) -> None:
        saved = _entries.c.path.like("form/%/saved")
        gone = select(_entries.c.path).distinct().where(_entries.c.session_id.in_(session_ids), saved)
        forms = saved_forms(connection.scalars(gone).all())
        for table in (_entries, _quarantine, _activity):
            connection.execute(delete(table).where(table.c.session_id.in_(session_ids)))
        self._versions.bump(connection, forms)  # what was computed from them names people no more

    def _over(self) -> ColumnElement[bool]:
        """The condition under which a session is not in use, now that it is asked."""
        limit = self._steady.now() - GRACE
        in_use = exists().where(
            TokenModel.session_id == _sessions.c.session_id,
            TokenModel.revoked_at.is_(None),
            TokenModel.expires_at > limit,
        )
        return (_sessions.c.expires_at < limit) & _sessions.c.purged_at.is_(None) & ~in_use


def saved_forms(paths: Iterable[str]) -> set[str]:
    """What cached results depend on (`form:<id>`), for those of these paths that change with each Save of a form."""
    parts = [split_path(path) for path in paths if path.startswith("form/") and path.endswith(_WITH_A_SAVE)]
    return {f"form:{part[1]}" for part in parts if len(part) == 3}
