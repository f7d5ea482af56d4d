"""The edits of a tab's fields that could not be persisted, until they are, or others take their place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from core.errors import NotKeptError, NotKeptNowError

Place = tuple[str, str]
"""A form, and one of its fields."""


class UnkeptEdits:
    """Reasons why edits were refused. The value before each is intact."""

    def __init__(self) -> None:
        self.reasons: Mapping[Place, str] = {}
        """By form and field; replaced, not changed: a run may be going through it."""
        self.last_kept_at: datetime | None = None
        self._for_now: set[Place] = set()
        self._retrying = True

    def refuse(self, form_id: str, field: str, error: NotKeptError) -> None:
        """Note why an edit was refused."""
        self.reasons = {**self.reasons, (form_id, field): str(error)}
        if isinstance(error, NotKeptNowError):
            self._for_now.add((form_id, field))
            self._retrying = False

    def settle(self, form_id: str, *fields: str, at: datetime) -> None:
        """Note that fields hold what was entered last."""
        self.last_kept_at = at
        done = {(form_id, field) for field in fields}
        self._for_now -= done
        if done & self.reasons.keys():
            self.reasons = {place: reason for place, reason in self.reasons.items() if place not in done}

    def retry(self) -> None:
        """Try again, in the run that begins."""
        self._retrying = True

    def should_retry(self, form_id: str, field: str) -> bool:
        """Return whether to try again to persist a field: once a run, unless persisting works again."""
        return self._retrying and self.is_for_now(form_id, field)

    def is_for_now(self, form_id: str, field: str) -> bool:
        """Return whether the last edit of a field was refused because nothing could be persisted then."""
        return (form_id, field) in self._for_now
