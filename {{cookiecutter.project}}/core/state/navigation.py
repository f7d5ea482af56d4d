"""Where a tab has been, and where it is: the session's copy of the browser's own history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

MAX_HISTORY = 50
"""Entries kept per tab; the oldest go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationEntry:
    """One visit to one page. `scroll_position` is in CSS pixels from the top."""

    page: str
    params: Mapping[str, str] = field(default_factory=dict)
    timestamp: datetime
    scroll_position: float = 0.0

    def is_at(self, page: str, params: Mapping[str, str]) -> bool:
        return self.page == page and dict(self.params) == dict(params)


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationHistory:
    """A list of entries and a place in it. Immutable: each move returns the history after it."""

    entries: tuple[NavigationEntry, ...] = ()
    index: int = -1

    @property
    def current(self) -> NavigationEntry | None:
        return self.entries[self.index] if self.entries else None

    def push(self, entry: NavigationEntry) -> NavigationHistory:
        """Go somewhere new; what lay ahead is forgotten, as in a browser."""
        kept = (*self.entries[: self.index + 1], entry)[-MAX_HISTORY:]
        return NavigationHistory(entries=kept, index=len(kept) - 1)

    def move(self, steps: int) -> NavigationHistory | None:
        """Go `steps` back (negative) or forward; None where there is no such entry."""
        target = self.index + steps
        return replace(self, index=target) if steps and 0 <= target < len(self.entries) else None

    def visit(self, entry: NavigationEntry) -> NavigationHistory:
        """Follow the browser to a page it shows: the same one, the one before, the one after, or a new one."""
        if self.current is None:
            return self.push(entry)
        for steps in (0, -1, 1):
            place = self.index + steps
            if 0 <= place < len(self.entries) and self.entries[place].is_at(entry.page, entry.params):
                return replace(self, index=place)
        return self.push(entry)

    def matched(self, entries: Sequence[NavigationEntry], index: int) -> NavigationHistory:
        """Take over the browser's own list; a visit that is in both keeps its time and its scroll position."""
        best: dict[int, NavigationEntry] = {}
        for shift in range(len(self.entries)):  # the browser may have dropped the oldest
            pairs = enumerate(zip(self.entries[shift:], entries, strict=False))
            same = {place: old for place, (old, new) in pairs if old.is_at(new.page, new.params)}
            best = max(best, same, key=len)
        return NavigationHistory(entries=tuple(best.get(p, new) for p, new in enumerate(entries)), index=index)

    def scrolled(self, position: float) -> NavigationHistory:
        """Note how far the current page is scrolled."""
        if self.current is None or self.current.scroll_position == position:
            return self
        entries = list(self.entries)
        entries[self.index] = replace(self.current, scroll_position=position)
        return replace(self, entries=tuple(entries))

    def to_dict(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "entries": [[e.page, dict(e.params), e.timestamp, e.scroll_position] for e in self.entries],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NavigationHistory:
        rows: Sequence[Any] = data["entries"]
        entries = tuple(
            NavigationEntry(page=page, params=params, timestamp=at, scroll_position=scroll)
            for page, params, at, scroll in rows
        )
        return cls(entries=entries, index=data["index"])
