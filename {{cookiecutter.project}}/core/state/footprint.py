"""How much room a session takes, path by path, so that the next edit's total is known without looking at the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from core.errors import NoRoomError
from core.state.paths import takes_room

MAX_SESSION_BYTES = 2 * 1024 * 1024


class _Form(NamedTuple):
    """What the drafts of a form take, and what was saved of it."""

    drafts: int = 0
    saved: int = 0


@dataclass(slots=True)
class Footprint:
    """Encoded sizes in bytes. What the app writes by itself doesn't count: nobody could answer for its size.

    A form counts once: by its drafts, or by what was saved of it where that is more.
    """

    total: int = 0
    _sizes: dict[str, int] = field(default_factory=dict)
    _forms: dict[str, _Form] = field(default_factory=dict)

    def check(self, sizes: Mapping[str, int]) -> None:
        """Raise NoRoomError if these paths would make the session too large.

        Making it smaller is always allowed, and so is saving: it copies what was let in.
        """
        growth, _ = self._growth({path: size for path, size in sizes.items() if not path.endswith("/saved")})
        total = self.total + growth
        if growth > 0 and total > MAX_SESSION_BYTES:
            raise NoRoomError(
                max(sizes, key=lambda path: (takes_room(path), sizes[path])),
                f"would make all that is kept for you {total / 2**20:.1f} MB, "
                f"more than the {MAX_SESSION_BYTES // 2**20} MB one person may have",
                "Clear forms or snapshots that are no longer needed, or keep large data in a table of its own.",
                missing=total - MAX_SESSION_BYTES,
            )

    def update(self, sizes: Mapping[str, int]) -> None:
        """Take note of the present sizes of paths; 0 for one that was removed."""
        growth, forms = self._growth(sizes)
        self.total += growth
        self._forms.update(forms)
        self._sizes.update(sizes)

    def size(self, path: str) -> int:
        """How many bytes a path takes."""
        return self._sizes.get(path, 0)

    def _growth(self, sizes: Mapping[str, int]) -> tuple[int, Mapping[str, _Form]]:
        """By how much more all of it would take, and what the forms among it would."""
        growth, forms = 0, dict[str, _Form]()
        for path, size in sizes.items():
            if not takes_room(path):
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
