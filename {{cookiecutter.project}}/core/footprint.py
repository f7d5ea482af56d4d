"""How much room a session takes, path by path, so that the next edit's total is known without looking at the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Footprint:
    """Encoded sizes in bytes."""

    total: int = 0
    _sizes: dict[str, int] = field(default_factory=dict)

    def growth(self, sizes: Mapping[str, int]) -> int:
        """By how many bytes the total would change if these paths had these sizes."""
        return sum(size - self._sizes.get(path, 0) for path, size in sizes.items())

    def update(self, sizes: Mapping[str, int]) -> None:
        """Take note of the present sizes of paths; 0 for one that was removed."""
        self.total += self.growth(sizes)
        self._sizes.update(sizes)
