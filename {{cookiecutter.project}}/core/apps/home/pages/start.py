"""The launcher."""

import streamlit as st

from core import get_session_manager, ui
from core.apps.home.activity import last_visit, recent_activity, unfinished, unsaved
from core.discovery import PageSpec
from core.router import page, visible_pages
from core.services import get_services
from core.session_manager import SessionManager

COLUMNS = 3


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
