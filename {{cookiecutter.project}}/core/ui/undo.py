"""Undo and redo beside a form.

    from core import ui

    ui.undo_bar("profile")

What is undone was entered in any tab or on any device, before or after a reload. Ctrl+Z and Ctrl+Shift+Z (with Cmd on
a Mac) press the buttons unless the cursor is in a text field, where the browser undoes the typing itself.
"""

from __future__ import annotations

import streamlit as st

from core.session import UserSession
from core.session_manager import get_session_manager
from core.ui.keys import own_key
from core.ui.times import words


def undo_bar(form_id: str) -> None:
    """Show the buttons that undo and redo the edits of a form, each disabled where there is nothing for it to do."""
    session, say = get_session_manager().session, words()
    with st.container(horizontal=True, gap="small", key=own_key("history-buttons", form_id)):
        st.button(
            say("history.undo"),
            key=own_key("undo", form_id),
            icon=":material/undo:",
            type="tertiary",
            disabled=not session.can_undo(form_id),
            help=say("history.undo_help"),
            on_click=_undo,
            args=(session, form_id),
        )
        st.button(
            say("history.redo"),
            key=own_key("redo", form_id),
            icon=":material/redo:",
            type="tertiary",
            disabled=not session.can_redo(form_id),
            help=say("history.redo_help"),
            on_click=_redo,
            args=(session, form_id),
        )


def _undo(session: UserSession, form_id: str) -> None:
    session.undo(form_id)


def _redo(session: UserSession, form_id: str) -> None:
    session.redo(form_id)
