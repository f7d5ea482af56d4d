"""Where the tabs of a session are, were, and can go back to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from core.clock import stamp_time
from core.state.changes import REMOVED, Change
from core.state.navigation import NavigationEntry, NavigationHistory
from core.state.paths import join_path, split_path
from core.state.session_state import SessionState

_TAB_LIFETIME = timedelta(days=30)
"""How long the page, history and scroll of a closed tab are kept."""


class SessionNavigation(SessionState):
    """One history a tab, in step with the browser's own."""

    __slots__ = ()

    @property
    def navigation_history(self) -> list[NavigationEntry]:
        return list(self.history.entries)

    @property
    def navigation_index(self) -> int:
        return self.history.index

    @property
    def current_page(self) -> str | None:
        return self.history.current.page if self.history.current else None

    def navigate_to(self, page: str, params: Mapping[str, str] | None = None) -> NavigationEntry:
        """Go to a page. What lay ahead in the history is forgotten, as in a browser."""
        entry = NavigationEntry(page=page, params=dict(params or {}), timestamp=self.clock.now())
        self._move(self._left_behind().push(entry), viewed=True)
        return entry

    def go_back(self) -> NavigationEntry | None:
        """Step back; None at the first page."""
        return self._step(-1)

    def go_forward(self) -> NavigationEntry | None:
        """Step forward; None at the last page."""
        return self._step(1)

    def visit(self, page: str, params: Mapping[str, str] | None = None) -> None:
        """Follow the browser to the page it shows; tells Back and Forward from a new page."""
        entry = NavigationEntry(page=page, params=dict(params or {}), timestamp=self.clock.now())
        if self.history.current and self.history.current.is_at(page, entry.params):
            return
        self._move(self._left_behind().visit(entry), viewed=True)

    def adopt_history(self, entries: Iterable[NavigationEntry], index: int) -> None:
        """Take over the browser's own account of this tab's history."""
        adopted = NavigationHistory(entries=tuple(entries), index=index)
        if [(e.page, e.params) for e in adopted.entries] != [(e.page, e.params) for e in self.history.entries] or (
            adopted.index != self.history.index
        ):
            self._move(adopted, viewed=False)

    def attach_tab(self, tab_id: str) -> None:
        """Name the tab: its earlier history comes back, and what was visited meanwhile is added to it."""
        if tab_id == self.tab_id:
            return
        before, self.tab_id = self.history, tab_id
        self.history = self._histories.get(tab_id, NavigationHistory())
        moved = self.history
        for entry in before.entries:
            moved = moved.visit(entry)
        if moved != self.history:
            self._move(moved, viewed=False)
        self._forget_old_tabs()

    def scroll_position(self, page: str) -> float:
        """How far this tab had scrolled a page, in CSS pixels."""
        return self._scroll.get((self.tab_id or "", page), 0.0)

    def _left_behind(self) -> NavigationHistory:
        """The history with the scroll position of the page being left noted in it."""
        return self.history.scrolled(self.scroll_position(self.current_page or ""))

    def _step(self, steps: int) -> NavigationEntry | None:
        moved = self._left_behind().move(steps)
        if moved is None:
            return None
        self._move(moved, viewed=True)
        return moved.current

    def _forget_old_tabs(self) -> None:
        """Remove where tabs stood that nobody has used for long; there is a new one with every day's work."""
        limit = self.clock.now() - _TAB_LIFETIME
        with self.lock:
            tabs = [path for path in self.values.keys() & self.stamps.keys() if path.startswith("tab/")]
        old = [path for path in tabs if split_path(path)[1] != self.tab_id and stamp_time(self.stamps[path]) < limit]
        self.commit([Change(path, REMOVED) for path in old])

    def _move(self, history: NavigationHistory, *, viewed: bool) -> None:
        if self.tab_id is None:
            self.history = history
            return
        changes = [Change(join_path("tab", self.tab_id, "history"), history.to_dict())]
        if viewed and history.current:
            self.commit(changes, counting="page_views", page=history.current.page)
        else:
            self.commit(changes)
