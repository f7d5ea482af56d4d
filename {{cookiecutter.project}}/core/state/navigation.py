"""Tabs of a session: the history of each, a copy of the browser's own, the moves in it, and what a tab counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

from core.clock import first_stamp
from core.state.paths import REMOVED, Change, history_path, join_path, split_path

if TYPE_CHECKING:
    from core.session import NavigationEntry, UserSession

MAX_HISTORY = 50
"""Entries kept per tab; the oldest are dropped first."""
MAX_TABS = 6
"""Tabs whose history, scroll positions and notes are kept, besides those of a day: the ones used last."""
_TAB_LIFETIME = timedelta(days=30)
"""Retention of what is kept of them."""
_MAX_TABS_OF_A_DAY = 50
Countable = Literal["page_views", "interactions"]
ALL_TABS = "-"
"""In place of a tab, for the counts of all those that nothing else is kept of."""


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
    def parse(cls, stored: Mapping[str, Any] | None, visit: Callable[..., NavigationEntry]) -> History:
        """Rebuild what `stored` returned; `visit` makes an entry. An empty one for None."""
        if stored is None:
            return cls()
        entries = (visit(page=page, params=params, timestamp=at) for page, params, at in stored["entries"])
        return cls(entries=tuple(entries), index=stored["index"])


def move(session: UserSession, history: History) -> None:
    """Make this the history of the session's tab, durably once the tab has a name."""
    if session.tab_id is None:
        session.history = history
        return
    session.commit([Change(history_path(session.tab_id), history.stored())], counting="page_views")


def step(session: UserSession, steps: int) -> NavigationEntry | None:
    """Go `steps` back (negative) or forward. Returns the entry there, or None where there is none."""
    moved = session.history.move(steps)
    if moved is None:
        return None
    move(session, moved)
    return moved.current


def visit(session: UserSession, entry: NavigationEntry) -> None:
    """Follow the browser to the page it shows."""
    here = session.history.current
    if here is None or not here.is_at(entry.page, entry.params):
        move(session, session.history.visit(entry))


def counted(session: UserSession, what: Countable) -> Change:
    """Return the change by which the session's tab counts one more."""
    path = join_path("metric", session.tab_id or ALL_TABS)
    counts = session.values.get(path, {})
    return Change(path, {**counts, what: counts.get(what, 0) + 1})


def totals(session: UserSession) -> dict[Countable, int]:
    """Return the counts of all tabs together."""
    every = [counts for path, counts in session.values.items() if path.startswith("metric/")]
    return {what: sum(counts.get(what, 0) for counts in every) for what in get_args(Countable)}


def attach_tab(session: UserSession, tab_id: str, *, resume: bool) -> None:
    """Name the session's tab, join its histories, and delete what is stored of tabs closed long ago."""
    if tab_id == session.tab_id:
        return
    before, session.tab_id = session.history, tab_id
    session.history = joined = session.history_of(tab_id)
    for entry in () if resume and joined.entries else before.entries:
        joined = joined.visit(entry)
    if joined != session.history:
        move(session, joined)
    with session.lock:
        session.commit(_surplus_tabs(session))


def _surplus_tabs(session: UserSession) -> list[Change]:
    """Return the changes that delete what is kept of tabs not used for long. What they counted stays counted."""
    paths: dict[str, list[str]] = {}
    for path in session.values.keys() & session.stamps.keys():
        if path.startswith(("tab/", "metric/")):
            paths.setdefault(split_path(path)[1], []).append(path)
    others = paths.keys() - {session.tab_id, ALL_TABS}
    used = {tab: max(session.stamps[path] for path in paths[tab]) for tab in others}
    day, month = (first_stamp(session.clock.now() - ago) for ago in (timedelta(days=1), _TAB_LIFETIME))
    surplus = [
        tab
        for place, tab in enumerate(sorted(used, key=used.__getitem__, reverse=True))
        if place >= _MAX_TABS_OF_A_DAY or used[tab] < (month if place < MAX_TABS else day)
    ]
    if not surplus:
        return []
    counts = Counter[str]()
    for tab in (ALL_TABS, *surplus):
        counts.update(session.values.get(join_path("metric", tab), {}))
    removed = [Change(path, REMOVED) for tab in surplus for path in paths[tab]]
    return [*removed, Change(join_path("metric", ALL_TABS), dict(counts))]
