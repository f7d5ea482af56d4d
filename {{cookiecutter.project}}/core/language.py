"""The language of a run: what the person chose, else what their browser asks for, else English."""

from __future__ import annotations

import streamlit as st

from core.session import UserSession
from core.words import Words, spoken, words_in

_MARK = "export default ({ data }) => { document.documentElement.lang = data.language; };"


def mark_page(language: str) -> None:
    """Tell the browser, and so a screen reader, in which language a page is that has no browser component yet."""
    component = st.components.v2.component("keep_language", js=_MARK)
    with st.container(key="keep-language", height=1, border=False):
        component(key="keep-language-mark", data={"language": language})


def words_for(session: UserSession | None = None) -> Words:
    """The project's words for whoever has this session; before there is one, for their browser."""
    if session is not None and session.has_chosen("language"):
        return words_in(session.preferences.language)
    return words_in(spoken(st.context.locale))
