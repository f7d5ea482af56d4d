"""A change: one path of a session gets one value, or none any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


class Removed:
    """The value of a path that was removed, and of a field that holds nothing."""

    def __repr__(self) -> str:
        return "REMOVED"


REMOVED: Final = Removed()


@dataclass(frozen=True, slots=True)
class Change:
    """One path gets one value (or REMOVED)."""

    path: str
    value: Any
