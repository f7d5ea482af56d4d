"""What a Save together with tables of the team's own leaves in the session, and how it is told from the next one."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from core.state.changes import REMOVED, Change
from core.state.paths import join_path
from core.state.session_forms import SessionForms


class SessionSubmissions(SessionForms):
    """Each submission of a form has a key. It is part of the draft, and another one with each success."""

    __slots__ = ()

    def submission_key(self, form_id: str) -> str:
        """The key of what is being entered now. A form's first one follows from session and form, so tabs agree."""
        held = self.values.get(_key_path(form_id))
        if isinstance(held, str):
            return held
        return hashlib.sha256(join_path(self.session_id, form_id).encode()).hexdigest()[:32]

    def submission(self, form_id: str, values: Mapping[str, Any], *, clear: bool) -> list[Change]:
        """What storing these values changes in the session. `clear` empties the form for the next one."""
        form = self.form(form_id)
        changes = [self.next_submission(form_id)]
        if form.errors:
            changes.append(Change(join_path("form", form_id, "errors"), REMOVED))
        if not clear:
            return [*changes, self._saved_change(form_id, values)]
        saved = [Change(join_path("form", form_id, "saved"), REMOVED)] if form.saved else []
        return [*changes, *saved, *self._edited(form_id, dict.fromkeys(form.values, REMOVED), kind="end")]

    def next_submission(self, form_id: str) -> Change:
        """What makes whatever is entered from now on a submission of its own."""
        return Change(_key_path(form_id), secrets.token_hex(16))


def _key_path(form_id: str) -> str:
    return join_path("form", form_id, "key")
