"""A map from path to value whose changes are durable before anybody sees them, and the limit for its size."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from core.clock import Clock, HybridClock, SystemClock
from core.codec import from_json, to_json
from core.errors import NotKeptError
from core.state.paths import (
    CREATED_PATH,
    REMOVED,
    USER_PATH,
    Change,
    Removed,
    counts_for_quota,
    is_passing,
    shape_error,
)

MAX_SESSION_BYTES = 2 * 1024 * 1024


class _Form(NamedTuple):
    """The bytes of a form's drafts, and of its saved values."""

    drafts: int = 0
    saved: int = 0


@dataclass(slots=True)
class SizeQuota:
    """The encoded size of a session in bytes, and the limit for it. What the app writes by itself doesn't count.

    A form counts once: by its drafts, or by its saved values where these are larger.
    """

    total: int = 0
    edits: int = 0
    """The size of the edits of all forms, which don't count."""
    _sizes: dict[str, int] = field(default_factory=dict)
    _forms: dict[str, _Form] = field(default_factory=dict)

    def check(self, sizes: Mapping[str, int]) -> None:
        """Raise NotKeptError if these sizes would exceed the limit.

        Making the session smaller is always allowed, and so is saving: it copies drafts that were accepted.
        """
        growth, _ = self._growth({path: size for path, size in sizes.items() if not path.endswith("/saved")})
        total = self.total + growth
        if growth > 0 and total > MAX_SESSION_BYTES:
            raise NotKeptError(
                max(sizes, key=lambda path: (counts_for_quota(path), sizes[path])),
                f"would make all that is kept for you {total / 2**20:.1f} MB, "
                f"more than the {MAX_SESSION_BYTES // 2**20} MB one person may have",
                "Clear forms or snapshots that are no longer needed, or keep large data in a table of its own.",
            )

    def update(self, sizes: Mapping[str, int]) -> None:
        """Set the sizes of paths; 0 for one that was removed."""
        growth, forms = self._growth(sizes)
        self.total += growth
        self._forms.update(forms)
        self.edits += sum(size - self._sizes.get(path, 0) for path, size in sizes.items() if path.startswith("step/"))
        self._sizes.update(sizes)
        for path in [path for path, size in sizes.items() if not size]:
            del self._sizes[path]

    def size(self, path: str) -> int:
        """Return the size of a path in bytes."""
        return self._sizes.get(path, 0)

    def _growth(self, sizes: Mapping[str, int]) -> tuple[int, Mapping[str, _Form]]:
        """Return the bytes that all of it would grow by, and the new sizes of its forms."""
        growth, forms = 0, dict[str, _Form]()
        for path, size in sizes.items():
            if not counts_for_quota(path):
                continue
            more = size - self._sizes.get(path, 0)
            match path.split("/"):
                case ["form", form, "field" | "saved" as part, *_]:
                    known = forms.get(form) or self._forms.get(form, _Form())
                    is_draft = part == "field"
                    forms[form] = _Form(known.drafts + more * is_draft, known.saved + more * (not is_draft))
                case _:
                    growth += more
        return growth + sum(max(now) - max(self._forms.get(form, _Form())) for form, now in forms.items()), forms


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

    @property
    def created_at(self) -> datetime | None:
        return self.values.get(CREATED_PATH)

    def write(self, changes: Sequence[Change]) -> None:
        """Make changes durable, then apply them. Raises NotKeptError: then nothing has changed."""
        changes = [*self._first_changes(), *changes]
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

    def _first_changes(self) -> list[Change]:
        """Return what the first edit stores besides: when the map was created, and for whom."""
        if self.created_at is not None or self.is_partial:
            return []
        created = Change(CREATED_PATH, self.clock.now())
        return [created, Change(USER_PATH, self.user_id)] if self.user_id else [created]

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
