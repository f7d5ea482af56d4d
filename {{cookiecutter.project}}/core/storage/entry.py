"""The one unit of storage: an entry, and the rule by which two of them merge.

A session is a map from path to entry. Merging keeps the greater stamp per path, which is commutative,
associative and idempotent: a flush, a replay and a second replica are the same operation, may happen
twice or out of order, and need no lock between machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.clock import NO_STAMP


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One path of one session.

    In the journal and in every store `value` is a sealed text (see `core.storage.envelope`). Opened, it is the
    encoded value (see `core.codec`), or None where the path was removed.
    `stamp` orders the edits of a path; `base` is the stamp its author had seen when editing.
    """

    session_id: str
    path: str
    value: str | None
    stamp: str
    base: str = NO_STAMP


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """An entry in quarantine, kept as it was found: why, and since when."""

    entry: Entry
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHeader:
    """The part of a session that is known without reading its entries. All times are aware UTC."""

    session_id: str
    user_id: str | None
    created_at: datetime
    updated_at: datetime
    last_activity: datetime
    expires_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The answer to `load`: the session's version (0 if it isn't stored), and what changed since."""

    version: int
    entries: Sequence[Entry]
    purged: bool = False


def newest(entries: Iterable[Entry]) -> dict[tuple[str, str], Entry]:
    """Merge entries: per session and path, the one with the greatest stamp stays."""
    merged: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        key = (entry.session_id, entry.path)
        current = merged.get(key)
        if current is None or entry.stamp > current.stamp:
            merged[key] = entry
    return merged
