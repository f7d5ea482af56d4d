"""A person's session: pure state, with no Streamlit, no database, no input or output.

A session is a map from path to value (see `core.state.paths`). Forms, navigation, preferences, cache keys and metrics
are views of that map. Each method that changes something builds `Change`s and calls `UserSession.commit`, which has
them made durable and then applies them. What was stored earlier, or by another tab, is applied by the same method.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from core.clock import stamp_time
from core.codec import Record, from_json, to_json
from core.errors import UnknownSnapshotError
from core.state import forms, navigation, undo
from core.state.durable_map import DurableMap, set_item, with_item
from core.state.edits import Conflict, FormEdit, UndoMark
from core.state.equality import is_empty, same
from core.state.navigation import History
from core.state.paths import (
    REMOVED,
    USER_PATH,
    Change,
    field_path,
    history_path,
    join_path,
    scroll_path,
    split_path,
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationEntry(Record):
    """A visit to a page. `scroll_position` is in CSS pixels from the top, as this tab left the page last."""

    page: str
    params: Mapping[str, str] = field(default_factory=dict)
    timestamp: datetime
    scroll_position: float = 0.0

    def is_at(self, page: str, params: Mapping[str, str]) -> bool:
        return self.page == page and dict(self.params) == dict(params)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSnapshot(Record):
    """The values of a form at one moment."""

    snapshot_id: str = field(default_factory=lambda: secrets.token_hex(8))
    form_id: str
    values: Mapping[str, Any]
    timestamp: datetime
    description: str = ""

    @classmethod
    def parse(cls, form_id: str, snapshot_id: str, stored: Mapping[str, Any]) -> FormSnapshot:
        """Rebuild it from the value that is stored."""
        return cls(
            snapshot_id=snapshot_id,
            form_id=form_id,
            values=stored["values"],
            timestamp=stored["at"],
            description=stored["description"],
        )


@dataclass(slots=True, kw_only=True)
class FormState(Record):
    """A form of a session."""

    form_id: str
    values: dict[str, Any] = field(default_factory=dict)
    """The drafts, by field."""
    saved: Mapping[str, Any] = field(default_factory=dict)
    """The values that were saved last."""
    saved_at: datetime | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """Messages of the last validation by field; `""` is the form as a whole."""
    snapshots: list[FormSnapshot] = field(default_factory=list, metadata={"record": FormSnapshot})
    """The oldest first."""

    @property
    def dirty_fields(self) -> set[str]:
        """Fields whose draft differs from what was saved last."""
        unset = object()
        return {name for name, value in self.values.items() if not same(value, self.saved.get(name, unset))}

    @property
    def is_dirty(self) -> bool:
        return bool(self.dirty_fields)

    @property
    def changes(self) -> frozenset[str]:
        """The dirty fields without those that are empty and were never saved."""
        return frozenset(name for name in self.dirty_fields if name in self.saved or not is_empty(self.values[name]))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPreferences(Record):
    """A person's preferences."""

    theme: str = "system"
    language: str = "en"
    timezone: str = "UTC"
    auto_save: bool = True


_DEFAULTS = asdict(UserPreferences())


@dataclass(slots=True, kw_only=True)
class SessionMetrics(Record):
    """Totals of a session over all tabs and days. Times are aware UTC."""

    page_views: int = 0
    interactions: int = 0
    started_at: datetime | None = None
    last_activity: datetime | None = None

    @property
    def session_duration(self) -> float:
        """Seconds from the first to the last activity; 0 where the clock that noted the first one was ahead."""
        if self.started_at is None or self.last_activity is None:
            return 0.0
        return max((self.last_activity - self.started_at).total_seconds(), 0.0)


