"""The language of a run: what the person chose, else what their browser asks for, else English."""

from __future__ import annotations

import streamlit as st

from core.session import UserSession
from core.words import Words, spoken, words_in


def words_for(session: UserSession | None = None) -> Words:
    """The project's words for whoever has this session; before there is one, for their browser."""
    if session is not None and session.has_chosen("language"):
        return words_in(session.preferences.language)
    return words_in(spoken(st.context.locale))
