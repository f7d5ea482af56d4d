"""Restored drafts: those that a page shows after it was loaded anew, and that nobody entered on it."""

from __future__ import annotations

from dataclasses import dataclass

from core.clock import NO_STAMP
from core.session import Change, UserSession
from core.state.paths import field_path, join_path
from core.typed_text import current_draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The drafts of one form that came back; `stamp` is that of the last edit."""

    form: str
    fields: frozenset[str]
    stamp: str


def came_back(session: UserSession, form_id: str, *, opened_at: str, announced: str) -> Restored | None:
    """Return what a page opened at a stamp has back of a form, None if there is nothing new to say.

    Nothing new are drafts up to the stamp `announced`, and a form in which somebody has gone on since.
    """
    fields = session.form(form_id).changes
    newest = max((_stamp(session, form_id, name) for name in fields), default=NO_STAMP)
    if newest <= announced or entered_since(session, form_id, opened_at):
        return None
    return Restored(form=form_id, fields=fields, stamp=newest)


def entered_since(session: UserSession, form_id: str, stamp: str) -> bool:
    """Return whether a field was edited after a stamp. Text that an earlier page still had to send is no edit."""
    return any(
        _stamp(session, form_id, name) > stamp and not _left_behind(session, form_id, name)
        for name in session.form(form_id).values
    )


def announced(session: UserSession, form_id: str) -> str:
    """Up to which stamp the person was told, on any page, that drafts of a form are back."""
    return str(session.values.get(_path(form_id), NO_STAMP))


def note_announced(session: UserSession, form_id: str) -> None:
    """Remember that the person was told of all that is in a form now."""
    newest = max((_stamp(session, form_id, name) for name in session.form(form_id).values), default=NO_STAMP)
    if newest > announced(session, form_id):
        session.commit([Change(_path(form_id), newest)])


def _path(form_id: str) -> str:
    return join_path("restored", form_id)


def _stamp(session: UserSession, form_id: str, name: str) -> str:
    return session.stamps.get(field_path(form_id, name), NO_STAMP)


def _left_behind(session: UserSession, form_id: str, name: str) -> bool:
    note = current_draft(session, form_id, name)
    return note is not None and not note.on_screen
