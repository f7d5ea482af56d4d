"""How far an edit has come on its way into the database: what a page needs to tell the truth about saving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SaveState(StrEnum):
    """All but REFUSED survive power loss of this machine."""

    SAVED = "saved"
    """The database has it."""
    SAVING = "saving"
    """This machine has it, and the database will within the debounce delay."""
    KEPT_LOCALLY = "kept locally"
    """This machine has it; the database is away."""
    REFUSED = "refused"
    """It was not kept. The value before it is intact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSaveState:
    """The save state of one field: since when (None if it was never set), and why if it was refused."""

    state: SaveState
    at: datetime | None = None
    reason: str | None = None
