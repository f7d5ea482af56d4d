"""What every store can do. One contract suite runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.storage.entry import Entry, Quarantined


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHeader:
    """What is known of a session without reading its entries. All times are aware UTC."""

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


class Store(Protocol):
    """A place for sessions. Every method raises StoreUnavailableError when it can't be reached."""

    def load(self, session_id: str, after_version: int = 0) -> Loaded:
        """The entries written after a version; loading never creates a session."""
        ...

    def read(self, session_id: str, paths: Collection[str]) -> list[Entry]:
        """The entries of these paths of a session, in any order."""
        ...

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Merge entries. Greater stamps win; purged sessions stay purged.

        What is of a session that was merged into another goes there.
        """
        ...

    def merge(self, source_id: str, target_id: str) -> None:
        """Move all entries of a session into another, and delete it; what reaches it later is moved as well.

        Where an entry can't be read, that one stays, and so does its session.
        """
        ...

    def purge(self, session_id: str) -> None:
        """Delete a session for good: a late flush doesn't bring it back."""
        ...

    def expired(self, limit: int) -> list[str]:
        """Ids of up to `limit` sessions that are not in use: minutes past their time, and no browser's any more."""
        ...

    def purge_expired(self, session_ids: Sequence[str]) -> int:
        """Delete those of these sessions that are still not in use, in one transaction; returns how many."""
        ...

    def forget_purged(self, limit: int) -> int:
        """Forget up to `limit` sessions deleted longer ago than the retention; returns how many.

        Until then a late flush doesn't bring a deleted session back.
        """
        ...

    def headers(self, limit: int, offset: int = 0) -> list[SessionHeader]:
        """Headers of live sessions, the latest activity first."""
        ...

    def count(self) -> int:
        """How many live sessions there are."""
        ...

    def find(self, prefix: str) -> Iterator[Entry]:
        """The entries of all live sessions whose path starts with `prefix`, read in small batches."""
        ...

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Set a damaged entry aside: kept as it is, but no longer loaded. A newer edit of its path stays."""
        ...

    def quarantined(self) -> list[Quarantined]:
        """What was set aside and not forgotten. It goes when its session is purged."""
        ...

    def forget(self, quarantined: Quarantined) -> None:
        """Delete for good what was set aside."""
        ...

    def rewrite(self, reseal: Callable[[Entry], Entry]) -> int:
        """Replace the value of each entry by what `reseal` makes of it, in small batches, while others write.

        Stamps and versions stay: readers have nothing to fetch. An entry that was edited meanwhile keeps its
        edit. Returns how many were changed; interrupting it is harmless.
        """
        ...

    def close(self) -> None: ...