@dataclass(slots=True, kw_only=True)
class UserSession(DurableMap):
    """One tab's view of one person's session."""

    form_states: dict[str, FormState] = field(default_factory=dict)
    edits: dict[str, dict[str, FormEdit]] = field(default_factory=dict, repr=False)
    """By form and id: the edits that can be undone, or whose text was overwritten by another tab."""
    undo_marks: dict[str, dict[str, UndoMark]] = field(default_factory=dict, repr=False)
    """By form and id of an edit: whether it is undone."""
    preferences: UserPreferences = field(default_factory=UserPreferences)
    cache_keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Tracked cache keys and what each depends on."""
    bound_keys: dict[str, dict[str, str]] = field(default_factory=dict)
    """By page: widget key to the form that holds its value."""
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    """Roles and permissions are set from the user table at each run, never from stored session data."""
    history: History = field(default_factory=History)
    """The pages this tab went through."""
    tab_id: str | None = None
    """None until the browser has named its tab; until then history and metrics are kept in memory."""
    device: str = ""
    """The browser's description, such as "Firefox on Linux"."""
    view_id: str = field(default_factory=lambda: secrets.token_hex(6), repr=False, compare=False)
    """Prefix of the ids of edits made in this view."""
    edit_count: int = field(default=0, repr=False, compare=False)

    # Changes: made durable, then applied

    def commit(self, changes: Sequence[Change], *, counting: navigation.Countable | None = None) -> None:
        """Make changes durable, then apply them. Raises NotKeptError: then nothing has changed.

        `counting` names the counter of this tab that goes up with it.
        """
        if not changes:
            return
        with self.lock:
            self.write([*changes, *([navigation.counted(self, counting)] if counting else [])])

    def _set(self, path: str, value: Any) -> None:
        """Set a path, and what is a view of it. Objects that readers may hold are replaced, never changed."""
        set_item(self.values, path, value)
        match split_path(path):
            case ("form", form_id, *rest):
                self._apply_form(form_id, rest, value)
            case ("step", form_id, edit_id):
                undo.apply_edit(self, form_id, edit_id, path, value)
            case ("undone", form_id, edit_id):
                undo.apply_mark(self, form_id, edit_id, path, value)
            case ("tab", tab, "history") if tab == self.tab_id:
                self.history = self.history_of(tab)
            case ("key", page, key):
                self.bound_keys[page] = with_item(self.bound_keys.get(page, {}), key, value)
            case ("pref", name) if name in _DEFAULTS:
                chosen = _DEFAULTS[name] if value is REMOVED else value
                self.preferences = replace(self.preferences, **{name: chosen})
            case ("cache", key):
                self.cache_keys = with_item(self.cache_keys, key, value if value is REMOVED else tuple(value))
            case _ if path == USER_PATH and value is not REMOVED:
                self.user_id = value

    def _apply_form(self, form_id: str, rest: Sequence[str], value: Any) -> None:
        form = self.form_states.get(form_id) or FormState(form_id=form_id)
        match rest:
            case ["field", name]:
                form.values = with_item(form.values, name, value)
            case ["saved"]:
                form.saved, form.saved_at = ({}, None) if value is REMOVED else (value["values"], value["at"])
            case ["errors"]:
                form.errors = {} if value is REMOVED else value
            case ["snapshot", snapshot_id]:
                snapshots = [snapshot for snapshot in form.snapshots if snapshot.snapshot_id != snapshot_id]
                if value is not REMOVED:
                    snapshots.append(FormSnapshot.parse(form_id, snapshot_id, value))
                form.snapshots = sorted(snapshots, key=lambda snapshot: snapshot.timestamp)
        is_empty_form = form == FormState(form_id=form_id)
        if is_empty_form or form_id not in self.form_states:
            self.form_states = with_item(self.form_states, form_id, REMOVED if is_empty_form else form)

    # Forms: drafts and saved values

    def form(self, form_id: str) -> FormState:
        """Return the state of a form, an empty one if it was never touched."""
        return self.form_states.get(form_id) or FormState(form_id=form_id)

    def set_field(self, form_id: str, name: str, value: Any, *, page: str | None = None) -> None:
        """Set the draft of one field. `page` binds it to the widget of the same key on that page."""
        with self.lock:
            changes = undo.edit(self, form_id, {name: value})
            self.commit([*changes, *forms.bind(self, page, [name], form_id)], counting="interactions")

    def set_fields(
        self, values: Mapping[tuple[str, str], Any], *, seen: Mapping[tuple[str, str], str] | None = None
    ) -> None:
        """Set the drafts of several fields, by form and name, in one durable step.

        `seen`: the stamps of what their author was shown, where this view of the session may know more.
        """
        with self.lock:
            self.commit(forms.edit_fields(self, values, seen or {}), counting="interactions")

    def save_form(self, form_id: str, data: Mapping[str, Any], *, page: str | None = None) -> None:
        """Make `data` the drafts and the saved values of a form, in one durable step."""
        with self.lock:
            changes = forms.save(self, form_id, data)
            self.commit([*changes, *forms.bind(self, page, data, form_id)], counting="interactions")

    def unsaved_changes(self, form_id: str) -> frozenset[str]:
        """Return the fields of a form that wait for Save: none with auto-save, where an edit counts as saved."""
        return frozenset() if self.preferences.auto_save else self.form(form_id).changes

    def saved_values(self, form_id: str) -> dict[str, Any]:
        """Return what counts as saved of a form: the drafts with auto-save, otherwise what Save stored last."""
        form = self.form(form_id)
        return dict(form.values if self.preferences.auto_save else form.saved)

    def finish_form(self, form_id: str) -> None:
        """Empty a form for the next entry. Snapshots stay; undo doesn't reach back behind it."""
        with self.lock:
            self.commit(forms.finish(self, form_id))

    def reset_form(self, form_id: str) -> None:
        """Clear the drafts of a form. Its saved values and snapshots stay."""
        with self.lock:
            self.commit(undo.edit(self, form_id, dict.fromkeys(self.form(form_id).values, REMOVED)))

    def set_errors(self, form_id: str, errors: Mapping[str, str]) -> None:
        """Store the messages of the last validation, by field."""
        self.commit(forms.store_errors(self, form_id, errors))

    # Forms: undo and conflicts (see `core.state.undo`)

    def can_undo(self, form_id: str) -> bool:
        return undo.history(self, form_id).undoable() is not None

    def can_redo(self, form_id: str) -> bool:
        return undo.history(self, form_id).redoable() is not None

    def undo(self, form_id: str) -> FormEdit | None:
        """Undo the last edit of a form, in whichever tab it was made. Returns it, or None when there is none left."""
        return undo.undo(self, form_id)

    def redo(self, form_id: str) -> FormEdit | None:
        """Redo what was undone last. Returns it, or None: an edit after an undo drops what was undone."""
        return undo.redo(self, form_id)

    def conflicts(self, form_id: str) -> list[Conflict]:
        """Return the values that were overwritten by somebody who had not seen them, the latest first."""
        return undo.conflicts(self, form_id)

    def take_lost(self, form_id: str, conflict: Conflict) -> None:
        """Settle a conflict with the overwritten value. `undo` takes it back."""
        undo.settle(self, form_id, conflict, conflict.value)

    def keep_current(self, form_id: str, conflict: Conflict) -> None:
        """Settle a conflict with the value the field holds. `undo` opens it again."""
        with self.lock:
            undo.settle(self, form_id, conflict, self.values.get(field_path(form_id, conflict.field), REMOVED))

    # Forms: snapshots

    def create_form_snapshot(self, form_id: str, description: str = "") -> FormSnapshot:
        """Store the current values of a form, to go back to. The oldest beyond 50 are deleted with it."""
        with self.lock:
            values, now = dict(self.form(form_id).values), self.clock.now()
            snapshot = FormSnapshot(form_id=form_id, values=values, timestamp=now, description=description)
            self.commit(forms.store_snapshot(self, snapshot))
            return snapshot

    def restore_form_snapshot(self, snapshot_id: str) -> FormSnapshot:
        """Set a form back to a snapshot. `undo` takes it back. Raises UnknownSnapshotError."""
        with self.lock:
            for snapshot in (each for form in self.form_states.values() for each in form.snapshots):
                if snapshot.snapshot_id == snapshot_id:
                    self.commit(forms.replace_drafts(self, snapshot.form_id, snapshot.values))
                    return snapshot
        raise UnknownSnapshotError(f"There is no snapshot {snapshot_id!r}. Its form may have dropped it as the oldest.")

    def discard_drafts(self, form_id: str) -> None:
        """Set a form back to what was saved last. `undo` takes it back."""
        with self.lock:
            self.commit(forms.replace_drafts(self, form_id, self.form(form_id).saved))

    # Navigation: one history a tab, in step with the browser's own

    @property
    def navigation_history(self) -> list[NavigationEntry]:
        """The pages this tab went through, each with how far it is scrolled."""
        return [replace(entry, scroll_position=self.scroll_position(entry.page)) for entry in self.history.entries]

    @property
    def navigation_index(self) -> int:
        return self.history.index

    @property
    def current_page(self) -> str | None:
        return self.history.current.page if self.history.current else None

    def navigate_to(self, page: str, params: Mapping[str, str] | None = None) -> NavigationEntry:
        """Go to a page. The entries ahead are dropped, as in a browser."""
        entry = NavigationEntry(page=page, params=dict(params or {}), timestamp=self.clock.now())
        navigation.move(self, self.history.push(entry))
        return entry

    def go_back(self) -> NavigationEntry | None:
        """Go to the entry before; None at the first."""
        return navigation.step(self, -1)

    def go_forward(self) -> NavigationEntry | None:
        """Go to the entry after; None at the last."""
        return navigation.step(self, 1)

    def visit(self, page: str, params: Mapping[str, str] | None = None) -> None:
        """Follow the browser to the page it shows, which may be the entry before or after."""
        navigation.visit(self, NavigationEntry(page=page, params=dict(params or {}), timestamp=self.clock.now()))

    def attach_tab(self, tab_id: str, *, resume: bool = False) -> None:
        """Name the tab: its earlier history comes back, and what was visited meanwhile is added to it.

        `resume` leaves that out where there is an earlier history: the tab goes back to where it was.
        """
        navigation.attach_tab(self, tab_id, resume=resume)

    def history_of(self, tab_id: str) -> History:
        """Return the stored history of a tab of this session."""
        return History.parse(self.values.get(history_path(tab_id)), NavigationEntry)

    def scroll_position(self, page: str) -> float:
        """Return how far this tab had scrolled a page, in CSS pixels."""
        return float(self.values.get(scroll_path(self.tab_id or "", page), 0.0))

    # Preferences, cache keys, permissions, metrics

    def set_preference(self, name: str, value: Any) -> None:
        """Set a preference; `name` is an attribute of UserPreferences.

        Switching auto-save off stores what was entered until then as saved.
        """
        if name not in _DEFAULTS:
            raise AttributeError(f"There is no preference {name!r}; there are {list(_DEFAULTS)}.")
        with self.lock:
            dirty = [form for form in self.form_states.values() if form.is_dirty]
            switched_off = name == "auto_save" and self.preferences.auto_save and not value
            saved = [forms.store_saved(self, form.form_id, form.values) for form in dirty] if switched_off else []
            self.commit([Change(join_path("pref", name), value), *saved])

    def has_chosen(self, name: str) -> bool:
        """Return whether the person set this preference; otherwise it has its default."""
        return join_path("pref", name) in self.values

    def track_cache_key(self, key: str, dependencies: Iterable[str] = ()) -> None:
        """Note that this session uses a cache key, and what it was computed from."""
        wanted = tuple(dependencies)
        if self.cache_keys.get(key) != wanted:
            self.commit([Change(join_path("cache", key), list(wanted))])

    def invalidate_cache(self, pattern: str) -> list[str]:
        """Forget the tracked keys that match `pattern`, or depend on something that does. Returns them."""
        hit = [
            key
            for key, dependencies in self.cache_keys.items()
            if any(fnmatchcase(name, pattern) for name in (key, *dependencies))
        ]
        self.commit([Change(join_path("cache", key), REMOVED) for key in hit])
        return hit

    def has_role(self, role: str) -> bool:
        return role in self.roles

    def has_permission(self, permission: str) -> bool:
        """Return whether a role of this person grants it, by name or by wildcard (`orders.*`)."""
        return matches(self.permissions, permission)

    @property
    def metrics(self) -> SessionMetrics:
        """Totals over all tabs and days."""
        with self.lock:
            latest = max(self.stamps.values(), default=None)
            totals = navigation.totals(self)
        return SessionMetrics(
            **totals, started_at=self.created_at, last_activity=stamp_time(latest) if latest else None
        )

    # Plain data

    def to_dict(self) -> dict[str, Any]:
        """Return the session as JSON data: ids, the value and stamp of each path, and this tab's history."""
        with self.lock:
            return {**DurableMap.to_dict(self), "tab_id": self.tab_id, "history": to_json(self.history.stored())}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UserSession:
        """Rebuild what `to_dict` returned. The result is not stored anywhere until it gets a `persistence`."""
        session = cls(session_id=data["session_id"], user_id=data["user_id"], tab_id=data.get("tab_id"))
        session.load(data)
        if "history" in data:
            session.history = History.parse(from_json(data["history"]), NavigationEntry)
        return session
