"""A page that follows along while somebody works on the same thing in another tab or on another device."""

from __future__ import annotations

import streamlit as st

from core.session_manager import get_session_manager


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
