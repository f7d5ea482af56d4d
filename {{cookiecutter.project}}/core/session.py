"""A person's session: pure state, no Streamlit, no database, no input or output.

A session is a map from path to value. Every mutator computes `Change`s, hands them to `emit`, which
returns only when they are durable, and then folds them in by the very function that also folds in what
was stored earlier or elsewhere. So memory, journal and database can't come to mean different things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from core.clock import Clock, SystemClock, stamp_time
from core.errors import UnknownSnapshotError
from core.footprint import Footprint
from core.forms import FormSnapshot, FormState
from core.navigation import NavigationEntry, NavigationHistory
from core.paths import CREATED_PATH, USER_PATH, join_path, split_path
from core.wildcards import matches

__all__ = [
    "REMOVED",
    "Change",
    "FormSnapshot",
    "FormState",
    "NavigationEntry",
    "SessionMetrics",
    "UserPreferences",
    "UserSession",
]


class _Removed:
    """The value of a path that was removed."""

    def __repr__(self) -> str:
        return "REMOVED"


REMOVED: Final = _Removed()


@dataclass(frozen=True, slots=True)
class Change:
    """One path gets one value (or REMOVED)."""

    path: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPreferences:
    """What a person chose for themselves."""

    theme: str = "system"
    language: str = "en"
    timezone: str = "UTC"
    auto_save: bool = True


@dataclass(slots=True, kw_only=True)
class SessionMetrics:
    """What was done in a session, over all its tabs and days."""

    page_views: int = 0
    interactions: int = 0
    started_at: datetime | None = None
    last_activity: datetime | None = None

    @property
    def session_duration(self) -> float:
        """Seconds from the first to the last activity."""
        if self.started_at is None or self.last_activity is None:
            return 0.0
        return (self.last_activity - self.started_at).total_seconds()


def _discard(_changes: Sequence[Change]) -> Mapping[str, str]:
    """The `emit` of a session that nothing keeps."""
    return {}


@dataclass(slots=True, kw_only=True)
class UserSession:
    """One tab's view of one person's session."""

    session_id: str
    user_id: str | None = None
    clock: Clock = field(default_factory=SystemClock, repr=False)
    emit: Callable[[Sequence[Change]], Mapping[str, str]] = field(default=_discard, repr=False)
    """Makes changes durable, or raises and nothing has changed. Returns the stamp of each path."""
    created_at: datetime | None = None
    form_states: dict[str, FormState] = field(default_factory=dict)
    preferences: UserPreferences = field(default_factory=UserPreferences)
    cache_keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Tracked cache keys and what each depends on."""
    bound_keys: dict[str, dict[str, str]] = field(default_factory=dict)
    """Per page: widget key to the form that holds its value."""
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    """Both come from the user table at each run, never from stored session data."""
    tab_id: str | None = None
    """None until the browser has named its tab; until then history and metrics are kept in memory."""
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    """Every path of the session and its value; all the rest of the state is a reading of it."""
    stamps: dict[str, str] = field(default_factory=dict, repr=False)
    """The stamp of every path this view holds: what an edit of it is based on."""
    version: int = 0
    """Up to which version of the stored session this view has read."""
    purged: bool = False
    """Somebody deleted the session; nothing written to it will be kept."""
    unreadable: dict[str, str] = field(default_factory=dict, repr=False)
    """Stored paths that can't be decoded here, and why. They are left as they are."""
    footprint: Footprint = field(default_factory=Footprint, repr=False)
    """How much room the stored session takes."""
    history: NavigationHistory = field(default_factory=NavigationHistory)
    _histories: dict[str, NavigationHistory] = field(default_factory=dict, repr=False)
    _scroll: dict[tuple[str, str], float] = field(default_factory=dict, repr=False)
    _activity: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict, repr=False)

    # Forms

    def form(self, form_id: str) -> FormState:
        """Return the state of a form, an empty one if it was never touched."""
        return self.form_states.get(form_id) or FormState(form_id=form_id)

    def set_field(self, form_id: str, name: str, value: Any, *, page: str | None = None) -> None:
        """Keep the draft of one field. `page` binds it to a widget of the same key on that page."""
        changes = [Change(join_path("form", form_id, "field", name), value)]
        if page is not None:
            changes += self._binding(page, name, form_id)
        self._commit([*changes, self._count("interactions")])

    def save_form(self, form_id: str, data: Mapping[str, Any], *, page: str | None = None) -> None:
        """Make `data` the draft and the saved values of a form, in one durable step."""
        values = dict(data)
        changes = [Change(join_path("form", form_id, "field", name), value) for name, value in values.items()]
        changes.append(Change(join_path("form", form_id, "saved"), {"values": values, "at": self.clock.now()}))
        if self.form(form_id).errors:
            changes.append(Change(join_path("form", form_id, "errors"), REMOVED))
        if page is not None:
            changes += [change for name in values for change in self._binding(page, name, form_id)]
        self._commit([*changes, self._count("interactions")])

    def reset_form(self, form_id: str) -> None:
        """Clear the drafts of a form. What was saved, and the snapshots, stay."""
        self._commit([Change(join_path("form", form_id, "field", name), REMOVED) for name in self.form(form_id).values])

    def set_errors(self, form_id: str, errors: Mapping[str, str]) -> None:
        """Keep the messages of the last validation, by field."""
        if dict(errors) == self.form(form_id).errors:
            return
        self._commit([Change(join_path("form", form_id, "errors"), dict(errors) or REMOVED)])

    def create_form_snapshot(self, form_id: str, description: str = "", *, automatic: bool = False) -> FormSnapshot:
        """Keep the present values of a form under a name, to go back to."""
        snapshot = FormSnapshot.of(
            self.form(form_id), at=self.clock.now(), description=description, automatic=automatic
        )
        self._commit([self._snapshot_change(snapshot)])
        surplus = self.form(form_id).surplus_snapshots()
        self._commit([Change(join_path("form", form_id, "snapshot", old.snapshot_id), REMOVED) for old in surplus])
        return snapshot

    def restore_form_snapshot(self, snapshot_id: str) -> FormSnapshot:
        """Put a form back to a snapshot. The values replaced become an automatic snapshot first.

        Raises UnknownSnapshotError if there is no such snapshot.
        """
        for form in self.form_states.values():
            for snapshot in form.snapshots:
                if snapshot.snapshot_id == snapshot_id:
                    self.create_form_snapshot(form.form_id, "Before going back", automatic=True)
                    wanted = {**dict.fromkeys(form.values, REMOVED), **snapshot.values}
                    self._commit([Change(join_path("form", form.form_id, "field", k), v) for k, v in wanted.items()])
                    return snapshot
        raise UnknownSnapshotError(f"There is no snapshot {snapshot_id!r}. Its form may have dropped it as the oldest.")

    # Navigation

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

    def scroll_position(self, page: str) -> float:
        """How far this tab had scrolled a page, in CSS pixels."""
        return self._scroll.get((self.tab_id or "", page), 0.0)

    # Preferences, cache, roles

    def set_preference(self, name: str, value: Any) -> None:
        """Keep one preference; `name` is an attribute of UserPreferences."""
        if name not in {f.name for f in fields(UserPreferences)}:
            raise AttributeError(f"There is no preference {name!r}; there are {list(asdict(UserPreferences()))}.")
        self._commit([Change(join_path("pref", name), value)])

    def track_cache_key(self, key: str, dependencies: Iterable[str] = ()) -> None:
        """Remember that this session uses a cache key, and what it was computed from."""
        wanted = tuple(dependencies)
        if self.cache_keys.get(key) != wanted:
            self._commit([Change(join_path("cache", key), list(wanted))])

    def invalidate_cache(self, pattern: str) -> list[str]:
        """Forget the tracked keys that match `pattern`, or depend on something that does. Returns them."""
        hit = [
            key
            for key, dependencies in self.cache_keys.items()
            if any(fnmatchcase(name, pattern) for name in (key, *dependencies))
        ]
        self._commit([Change(join_path("cache", key), REMOVED) for key in hit])
        return hit

    def has_role(self, role: str) -> bool:
        return role in self.roles

    def has_permission(self, permission: str) -> bool:
        """Whether a role of this person grants it, by name or by wildcard (`orders.*`)."""
        return matches(self.permissions, permission)

    @property
    def metrics(self) -> SessionMetrics:
        """Totals over all tabs and days."""
        latest = max(self.stamps.values(), default=None)
        return SessionMetrics(
            page_views=sum(counts.get("page_views", 0) for counts in self._activity.values()),
            interactions=sum(counts.get("interactions", 0) for counts in self._activity.values()),
            started_at=self.created_at,
            last_activity=stamp_time(latest) if latest else None,
        )

    @property
    def last_activity(self) -> datetime | None:
        return self.metrics.last_activity

    # Serialization

    def to_dict(self) -> dict[str, Any]:
        """The whole session as plain data: `{"session_id": str, "user_id": str | None, "values": {path: value}}`."""
        return {"session_id": self.session_id, "user_id": self.user_id, "values": dict(self.values)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UserSession:
        """Rebuild what `to_dict` gave. Nothing keeps the result until it gets an `emit`."""
        session = cls(session_id=data["session_id"], user_id=data["user_id"])
        for path, value in data["values"].items():
            session.absorb(path, value)
        return session

    # Folding

    def absorb(self, path: str, value: Any) -> None:
        """Fold one stored or just committed path into this view. Paths nobody reads are kept all the same."""
        _put(self.values, path, value)
        match split_path(path):
            case ("form", form_id, *rest):
                self._absorb_form(form_id, rest, value)
            case ("tab", tab, "history"):
                self._histories[tab] = NavigationHistory.from_dict(value)
                if tab == self.tab_id:
                    self.history = self._histories[tab]
            case ("tab", tab, "scroll", page):
                self._scroll[tab, page] = value
            case ("metric", tab, day):
                self._activity[tab, day] = value
            case ("key", page, key):
                self.bound_keys.setdefault(page, {})[key] = value
            case ("pref", name):
                self.preferences = replace(self.preferences, **{name: value})
            case ("cache", key):
                _put(self.cache_keys, key, value if value is REMOVED else tuple(value))
            case _ if path == CREATED_PATH:
                self.created_at = value
            case _ if path == USER_PATH:
                self.user_id = value

    def _absorb_form(self, form_id: str, rest: Sequence[str], value: Any) -> None:
        form = self.form_states.setdefault(form_id, FormState(form_id=form_id))
        match rest:
            case ["field", name]:
                _put(form.values, name, value)
            case ["saved"]:
                form.saved, form.saved_at = (value["values"], value["at"]) if value is not REMOVED else ({}, None)
            case ["errors"]:
                form.errors = {} if value is REMOVED else value
            case ["snapshot", snapshot_id]:
                kept = [snapshot for snapshot in form.snapshots if snapshot.snapshot_id != snapshot_id]
                if value is not REMOVED:
                    kept.append(FormSnapshot.from_dict(form_id, snapshot_id, value))
                form.snapshots = sorted(kept, key=lambda snapshot: snapshot.timestamp)
        if form == FormState(form_id=form_id):
            del self.form_states[form_id]

    def _commit(self, changes: Sequence[Change]) -> None:
        """Make changes durable, then visible here. If that fails, it raises and nothing has changed."""
        if not changes:
            return
        if self.created_at is None:
            origin = [Change(CREATED_PATH, self.clock.now())]
            changes = [*origin, *([Change(USER_PATH, self.user_id)] if self.user_id else []), *changes]
        self.stamps.update(self.emit(changes))
        for change in changes:
            self.absorb(change.path, change.value)

    # Helpers

    def _binding(self, page: str, key: str, form_id: str) -> list[Change]:
        bound = self.bound_keys.get(page, {}).get(key) == form_id
        return [] if bound else [Change(join_path("key", page, key), form_id)]

    def _snapshot_change(self, snapshot: FormSnapshot) -> Change:
        return Change(join_path("form", snapshot.form_id, "snapshot", snapshot.snapshot_id), snapshot.to_dict())

    def _count(self, what: str) -> Change:
        tab, day = self.tab_id or "-", self.clock.now().date().isoformat()
        counts = self._activity.get((tab, day), {})
        return Change(join_path("metric", tab, day), {**counts, what: counts.get(what, 0) + 1})

    def _left_behind(self) -> NavigationHistory:
        """The history with the scroll position of the page being left noted in it."""
        return self.history.scrolled(self.scroll_position(self.current_page or ""))

    def _step(self, steps: int) -> NavigationEntry | None:
        moved = self._left_behind().move(steps)
        if moved is None:
            return None
        self._move(moved, viewed=True)
        return moved.current

    def _move(self, history: NavigationHistory, *, viewed: bool) -> None:
        if self.tab_id is None:
            self.history = history
            return
        changes = [Change(join_path("tab", self.tab_id, "history"), history.to_dict())]
        self._commit([*changes, self._count("page_views")] if viewed else changes)


def _put(target: dict[str, Any], key: str, value: Any) -> None:
    if value is REMOVED:
        target.pop(key, None)
    else:
        target[key] = value
