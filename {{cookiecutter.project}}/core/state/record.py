"""A dataclass that converts to JSON data and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

from core.codec import from_json, to_json


class Record:
    """Base of dataclasses whose fields hold values that `core.codec` can encode."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data: dates, decimals and the like become objects that name their type."""
        return {each.name: to_json(getattr(self, each.name), each.name) for each in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        return cls(**{name: from_json(value) for name, value in data.items()})
