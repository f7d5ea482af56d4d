"""What the server runs: `streamlit run app.py`. The pages come from `main.py`."""

import streamlit as st

from core.discovery import discover
from core.ui.cards import not_kept
from core.web import lifespan, middleware, routes

app = st.App(
    "main.py",
    lifespan=lifespan(discover),
    routes=routes(),
    middleware=middleware(),
    on_script_error=not_kept,
)
