"""The keys by which sending the same entry of a form twice is recognised."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from core.state.paths import Change, join_path

if TYPE_CHECKING:
    from core.session import UserSession


def submission_key(session: UserSession, form_id: str) -> str:
    """Return the key of what is being entered now. The first one follows from session and form, so that tabs agree."""
    held = session.values.get(_path(form_id))
    if isinstance(held, str):
        return held
    return hashlib.sha256(join_path(session.session_id, form_id).encode()).hexdigest()[:32]


def next_submission(form_id: str) -> Change:
    """Return the change that makes what is entered from now on a submission of its own."""
    return Change(_path(form_id), secrets.token_hex(16))


def _path(form_id: str) -> str:
    return join_path("form", form_id, "key")
