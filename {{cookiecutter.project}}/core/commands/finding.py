"""A finding of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. `fix` is None where nothing is wrong."""

    subject: str
    says: str
    fix: str | None = None
