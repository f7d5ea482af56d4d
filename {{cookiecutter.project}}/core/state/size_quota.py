"""The size of a stored session, kept path by path, so that checking an edit needs none of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from core.errors import NotKeptError
from core.state.paths import counts_for_quota

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
