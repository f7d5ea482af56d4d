"""The history of a tab: the session's copy of the browser's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.session import NavigationEntry

MAX_HISTORY = 50
"""Entries kept per tab; the oldest are dropped first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A list of visits and a place in it. Immutable: each move returns the history after it."""

    entries: tuple[NavigationEntry, ...] = ()
    index: int = -1

    @property
    def current(self) -> NavigationEntry | None:
        return self.entries[self.index] if self.entries else None

    def push(self, entry: NavigationEntry) -> History:
        """Add a visit after the current one; those ahead are dropped, as in a browser."""
        entries = (*self.entries[: self.index + 1], entry)[-MAX_HISTORY:]
        return History(entries=entries, index=len(entries) - 1)

    def move(self, steps: int) -> History | None:
        """Go `steps` back (negative) or forward; None where there is no such entry."""
        target = self.index + steps
        return replace(self, index=target) if steps and 0 <= target < len(self.entries) else None

    def visit(self, entry: NavigationEntry) -> History:
        """Follow the browser to a page it shows: the same one, the one before, the one after, or a new one."""
        if self.current is None:
            return self.push(entry)
        for steps in (0, -1, 1):
            place = self.index + steps
            if 0 <= place < len(self.entries) and self.entries[place].is_at(entry.page, entry.params):
                return replace(self, index=place)
        return self.push(entry)

    def matched(self, entries: Sequence[NavigationEntry], index: int) -> History:
        """Return the browser's own list; a visit that is in both keeps its time."""
        best: dict[int, NavigationEntry] = {}
        for shift in range(len(self.entries)):  # the browser may have dropped the oldest
            pairs = enumerate(zip(self.entries[shift:], entries, strict=False))
            same = {place: old for place, (old, new) in pairs if old.is_at(new.page, new.params)}
            best = max(best, same, key=len)
        return History(entries=tuple(best.get(place, new) for place, new in enumerate(entries)), index=index)

    def stored(self) -> dict[str, Any]:
        """Return the value that is stored of it."""
        entries = [[entry.page, dict(entry.params), entry.timestamp] for entry in self.entries]
        return {"index": self.index, "entries": entries}

    @classmethod
    def parse(cls, stored: Mapping[str, Any], visit: Callable[..., NavigationEntry]) -> History:
        """Rebuild what `stored` returned; `visit` makes an entry."""
        entries = (visit(page=page, params=params, timestamp=at) for page, params, at in stored["entries"])
        return cls(entries=tuple(entries), index=stored["index"])
