"""The text of a page: the language of a run, and text from outside as it reads.

st.markdown(f"**{ui.plain(user.name)}** asks for {ui.plain(request.reason)}")
"""

from __future__ import annotations

import re

import streamlit as st

from core.session import UserSession
from core.words import Words, spoken, words_in

_MARK = "export default ({ data }) => { document.documentElement.lang = data.language; };"
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")
_LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
"""Places at which Markdown recognises an address in spite of a backslash; a character of no width goes there."""
_NO_ROOM = "\u2060"


def mark_page(language: str) -> None:
    """Tell the browser, and so a screen reader, in which language a page is that has no browser component yet."""
    component = st.components.v2.component("keep_language", js=_MARK)
    with st.container(key="keep-language", height=1, border=False):
        component(key="keep-language-mark", data={"language": language})


def words_for(session: UserSession | None = None) -> Words:
    """Return the words in the language that the person chose, else their browser asks for, else English."""
    if session is not None and session.has_chosen("language"):
        return words_in(session.preferences.language)
    return words_in(spoken(st.context.locale))


def plain(text: str) -> str:
    """Return text from outside so that Streamlit shows it as it reads: without formatting, links or pictures.

    Labels, messages and captions are formatted, too; `st.text` takes a whole text as it is.
    """
    return _SPECIAL.sub(r"\\\1", _LINKED.sub(_NO_ROOM, text))
