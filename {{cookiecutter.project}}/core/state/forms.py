"""The state of one form: draft values, what was saved, what is wrong, and snapshots to go back to."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.state.steps import Mark, Step

MAX_SNAPSHOTS = 50
"""Snapshots kept per form. The oldest automatic one goes first, named ones last."""

_NOTHING: tuple[Any, ...] = (None, "", False, [], ())
"""What a field holds that nobody has filled in, or that was emptied again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSnapshot:
    """The values of a form at one moment."""

    snapshot_id: str
    form_id: str
    values: Mapping[str, Any]
    timestamp: datetime
    description: str = ""
    automatic: bool = False

    @classmethod
    def of(cls, form: FormState, *, at: datetime, description: str = "", automatic: bool = False) -> FormSnapshot:
        return cls(
            snapshot_id=secrets.token_hex(8),
            form_id=form.form_id,
            values=dict(form.values),
            timestamp=at,
            description=description,
            automatic=automatic,
        )

    def to_dict(self) -> dict[str, Any]:
        """The part that is stored; identity comes from the path."""
        return {
            "values": dict(self.values),
            "at": self.timestamp,
            "description": self.description,
            "automatic": self.automatic,
        }

    @classmethod
    def from_dict(cls, form_id: str, snapshot_id: str, data: Mapping[str, Any]) -> FormSnapshot:
        return cls(
            snapshot_id=snapshot_id,
            form_id=form_id,
            values=data["values"],
            timestamp=data["at"],
            description=data["description"],
            automatic=data["automatic"],
        )


@dataclass(slots=True, kw_only=True)
class FormState:
    """One form of one session.

    `values` are the drafts, field by field; `saved` is what the last Save stored. What is dirty
    follows from the two, so the two can't disagree about it.
    """

    form_id: str
    values: dict[str, Any] = field(default_factory=dict)
    saved: Mapping[str, Any] = field(default_factory=dict)
    saved_at: datetime | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    snapshots: list[FormSnapshot] = field(default_factory=list)
    """Oldest first."""
    steps: dict[str, Step] = field(default_factory=dict, repr=False)
    """By id: the edits that can be undone, or whose text may be wanted back."""
    marks: dict[str, Mark] = field(default_factory=dict, repr=False)
    """By the id of a step: whether it is undone."""

    @property
    def dirty_fields(self) -> set[str]:
        """Fields whose draft differs from what was last saved."""
        unset = object()
        return {name for name, value in self.values.items() if not same(value, self.saved.get(name, unset))}

    @property
    def is_dirty(self) -> bool:
        return bool(self.dirty_fields)

    @property
    def changes(self) -> frozenset[str]:
        """The dirty fields that a person would miss: all but those that hold nothing, and were never saved."""
        return frozenset(name for name in self.dirty_fields if name in self.saved or not _is_nothing(self.values[name]))

    def surplus_snapshots(self) -> list[FormSnapshot]:
        """The snapshots to drop so that at most MAX_SNAPSHOTS remain."""
        excess = len(self.snapshots) - MAX_SNAPSHOTS
        return sorted(self.snapshots, key=lambda snapshot: not snapshot.automatic)[:excess] if excess > 0 else []


def _is_nothing(value: Any) -> bool:
    return any(same(value, nothing) for nothing in _NOTHING)


def same(one: Any, other: Any) -> bool:
    """Equality that also tells 1 from True, within lists and dicts too, and finds NaN the same as NaN.

    It copes with values whose `==` is no bool: arrays and frames.
    """
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is list or kind is tuple:
        return len(one) == len(other) and all(map(same, one, other))
    if kind is dict or kind is set or kind is frozenset:
        return len(one) == len(other) and _hold_the_same(one, other)
    if hasattr(one, "equals"):
        return bool(one.equals(other))
    if hasattr(one, "dtype") and (one.shape or other.shape):
        return bool(one.dtype == other.dtype and one.shape == other.shape and _same_elements(one, other))
    try:
        return bool(one == other or (one != one and other != other))
    except ArithmeticError:  # of a NaN that says no to everything
        return str(one) == str(other)


def _hold_the_same(one: Any, other: Any) -> bool:
    """Whether two dicts or two sets hold the same, in whatever order. Keys that are equal may be of two types."""
    theirs, nothing = {each: each for each in other}, object()
    for each in one:
        alike = [theirs[each]] if each in theirs else other
        match = next((key for key in alike if same(key, each)), nothing)
        if match is nothing or (isinstance(one, dict) and not same(one[each], other[match])):
            return False
    return True


def _same_elements(one: Any, other: Any) -> bool:
    if one.dtype.hasobject:
        return same(one.tolist(), other.tolist())
    return bool(((one == other) | ((one != one) & (other != other))).all())
