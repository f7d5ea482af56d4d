"""Streamlit's tabs and expanders, which are open again after a reload as they were left.

    from core import ui

    figures, notes = ui.tabs(["Figures", "Notes"], key="report")
    with ui.expander("Details", key="details"):
        ...

The browser's tab remembers it, by page and key. Until the browser has named its tab, which takes a moment after a
reload, what was opened last in any tab stands in. Each click runs the script, as with Streamlit's `on_change="rerun"`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.session import Change
from core.session_manager import SessionManager, get_session_manager
from core.state.paths import join_path, split_path

_SHOWN_KEY = "_keep_opened"
"""Per page and key, in `st.session_state`: which tab's memory the widget shows."""

_CHOSEN = ""
"""Stands for a tab whose name isn't known yet, where somebody has already opened or closed the widget."""


def tabs(tabs: Sequence[str], *, key: str, **options: Any) -> Sequence[DeltaGenerator]:
    """Show `st.tabs`, with the one that was open. `options` are Streamlit's, without `on_change` and `bind`."""
    keep = _restored(key, lambda label: label in tabs)
    return st.tabs(tabs, key=key, on_change=keep, **options)


def expander(label: str, expanded: bool = False, *, key: str, **options: Any) -> DeltaGenerator:
    """Show `st.expander`, open if it was. `options` are Streamlit's, without `on_change` and `bind`."""
    keep = _restored(key, lambda value: isinstance(value, bool))
    return st.expander(label, expanded, key=key, on_change=keep, **options)


def _restored(key: str, fits: Callable[[Any], bool]) -> Callable[[], None]:
    """Put the widget back where it was; return what keeps its changes."""
    manager = get_session_manager()
    session, page = manager.session, manager.page
    manager.live.note_own(key)
    shown: dict[tuple[str, str], str | None] = st.session_state.setdefault(_SHOWN_KEY, {})

    def keep() -> None:
        if session.tab_id is not None:
            session.commit([Change(_path(session.tab_id, page, key), st.session_state[key])])
        shown[page, key] = session.tab_id or _CHOSEN

    is_new = key not in st.session_state
    if not is_new and shown.get((page, key)) == _CHOSEN:
        keep()
    elif is_new or (shown.get((page, key)) is None and session.tab_id is not None):
        value = _remembered(manager, page, key)
        if value is not None and fits(value):
            st.session_state[key] = value
        shown[page, key] = session.tab_id
    return keep


def _remembered(manager: SessionManager, page: str, key: str) -> Any:
    session = manager.session
    if session.tab_id is not None:
        return session.values.get(_path(session.tab_id, page, key))
    ending = split_path(_path("", page, key))[2:]
    with session.lock:
        found = [path for path in session.values if path.startswith("tab/") and split_path(path)[2:] == ending]
        return session.values[max(found, key=lambda path: session.stamps.get(path, ""))] if found else None


def _path(tab: str, page: str, key: str) -> str:
    return join_path("tab", tab, "open", page, key)
