"""What a session's header says follows from its entries; here is how."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog

from core.clock import stamp_time
from core.errors import CorruptValueError, UnreadableValueError
from core.state.paths import CREATED_PATH, USER_PATH
from core.storage.codec import decode
from core.storage.entry import Entry
from core.storage.sealing import Seal
from core.unreadable import Unreadable

log = structlog.get_logger(__name__)


class HeaderFacts:
    """What the entries of one flush say of one session: its owner, its beginning, its last activity."""

    __slots__ = ("created_at", "last_activity", "owner_unknown", "user_id")

    def __init__(self) -> None:
        self.user_id: str | None = None
        self.created_at: datetime | None = None
        self.last_activity: datetime | None = None
        self.owner_unknown = False
        """Whether the owner can't be read now. Such a session is kept as long as a person's: nothing expires early."""

    def note(self, entry: Entry, seal: Seal, now: datetime) -> None:
        """Take in one entry. One that is damaged says nothing, but it must not hold up the others."""
        at = _activity(entry.stamp, now)
        self.last_activity = at if self.last_activity is None else max(self.last_activity, at)
        if entry.path == USER_PATH:
            user_id = self._read(entry, seal)
            self.user_id = user_id if isinstance(user_id, str) else self.user_id
        elif entry.path == CREATED_PATH:
            created_at = self._read(entry, seal)
            self.created_at = created_at if isinstance(created_at, datetime) else self.created_at

    def _read(self, entry: Entry, seal: Seal) -> Any:
        try:
            value = seal.open(entry).value
            found = None if value is None else decode(value, entry.path)
            if isinstance(found, Unreadable):
                raise UnreadableValueError(f"{entry.path}: {found.reason}")
            return found
        except (CorruptValueError, UnreadableValueError) as error:
            self.owner_unknown = self.owner_unknown or entry.path == USER_PATH
            log.error("a session's header is incomplete", session_id=entry.session_id, error=str(error))
            return None


def _activity(stamp: str, now: datetime) -> datetime:
    """When the edit was made; never in the future, whatever the clock of its author or the damage to it."""
    try:
        return min(stamp_time(stamp), now) if stamp else now
    except CorruptValueError:
        return now
