"""How much room a session takes, path by path, so that the next edit's total is known without looking at the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.errors import NotKeptError
from core.paths import is_bookkeeping

MAX_SESSION_BYTES = 2 * 1024 * 1024


@dataclass(slots=True)
class Footprint:
    """Encoded sizes in bytes. What the app writes by itself doesn't count: nobody could answer for its size."""

    total: int = 0
    _sizes: dict[str, int] = field(default_factory=dict)

    def check(self, sizes: Mapping[str, int]) -> None:
        """Raise NotKeptError if these paths would make the session too large. Making it smaller is always allowed."""
        growth = self._growth(sizes)
        total = self.total + growth
        if growth > 0 and total > MAX_SESSION_BYTES:
            raise NotKeptError(
                max(sizes, key=lambda path: sizes[path]),
                f"would make all that is kept for you {total / 2**20:.1f} MB, "
                f"more than the {MAX_SESSION_BYTES // 2**20} MB one person may have",
                "Clear forms or snapshots that are no longer needed, or keep large data in a table of its own.",
            )

    def update(self, sizes: Mapping[str, int]) -> None:
        """Take note of the present sizes of paths; 0 for one that was removed."""
        self.total += self._growth(sizes)
        self._sizes.update(sizes)

    def _growth(self, sizes: Mapping[str, int]) -> int:
        return sum(size - self._sizes.get(path, 0) for path, size in sizes.items() if not is_bookkeeping(path))
