"""The server of tests that need pages no app has: the project's own, with pages of its own."""

import streamlit as st

from core.ui.cards import not_done
from core.web import lifespan, middleware, routes

app = st.App(
    "main.py",
    lifespan=lifespan(load_pages=lambda: None),
    routes=routes(),
    middleware=middleware(),
    on_script_error=not_done,
)
