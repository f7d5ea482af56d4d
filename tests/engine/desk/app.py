"""The server of tests that need pages no app has: the project's own, with pages of its own."""

import streamlit as st

from core.ui.cards import not_done
from core.web import lifespan, middleware, routes, watch

watch.INTERVAL_SECONDS = 3600.0  # what counts here is the next event of a page; test_open_pages does without one

app = st.App(
    "main.py",
    lifespan=lifespan(load_pages=dict),
    routes=routes(),
    middleware=middleware(),
    on_script_error=not_done,
)
