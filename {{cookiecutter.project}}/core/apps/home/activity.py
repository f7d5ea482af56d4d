"""Recent activity of a person, read from their session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from core import ui
from core.discovery import PageSpec
from core.session import NavigationEntry, UserSession
from core.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that was done."""

    icon: str
    text: str
    at: datetime


def recent_activity(session: UserSession, pages: dict[str, PageSpec], limit: int = 6) -> list[Event]:
    """The latest saves, snapshots and visits, newest first."""
    return sorted(_events(session, pages, ui.words()), key=lambda event: event.at, reverse=True)[:limit]


def unfinished(session: UserSession, pages: dict[str, PageSpec]) -> list[PageSpec]:
    """The apps with entries in their main form, which bears the app's name: it is emptied when the work is done."""
    return [spec for spec in pages.values() if spec.name == spec.app and session.form(spec.app).values]


def unsaved(session: UserSession, pages: dict[str, PageSpec]) -> list[PageSpec]:
    """Those of them that wait for Save, because the person saves by themselves."""
    return [spec for spec in unfinished(session, pages) if session.unsaved_changes(spec.app)]


def last_visit(session: UserSession, pages: dict[str, PageSpec], home: str) -> NavigationEntry | None:
    """Return the page this tab was on before it came home."""
    places = (entry for entry in reversed(session.navigation_history) if entry.page in pages and entry.page != home)
    return next(places, None)


def _events(session: UserSession, pages: dict[str, PageSpec], say: Words) -> Iterator[Event]:
    for form_id, form in session.form_states.items():
        if form.saved_at:
            yield Event(icon=":material/save:", text=say("home.saved", form=form_id), at=form.saved_at)
        for snapshot in form.snapshots:
            text = say("home.kept", name=say.title(snapshot.description) or say("home.snapshot"), form=form_id)
            yield Event(icon=":material/bookmark:", text=text, at=snapshot.timestamp)
    latest = {entry.page: entry for entry in session.navigation_history}
    for entry in latest.values():
        if entry.page in pages:
            text = say("home.opened", page=say.title(pages[entry.page].full_title))
            yield Event(icon=pages[entry.page].icon, text=text, at=entry.timestamp)
