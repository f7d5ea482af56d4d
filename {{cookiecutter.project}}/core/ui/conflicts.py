"""A form that is open in several tabs or on several devices: following it live, and choosing where entries conflict.

from core import ui

ui.live_refresh()
ui.conflict_notice("profile")
"""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from core.services import get_services
from core.session_manager import SessionManager, get_session_manager
from core.state import undo
from core.state.edits import Conflict
from core.ui.format_value import format_value
from core.ui.keys import own_key
from core.ui.times import clock_time, words
from core.words import Words

_AT_ONCE = 5
"""Conflicts that are shown; the next ones follow when these are decided."""


def live_refresh(seconds: float = 2) -> None:
    """Run the page again when another tab or device changed something; looks for it every few seconds.

    Looking costs two small queries and no run of the page. Without it a tab learns of changes at its next run. A run of
    the page closes a dialog: while one is open, the page waits.
    """

    @st.fragment(run_every=seconds)
    def look() -> None:
        manager = get_session_manager()
        if not manager.live.has_dialog and manager.has_news():
            st.rerun(scope="app")

    look()


def conflict_notice(form_id: str) -> None:
    """Show what two tabs or devices entered in the same field without knowing of each other, and let the person choose.

    The later entry is what the field holds. Shows nothing where there is nothing to choose.
    """
    manager, say = get_session_manager(), words()
    conflicts = manager.show_conflicts(form_id)
    # Its place is there in any case: one that comes between others moves those, and builds anew what is typed into.
    place = st.container(key=own_key("conflicts", form_id))
    if not conflicts:
        return
    with place.container(border=True):
        labels = dict.fromkeys(manager.label_of(form_id, conflict.field) for conflict in conflicts)
        fields = ", ".join(say("conflict.label", field=label) for label in labels)
        st.warning(say("conflict.title", fields=fields), icon=":material/call_split:")
        for conflict in conflicts[:_AT_ONCE]:
            _choice(manager, form_id, conflict, say)
        if len(conflicts) > _AT_ONCE:
            st.caption(say("conflict.more", n=len(conflicts) - _AT_ONCE))


def _choice(manager: SessionManager, form_id: str, conflict: Conflict, say: Words) -> None:
    session, label = manager.session, manager.label_of(form_id, conflict.field)
    name = (form_id, conflict.field, conflict.stamp)
    left, right = st.columns(2)
    with left:
        where = _where(manager, conflict.current_tab, conflict.current_device, say)
        st.caption(_place(say("conflict.now", field=label), where, conflict.current_at))
        st.text(format_value(conflict.current, say))
        st.button(
            say("conflict.keep"),
            key=own_key("conflict-keep", *name),
            icon=":material/check:",
            on_click=session.keep_current,
            args=(form_id, conflict),
        )
    with right:
        where = _where(manager, conflict.tab, conflict.device, say)
        st.caption(_place(say("conflict.also", field=label), where, conflict.at))
        st.text(format_value(conflict.value, say))
        st.button(
            say("conflict.take"),
            key=own_key("conflict-take", *name),
            icon=":material/swap_horiz:",
            on_click=session.take_lost,
            args=(form_id, conflict),
        )


def _where(manager: SessionManager, tab: str, device: str, say: Words) -> str:
    if not tab:
        return ""
    if tab == undo.author(manager.session):
        return say("conflict.here")
    return say("conflict.other_tab") if device in ("", manager.session.device) else say("conflict.device", name=device)


def _place(title: str, where: str, at: datetime | None) -> str:
    when = clock_time(at, get_services().clock.now()) if at else ""
    told = " · ".join(part for part in (where, when) if part)
    return f"**{title}**  \n{told}" if told else f"**{title}**"
