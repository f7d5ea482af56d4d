"""Removed paths that come and go are forgotten, so that a session has the rows of what it shows and few more.

A removed path keeps a row without a value, because an older value may arrive late: from the journal of a machine that
was cut off, or twice. Of paths with ids of their own (see `PASSING`) every edit would add such a row for ever. So only
the newest of them stay. Their session notes up to which stamp they were forgotten, and what is not newer than that may
change a row, but makes none: whatever arrives, and however late, nothing that was forgotten comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, Connection, Table, delete, or_, select, update

from core.clock import first_stamp
from core.state.paths import PASSING, is_passing
from core.storage.entry import Entry
from core.storage.models import EntryModel, SessionModel

MOST_REMOVED = 100
"""Removed paths of a session that stay known, the newest."""
REMOVED_FOR = timedelta(hours=1)
"""All that were removed less than that long ago stay known besides: what waits elsewhere mostly comes by then."""

_sessions, _entries = cast(Table, SessionModel.__table__), cast(Table, EntryModel.__table__)


def comes_and_goes(path: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition under which a path is one that comes and goes: `is_passing` in SQL."""
    return or_(*(path.like(f"{prefix}%") for prefix in (*PASSING, "form/%/snapshot/")))


IS_REMOVED = _entries.c.value.like("%:") & comes_and_goes(_entries.c.path)  # see `removes` in `core.storage.envelope`
"""The condition for rows of removed paths that come and go."""


def forget_removed(connection: Connection, session_id: str, now: datetime) -> None:
    """Forget removed paths of a session, as part of a transaction that has locked its header."""
    removed = (_entries.c.session_id == session_id) & IS_REMOVED
    surplus = select(_entries.c.stamp).where(removed).order_by(_entries.c.stamp.desc()).offset(MOST_REMOVED).limit(1)
    newest = connection.scalar(surplus)
    if newest is not None:
        last = min(newest, first_stamp(now - REMOVED_FOR))
        connection.execute(delete(_entries).where(removed, _entries.c.stamp <= last))
        header = update(_sessions).where(_sessions.c.session_id == session_id, _sessions.c.forgotten < last)
        connection.execute(header.values(forgotten=last))


def may_be_forgotten(entry: Entry, forgotten: str) -> bool:
    """Return whether an entry may be one of those that its session forgot, up to the stamp `forgotten`."""
    return entry.stamp <= forgotten and is_passing(entry.path)


def without_place(connection: Connection, entries: Sequence[Entry], forgotten: dict[str, str]) -> list[Entry]:
    """Return those of the entries that may have been forgotten: nobody can tell them from such. Mostly none.

    `forgotten` has the stamp up to which each session forgot.
    """
    old = [entry for entry in entries if may_be_forgotten(entry, forgotten.get(entry.session_id, ""))]
    return [entry for entry in old if not _has_row(connection, entry)]


def _has_row(connection: Connection, entry: Entry) -> bool:
    row = select(_entries.c.path).where(_entries.c.session_id == entry.session_id, _entries.c.path == entry.path)
    return connection.scalar(row) is not None
