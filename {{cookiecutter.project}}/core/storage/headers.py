"""Headers: what is known of a session without reading its entries, derived from those that are being written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import Engine, Table, bindparam, case, func

from core.clock import SteadyClock, stamp_time
from core.codec import Unreadable, decode
from core.errors import CorruptValueError, UnreadableValueError
from core.state.paths import CREATED_PATH, USER_PATH
from core.storage.database import upserting_insert
from core.storage.entry import Entry
from core.storage.envelope import Envelope
from core.storage.models import SessionModel

_sessions = cast(Table, SessionModel.__table__)
_UNREADABLE = object()
"""A value that is damaged, or that this process can't read."""

log = structlog.get_logger(__name__)


class Headers:
    """Builds headers. `person` and `browser`: how long the session of a person, or of no one known, is kept."""

    def __init__(self, steady: SteadyClock, envelope: Envelope, *, person: timedelta, browser: timedelta) -> None:
        self._steady, self._envelope, self._person, self._browser = steady, envelope, person, browser

    def of(self, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        """Return one header per session, all of it derived from the entries that are being written."""
        by_session: dict[str, list[Entry]] = {}
        for entry in entries:
            by_session.setdefault(entry.session_id, []).append(entry)
        return [self._header_of(session_id, written) for session_id, written in by_session.items()]

    def _header_of(self, session_id: str, entries: Sequence[Entry]) -> dict[str, Any]:
        now = self._steady.wall.now()
        last_activity = max(_activity_time(entry.stamp, now) for entry in entries)
        known = {entry.path: self._decoded(entry) for entry in entries if entry.path in (USER_PATH, CREATED_PATH)}
        user_id, created_at = known.get(USER_PATH), known.get(CREATED_PATH)
        # Not from the stamps: they are by a wall clock that may have been slow, and nothing may end early.
        flushed_at = self._steady.latest()
        person_expiry = flushed_at + self._person
        # Where the owner can't be read now, the session is kept as long as a person's.
        browser_expiry = person_expiry if user_id is _UNREADABLE else flushed_at + self._browser
        user_id = user_id if isinstance(user_id, str) else None
        return {
            "session_id": session_id,
            "user_id": user_id,
            "created_at": created_at if isinstance(created_at, datetime) else last_activity,
            "updated_at": now,
            "last_activity": last_activity,
            "expires_at": person_expiry if user_id else browser_expiry,
            "person_expiry": person_expiry,
            "browser_expiry": browser_expiry,
        }

    def _decoded(self, entry: Entry) -> Any:
        """Return an entry's value. One that is damaged says nothing, but it must not hold up the others."""
        try:
            text = self._envelope.open(entry).value
            value = None if text is None else decode(text, entry.path)
        except (CorruptValueError, UnreadableValueError) as error:
            log.error("a session's header is incomplete", session_id=entry.session_id, error=str(error))
            return _UNREADABLE
        return _UNREADABLE if isinstance(value, Unreadable) else value


def header_statement(database: Engine) -> Any:
    """Return the statement that inserts or updates a header, and returns version and `forgotten` of a live session."""
    greatest = func.greatest if database.dialect.name == "postgresql" else func.max
    columns = ("session_id", "user_id", "created_at", "updated_at", "last_activity", "expires_at")
    statement = (
        upserting_insert(database)(_sessions).values({name: bindparam(name) for name in columns}).values(version=1)
    )
    new, owner = statement.excluded, func.coalesce(statement.excluded.user_id, _sessions.c.user_id)
    person_expiry = bindparam("person_expiry", type_=_sessions.c.expires_at.type)
    browser_expiry = bindparam("browser_expiry", type_=_sessions.c.expires_at.type)
    return statement.on_conflict_do_update(
        index_elements=["session_id"],
        set_={
            "user_id": owner,
            "updated_at": new.updated_at,
            "last_activity": greatest(_sessions.c.last_activity, new.last_activity),
            "expires_at": greatest(
                _sessions.c.expires_at, case((owner.is_not(None), person_expiry), else_=browser_expiry)
            ),
            "version": _sessions.c.version + 1,
        },
        where=_sessions.c.purged_at.is_(None),
    ).returning(_sessions.c.session_id, _sessions.c.version, _sessions.c.forgotten)


def _activity_time(stamp: str, now: datetime) -> datetime:
    """Return when the edit was made; never in the future, whatever the clock of its author or the damage to it."""
    try:
        return min(stamp_time(stamp), now) if stamp else now
    except CorruptValueError:
        return now
