"""A map from path to value whose changes are durable before anybody sees them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from core.clock import Clock, HybridClock, SystemClock
from core.codec import from_json, to_json
from core.errors import NotKeptError
from core.state.paths import REMOVED, Change, Removed, is_passing
from core.state.shapes import shape_error
from core.state.size_quota import SizeQuota

V = TypeVar("V")


class Persistence(Protocol):
    """Makes the changes of a session durable."""

    def write(self, session: Any, changes: Sequence[Change]) -> Mapping[str, str]:
        """Return the stamp of each path once the changes are durable. Raises NotKeptError: then nothing has changed."""
        ...


class _InMemory:
    """The persistence of a session that is stored nowhere."""

    def __init__(self) -> None:
        self._clock = HybridClock()

    def write(self, session: Any, changes: Sequence[Change]) -> Mapping[str, str]:  # noqa: ARG002
        return dict.fromkeys((change.path for change in changes), self._clock.tick())


@dataclass(slots=True, kw_only=True)
class DurableMap:
    """The stored part of a session: what this process knows of it, and where changes go."""

    session_id: str
    user_id: str | None = None
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    """By path."""
    stamps: dict[str, str] = field(default_factory=dict, repr=False)
    """By path: the stamp of the value held here."""
    version: int = 0
    """The version of the stored session that was read last."""
    purged: bool = False
    """True once the session was deleted; nothing written to it is stored any more."""
    is_partial: bool = False
    """True if the database could not be read, so that stored values may be missing here."""
    unreadable: dict[str, str] = field(default_factory=dict, repr=False)
    """By path: why a stored value can't be decoded here. It stays stored as it is."""
    misshapen: dict[str, str] = field(default_factory=dict, repr=False)
    """By path: why a stored value is left out here. It stays stored, but an edit replaces it."""
    quota: SizeQuota = field(default_factory=SizeQuota, repr=False)
    """The size of what is stored."""
    persistence: Persistence = field(default_factory=_InMemory, repr=False, compare=False)
    clock: Clock = field(default_factory=SystemClock, repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)
    """Held while changes are written and applied: scripts, callbacks and the connection run at the same time."""

    def write(self, changes: Sequence[Change]) -> None:
        """Make changes durable, then apply them. Raises NotKeptError: then nothing has changed."""
        for change in changes:
            if (error := shape_error(change.path, change.value)) is not None:
                raise NotKeptError(change.path, f"can't be read back ({error})", "Pass a value of the right type.")
        self.stamps.update(self.persistence.write(self, changes))
        for change in changes:
            self.misshapen.pop(change.path, None)
            self._set(change.path, change.value)
            self._forget_removed(change.path, change.value)

    def apply(self, path: str, value: Any) -> None:
        """Set a path to a value that is durable, or remove it (REMOVED). Paths that nobody reads are kept, too.

        Takes any path and value: where the value has another shape than the path's, the path is left out and
        `misshapen` says why.
        """
        self.misshapen.pop(path, None)
        if (error := shape_error(path, value)) is not None:
            self.misshapen[path], value = error, REMOVED
        else:
            self._forget_removed(path, value)
        self._set(path, value)

    def _forget_removed(self, path: str, value: Any) -> None:
        """Keep nothing of a removed path that comes and goes: a view would remember all that ever was."""
        if value is REMOVED and is_passing(path):
            self.stamps.pop(path, None)

    def to_dict(self) -> dict[str, Any]:
        """Return the ids, and the value and stamp of each path, as JSON data."""
        return {
            "session_id": self.session_id,
            "user_id": self.user_id,
            "values": {path: to_json(value, path) for path, value in self.values.items()},
            "stamps": {path: stamp for path, stamp in self.stamps.items() if path in self.values},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Apply the values and stamps that `to_dict` returned."""
        self.stamps = dict(data.get("stamps", {}))
        for path, value in data["values"].items():
            self.apply(path, from_json(value))

    def _set(self, path: str, value: Any) -> None:
        """Set a path to a value of its shape, or remove it."""
        raise NotImplementedError


def set_item(target: dict[str, Any], key: str, value: Any) -> None:
    """Set an item, or remove it (REMOVED)."""
    if value is REMOVED:
        target.pop(key, None)
    else:
        target[key] = value


def with_item(mapping: Mapping[str, V], key: str, value: V | Removed) -> dict[str, V]:
    """Return a copy of a mapping with an item set, or removed (REMOVED)."""
    changed = dict(mapping)
    set_item(changed, key, value)
    return changed
