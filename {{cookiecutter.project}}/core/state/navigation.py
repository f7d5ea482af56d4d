"""The history of a tab: the session's copy of the browser's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

MAX_HISTORY = 50
"""Entries kept per tab; the oldest are dropped first."""


class _Visit(Protocol):
    """A visit to a page, such as `core.session.NavigationEntry`."""

    @property
    def page(self) -> str: ...
    @property
    def params(self) -> Mapping[str, str]: ...
    @property
    def timestamp(self) -> datetime: ...

    def is_at(self, page: str, params: Mapping[str, str]) -> bool: ...


E = TypeVar("E", bound=_Visit)


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Generic[E]):
    """A list of visits and a place in it. Immutable: each move returns the history after it."""

    entries: tuple[E, ...] = ()
    index: int = -1

    @property
    def current(self) -> E | None:
        return self.entries[self.index] if self.entries else None

    def push(self, entry: E) -> History[E]:
        """Add a visit after the current one; those ahead are dropped, as in a browser."""
        entries = (*self.entries[: self.index + 1], entry)[-MAX_HISTORY:]
        return History(entries=entries, index=len(entries) - 1)

    def move(self, steps: int) -> History[E] | None:
        """Go `steps` back (negative) or forward; None where there is no such entry."""
        target = self.index + steps
        return replace(self, index=target) if steps and 0 <= target < len(self.entries) else None

    def visit(self, entry: E) -> History[E]:
        """Follow the browser to a page it shows: the same one, the one before, the one after, or a new one."""
        if self.current is None:
            return self.push(entry)
        for steps in (0, -1, 1):
            place = self.index + steps
            if 0 <= place < len(self.entries) and self.entries[place].is_at(entry.page, entry.params):
                return replace(self, index=place)
        return self.push(entry)

    def matched(self, entries: Sequence[E], index: int) -> History[E]:
        """Return the browser's own list; a visit that is in both keeps its time."""
        best: dict[int, E] = {}
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
    def parse(cls, stored: Mapping[str, Any], visit: Callable[..., E]) -> History[E]:
        """Rebuild what `stored` returned; `visit` makes an entry."""
        entries = (visit(page=page, params=params, timestamp=at) for page, params, at in stored["entries"])
        return cls(entries=tuple(entries), index=stored["index"])
