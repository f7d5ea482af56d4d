"""The server of tests that need pages no app has: the project's own, with pages of its own."""

import streamlit as st

from core.ui.cards import not_done
from core.web import lifespan, middleware, routes, session_revocation

session_revocation.INTERVAL_SECONDS = 3600.0  # what counts here is a page's next event; test_open_pages needs none

app = st.App(
    "main.py",
    lifespan=lifespan(load_pages=dict),
    routes=routes(),
    middleware=middleware(),
    on_script_error=not_done,
)
