"""What a session holds, and the one function that folds into it what was stored, edited or changed elsewhere.

A session is a map from path to value. Everything else in it is a reading of that map, so memory, journal and
database can't come to mean different things.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from core.clock import NO_STAMP, Clock, HybridClock, SystemClock
from core.errors import NotKeptError
from core.state.changes import REMOVED, Change, Removed
from core.state.counts import Countable, count
from core.state.footprint import Footprint
from core.state.forms import FormSnapshot, FormState
from core.state.navigation import NavigationHistory
from core.state.paths import CREATED_PATH, USER_PATH, join_path, split_path
from core.state.shapes import shape_error
from core.state.steps import Mark, Step

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPreferences:
    """What a person chose for themselves."""

    theme: str = "system"
    language: str = "en"
    timezone: str = "UTC"
    auto_save: bool = True


_DEFAULTS = asdict(UserPreferences())


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


class _Unkept:
    """The `emit` of a session that nothing keeps: it tells the order of edits, and no more."""

    def __init__(self) -> None:
        self._clock = HybridClock()

    def __call__(self, changes: Sequence[Change]) -> Mapping[str, str]:
        return dict.fromkeys((change.path for change in changes), self._clock.tick())


@dataclass(slots=True, kw_only=True)
class SessionState:
    """One tab's view of one person's session. `core.session` adds what can be done with it."""

    session_id: str
    user_id: str | None = None
    clock: Clock = field(default_factory=SystemClock, repr=False)
    emit: Callable[[Sequence[Change]], Mapping[str, str]] = field(default_factory=_Unkept, repr=False)
    """Makes changes durable, or raises and nothing has changed. Returns the stamp of each path, the same for all
    but those whose stamp was ahead of the clock."""
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
    device: str = ""
    """What the browser says it is, such as "Firefox on Linux"."""
    view_id: str = field(default_factory=lambda: secrets.token_hex(6), repr=False, compare=False)
    """Names this view, so that its steps have names of their own."""
    steps_made: int = field(default=0, repr=False, compare=False)
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
    misshapen: dict[str, str] = field(default_factory=dict, repr=False)
    """Paths whose value is not what this code reads there, and why. It stays stored, but an edit replaces it."""
    footprint: Footprint = field(default_factory=Footprint, repr=False)
    """How much room the stored session takes."""
    history: NavigationHistory = field(default_factory=NavigationHistory)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)
    """Held while a change is made durable and folded in: scripts, callbacks and the connection do so at once."""
    _histories: dict[str, NavigationHistory] = field(default_factory=dict, repr=False)
    _scroll: dict[tuple[str, str], float] = field(default_factory=dict, repr=False)
    _activity: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict, repr=False)
    _done_at: datetime | None = field(default=None, repr=False, compare=False)
    """When something was counted last in this view."""

    def absorb(self, path: str, value: Any) -> None:
        """Fold one stored or just committed path into this view. Paths nobody reads are kept all the same.

        Takes any path and value: where the value has another shape than the path's, the path holds nothing here, and
        `misshapen` says why. What readers go through is replaced, never changed under them.
        """
        self.misshapen.pop(path, None)
        if (error := shape_error(path, value)) is not None:
            self.misshapen[path], value = error, REMOVED
        _put(self.values, path, value)
        match split_path(path):
            case ("form", form_id, *rest):
                self._absorb_form(form_id, rest, value)
            case (("step" | "undone") as part, form_id, step_id):
                self._absorb_form(form_id, [part, step_id], value, self.stamps.get(path, NO_STAMP))
            case ("tab", tab, *rest):
                self._absorb_tab(tab, rest, value)
            case ("metric", tab, day):
                _put(self._activity, (tab, day), value)
            case ("key", page, key):
                self.bound_keys[page] = _with(self.bound_keys.get(page, {}), key, value)
            case ("pref", name) if name in _DEFAULTS:
                chosen = _DEFAULTS[name] if value is REMOVED else value
                self.preferences = replace(self.preferences, **{name: chosen})
            case ("cache", key):
                self.cache_keys = _with(self.cache_keys, key, value if value is REMOVED else tuple(value))
            case _ if path == CREATED_PATH:
                self.created_at = None if value is REMOVED else value
            case _ if path == USER_PATH and value is not REMOVED:
                self.user_id = value

    def _absorb_form(self, form_id: str, rest: Sequence[str], value: Any, stamp: str = NO_STAMP) -> None:
        form = self.form_states.get(form_id) or FormState(form_id=form_id)
        match rest:
            case ["field", name]:
                form.values = _with(form.values, name, value)
            case ["saved"]:
                form.saved, form.saved_at = (value["values"], value["at"]) if value is not REMOVED else ({}, None)
            case ["errors"]:
                form.errors = {} if value is REMOVED else value
            case ["snapshot", snapshot_id]:
                kept = [snapshot for snapshot in form.snapshots if snapshot.snapshot_id != snapshot_id]
                if value is not REMOVED:
                    kept.append(FormSnapshot.from_dict(form_id, snapshot_id, value))
                form.snapshots = sorted(kept, key=lambda snapshot: snapshot.timestamp)
            case ["step", step_id]:
                form.steps = _with(form.steps, step_id, _parsed(value, lambda: Step.parse(step_id, stamp, value)))
            case ["undone", step_id]:
                form.marks = _with(form.marks, step_id, _parsed(value, lambda: Mark.parse(stamp, value)))
        gone = form == FormState(form_id=form_id)
        if gone or form_id not in self.form_states:
            self.form_states = _with(self.form_states, form_id, REMOVED if gone else form)

    def _absorb_tab(self, tab: str, rest: Sequence[str], value: Any) -> None:
        match rest:
            case ["history"]:
                _put(self._histories, tab, value if value is REMOVED else NavigationHistory.from_dict(value))
                if tab == self.tab_id:
                    self.history = self._histories.get(tab, NavigationHistory())
            case ["scroll", page]:
                _put(self._scroll, (tab, page), value)

    def commit(self, changes: Sequence[Change], *, counting: Countable | None = None, page: str | None = None) -> None:
        """Make changes durable, then visible here. If that fails, it raises and nothing has changed.

        Raises NotKeptError for a value that could not be read back.

        `counting` names what today's number of goes up by one with it, on `page` or else on the present one.
        """
        if not changes:
            return
        with self.lock:
            wanted = [*self._origin(), *changes, *([self._counted(counting, page)] if counting else [])]
            for change in wanted:
                if (error := shape_error(change.path, change.value)) is not None:
                    raise NotKeptError(change.path, f"can't be read back ({error})", "Pass a value of the right type.")
            self.stamps.update(self.emit(wanted))
            for change in wanted:
                self.absorb(change.path, change.value)
            if counting:
                self._done_at = self.clock.now()

    def _origin(self) -> list[Change]:
        """What a session's first edit brings with it."""
        if self.created_at is not None:
            return []
        created = Change(CREATED_PATH, self.clock.now())
        return [created, Change(USER_PATH, self.user_id)] if self.user_id else [created]

    def _counted(self, what: Countable, page: str | None) -> Change:
        now, tab = self.clock.now(), self.tab_id or "-"
        day = now.date().isoformat()
        counted = count(
            self._activity.get((tab, day), {}),
            what,
            page=page,
            before=self.history.current.page if self.history.current else "",
            pause=(now - self._done_at).total_seconds() if self._done_at else None,
        )
        return Change(join_path("metric", tab, day), counted)


def _with(mapping: Mapping[str, V], key: str, value: V | Removed) -> dict[str, V]:
    changed = dict(mapping)
    _put(changed, key, value)
    return changed


def _parsed(value: Any, parse: Callable[[], V]) -> V | Removed:
    return REMOVED if value is REMOVED else parse()


def _put(target: dict[Any, Any], key: Any, value: Any) -> None:
    if value is REMOVED:
        target.pop(key, None)
    else:
        target[key] = value
