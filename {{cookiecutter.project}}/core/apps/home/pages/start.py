"""The start page: where this person was, the apps, and their recent activity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from core import get_session_manager, ui
from core.discovery import PageSpec
from core.router import page, visible_pages
from core.services import get_services
from core.session import NavigationEntry, UserSession
from core.session_manager import SessionManager
from core.words import Words

COLUMNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that was done."""

    icon: str
    text: str
    at: datetime


@page(title="Home", order=0)
def start() -> None:
    manager = get_session_manager()
    session, user, say = manager.session, manager.identity.user, ui.words()
    pages = visible_pages()
    home, by_name = pages[0].name, {spec.name: spec for spec in pages}

    st.title(say("home.greeting", name=ui.plain(user.name)) if user else say("home.welcome"))

    _go_on(manager, by_name, home)

    st.subheader(say("home.apps"))
    first_pages = {spec.app: spec for spec in reversed(pages) if spec.name != home and spec.app != by_name[home].app}
    cells = st.columns(COLUMNS)
    for place, spec in enumerate(reversed(first_pages.values())):
        with cells[place % COLUMNS].container(border=True, key=f"card-{spec.name}", height="stretch"):
            st.markdown(f"#### {spec.app_icon} {say.title(spec.app_title)}")
            st.caption(spec.app_description)
            st.button(
                say("home.open"),
                key=f"open-{spec.name}",
                icon=":material/arrow_forward:",
                on_click=manager.navigate_to,
                args=(spec.name,),
            )

    st.subheader(say("home.activity"))
    events = recent_activity(session, by_name)
    if not events:
        ui.empty_state(":material/schedule:", say("home.nothing"), say("home.nothing_text"))
    now = get_services().clock.now()
    for event in events:
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.markdown(f"{event.icon} {ui.plain(event.text)}", width="content")
            st.caption(ui.ago(event.at, now), width="content")


def _go_on(manager: SessionManager, pages: dict[str, PageSpec], home: str) -> None:
    """Offer the way back: to where this tab was, else to a form that was begun."""
    say = ui.words()
    last, drafts = last_visit(manager.session, pages, home), unfinished(manager.session, pages)
    if last is not None:
        text = say("home.you_were", page=say.title(pages[last.page].full_title))
        page_name, params = last.page, dict(last.params)
    elif drafts:
        text, page_name, params = "", drafts[0].name, {}
    else:
        return
    if drafts:
        text += " " + say("home.begun", apps=_named(drafts))
    if waiting := unsaved(manager.session, pages):
        text += " " + say("home.unsaved", apps=_named(waiting))
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="card-continue"):
        st.markdown(f":material/history: {text}", width="stretch")
        st.button(
            say("home.continue"),
            icon=":material/arrow_forward:",
            type="primary",
            on_click=manager.navigate_to,
            args=(page_name, params),
        )


def _named(specs: list[PageSpec]) -> str:
    say = ui.words()
    return ", ".join(say.title(spec.app_title) for spec in specs)


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
