"""Give the browser a new session cookie, at sign-in, sign-out and change of rights.

The cookie can't be set by a script run, and shall not be readable by the page. So the run gives the page a one-time
ticket, the page's script exchanges it at a route that answers with the cookie, and the page is loaded anew. Everything
that belonged to whoever was there before goes with the old page and its Streamlit session.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.language import words_for
from core.streamlit_compat.server import component_script
from core.web.address import app_folder

_SCRIPT = Path(__file__).with_name("token_rotation.js")
_STYLE = "margin: 1rem 0; text-align: center; font-family: var(--st-font); color: var(--st-text-color)"
_HTML = f'<p role="status" style="{_STYLE}"></p>'


def rotate_token(
    ticket: str, *, message: str, clear: bool = False, signed_out: bool = False, then: str | None = None
) -> None:
    """Put the exchange on the page; call `st.stop()` after it.

    `message` is shown meanwhile. `clear` removes what the page kept in the browser's storage, except what was typed
    and not sent yet; when somebody has signed out, that goes as well. `then` is where to go afterwards, relative to the
    app's address; without it the same page is loaded anew.
    """
    component = st.components.v2.component("keep_token_rotation", html=_HTML, js=component_script(_SCRIPT))
    say = words_for()
    data = {
        "ticket": ticket,
        "message": message,
        "clear": clear,
        "signed_out": signed_out,
        "then": then,
        "base": app_folder(),
        "words": {
            "no_cookie": say("auth.no_cookie"),
            "away": say("auth.exchange_away"),
            "refused": say("auth.exchange_refused"),
        },
    }
    component(key="keep-token-rotation", data=data)
