"""The start page: the way back to where this person was, and the apps."""

from __future__ import annotations

import streamlit as st

from core import get_session_manager, ui
from core.discovery import PageSpec
from core.router import page, visible_pages
from core.session import NavigationEntry, UserSession
from core.session_manager import SessionManager

COLUMNS = 3


@page(title="Home", order=0)
def start() -> None:
    manager = get_session_manager()
    user, say = manager.identity.user, ui.words()
    pages = visible_pages()
    home, by_name = pages[0].name, {spec.name: spec for spec in pages}

    st.title(say("home.greeting", name=ui.plain(user.name)) if user else say("home.welcome"))

    _go_on(manager, by_name, home)

    st.subheader(say("home.apps"))
    first_pages = {
        spec.app_name: spec for spec in reversed(pages) if spec.name != home and spec.app_name != by_name[home].app_name
    }
    cells = st.columns(COLUMNS)
    for place, spec in enumerate(reversed(first_pages.values())):
        with cells[place % COLUMNS].container(border=True, key=f"card-{spec.name}", height="stretch"):
            st.markdown(f"#### {spec.app.icon} {say.title(spec.app.title)}")
            st.caption(say.title(spec.app.description))
            st.button(
                say("home.open"),
                key=f"open-{spec.name}",
                icon=":material/arrow_forward:",
                on_click=manager.navigate_to,
                args=(spec.name,),
            )


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
    return ", ".join(say.title(spec.app.title) for spec in specs)


def unfinished(session: UserSession, pages: dict[str, PageSpec]) -> list[PageSpec]:
    """Return the apps with entries in their main form, which has the app's name and is empty when the work is done."""
    return [spec for spec in pages.values() if spec.name == spec.app_name and session.form(spec.app_name).values]


def unsaved(session: UserSession, pages: dict[str, PageSpec]) -> list[PageSpec]:
    """Return those of them that wait for Save, because the person saves by themselves."""
    return [spec for spec in unfinished(session, pages) if session.unsaved_changes(spec.app_name)]


def last_visit(session: UserSession, pages: dict[str, PageSpec], home: str) -> NavigationEntry | None:
    """Return the page this tab was on before it came home."""
    places = (entry for entry in reversed(session.navigation_history) if entry.page in pages and entry.page != home)
    return next(places, None)
