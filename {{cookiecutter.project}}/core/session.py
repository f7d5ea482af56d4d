"""A person's session: pure state, no Streamlit, no database, no input or output.

Every mutator computes `Change`s, hands them to `emit`, which returns only when they are durable, and then folds
them in by the very function that also folds in what was stored earlier or elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from core.clock import stamp_time
from core.state.changes import REMOVED, Change
from core.state.forms import FormSnapshot, FormState
from core.state.navigation import NavigationEntry
from core.state.paths import join_path
from core.state.session_navigation import SessionNavigation
from core.state.session_state import SessionMetrics, UserPreferences
from core.state.session_submissions import SessionSubmissions
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


class UserSession(SessionSubmissions, SessionNavigation):
    """One tab's view of one person's session."""

    __slots__ = ()

    def set_preference(self, name: str, value: Any) -> None:
        """Keep one preference; `name` is an attribute of UserPreferences."""
        if name not in {f.name for f in fields(UserPreferences)}:
            raise AttributeError(f"There is no preference {name!r}; there are {list(asdict(UserPreferences()))}.")
        if name == "auto_save":
            self.set_auto_save(bool(value))
        else:
            self.commit([Change(join_path("pref", name), value)])

    def has_chosen(self, name: str) -> bool:
        """Whether the person set this preference; otherwise it has its default."""
        return join_path("pref", name) in self.values

    def track_cache_key(self, key: str, dependencies: Iterable[str] = ()) -> None:
        """Remember that this session uses a cache key, and what it was computed from."""
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
        """Whether a role of this person grants it, by name or by wildcard (`orders.*`)."""
        return matches(self.permissions, permission)

    @property
    def metrics(self) -> SessionMetrics:
        """Totals over all tabs and days."""
        with self.lock:
            latest, activity = max(self.stamps.values(), default=None), list(self._activity.values())
        return SessionMetrics(
            page_views=sum(counts.get("page_views", 0) for counts in activity),
            interactions=sum(counts.get("interactions", 0) for counts in activity),
            started_at=self.created_at,
            last_activity=stamp_time(latest) if latest else None,
        )

    @property
    def last_activity(self) -> datetime | None:
        return self.metrics.last_activity

    def to_dict(self) -> dict[str, Any]:
        """The whole session as plain data.

        `{"session_id": str, "user_id": str | None, "values": {path: value}, "stamps": {path: stamp}}`
        """
        stamps = {path: stamp for path, stamp in self.stamps.items() if path in self.values}
        return {"session_id": self.session_id, "user_id": self.user_id, "values": dict(self.values), "stamps": stamps}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UserSession:
        """Rebuild what `to_dict` gave. Nothing keeps the result until it gets an `emit`."""
        session = cls(session_id=data["session_id"], user_id=data["user_id"], stamps=dict(data.get("stamps", {})))
        for path, value in data["values"].items():
            session.absorb(path, value)
        return session
