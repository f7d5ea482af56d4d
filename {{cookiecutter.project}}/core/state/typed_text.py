"""Notes of a tab about the last text it posted for a field.

A typed text is stored at the field's own path, so that every tab and device finds it. Beside it, in the tab's part of
the session, this note says which of the tab's posts it was, so that a late or repeated one changes nothing, and what
the field became by it, so that the tab it was typed in isn't shown its own text as if somebody else had entered it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.clock import NO_STAMP
from core.state import undo
from core.state.paths import REMOVED, Change, field_path, join_path

if TYPE_CHECKING:
    from core.session import UserSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The last text a tab posted for a field."""

    number: int
    """Counts the tab's posts; a later text has a greater one."""
    digest: str
    """Of the value as it is stored, see `digest_of`."""
    on_screen: bool
    """True if the page shows the text; a page loaded anew may post what the one before it left behind."""
    sent: bool = False
    """True if the text was sent, as a chat message or with a form that is cleared, and is no draft any more."""
    widget: str = field(default="", compare=False)
    """The id of the widget it was typed into, by which it is told from another one of the same field."""
    edit_id: str = field(default="", compare=False)
    """The edit that the typing belongs to."""

    def to_dict(self) -> dict[str, Any]:
        note: dict[str, Any] = {
            "number": self.number,
            "digest": self.digest,
            "on_screen": self.on_screen,
            "step": self.edit_id,
        }
        if self.widget:
            note["widget"] = self.widget
        if self.sent:
            note["sent"] = True
        return note

    @classmethod
    def parse(cls, value: object) -> Draft | None:
        """Return a stored note; None for anything else."""
        match value:
            case {"number": int(number), "digest": str(digest), "on_screen": bool(on_screen), **more}:
                sent, edit_id, widget = more.get("sent") is True, str(more.get("step", "")), str(more.get("widget", ""))
                return cls(number=number, digest=digest, on_screen=on_screen, sent=sent, edit_id=edit_id, widget=widget)
            case _:
                return None


@lru_cache(maxsize=10_000)
def draft_path(tab: str, form: str, field: str) -> str:
    """Return the path of a tab's note about a field."""
    return join_path("tab", tab, "draft", form, field)


def digest_of(value: Any) -> str:
    """Return 16 hex digits for a text, a number or None, by which two of them can be compared."""
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def last_draft(session: UserSession, form_id: str, name: str, *, tab: str = "") -> Draft | None:
    """Return the note of this tab, or of `tab`, about the last text it posted for a field."""
    return Draft.parse(session.values.get(draft_path(tab or session.tab_id or "", form_id, name)))


def current_draft(session: UserSession, form_id: str, name: str) -> Draft | None:
    """Return this tab's note about a field, if the field still holds that text and nobody entered anything since."""
    note, held = last_draft(session, form_id, name), session.form(form_id).values.get(name, REMOVED)
    if note is None or held is REMOVED or note.digest != digest_of(held):
        return None
    noted = session.stamps.get(draft_path(session.tab_id or "", form_id, name), NO_STAMP)
    return note if noted >= session.stamps.get(field_path(form_id, name), NO_STAMP) else None


def send_fields(session: UserSession, values: Mapping[tuple[str, str], Any], *, tab: str = "") -> None:
    """Empty fields, by form and name, whose values were sent: with a form that is cleared, or as a chat message.

    The browser may still post such a text, late or from the page that is loaded next. A note says that it was sent,
    from this tab, or from `tab` where this view of the session doesn't know its own yet.
    """
    tab = session.tab_id or tab
    with session.lock:
        changes: list[Change] = []
        for (form_id, name), value in values.items():
            path = field_path(form_id, name)
            emptied = undo.edit(session, form_id, {name: REMOVED})
            # The field gets a stamp in any case: by that a later text is told from this one.
            changes += emptied if any(change.path == path for change in emptied) else [Change(path, REMOVED)]
            if tab and (value is None or isinstance(value, str | int | float)):
                note = last_draft(session, form_id, name, tab=tab)
                sent = Draft(number=note.number if note else 0, digest=digest_of(value), on_screen=True, sent=True)
                changes.append(Change(draft_path(tab, form_id, name), sent.to_dict()))
        session.commit(changes, counting="interactions")
