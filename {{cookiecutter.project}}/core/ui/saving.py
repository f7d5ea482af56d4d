"""The bar under a form for those who save by themselves: how much waits, Save, and the way back."""

from __future__ import annotations

import streamlit as st

from core.session_manager import SessionManager, get_session_manager
from core.ui.times import words


def save_bar(form: str) -> None:
    """Show where auto-save is off how many changes of a form wait for Save. Shows nothing where it is on."""
    manager = get_session_manager()
    if manager.session.preferences.auto_save:
        return
    say, count = words(), len(manager.session.unsaved_changes(form))
    with st.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", key=f"keep-saving-{form}"
    ):
        text = say("saving.waiting", n=count) if count else say("saving.none")
        st.markdown(f":material/edit: **{text}**" if count else f":gray[:material/check: {text}]", width="stretch")
        st.button(
            say("saving.discard"),
            key=f"keep-saving-discard-{form}",
            type="tertiary",
            disabled=not count,
            on_click=_discard,
            args=(manager, form),
        )
        st.button(
            say("saving.save"),
            key=f"keep-saving-save-{form}",
            disabled=not count,
            on_click=_save,
            args=(manager, form),
        )


def _discard(manager: SessionManager, form: str) -> None:
    manager.session.discard_drafts(form)


def _save(manager: SessionManager, form: str) -> None:
    manager.save_form(form, manager.session.form(form).values)
