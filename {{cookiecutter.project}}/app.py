"""The server: `streamlit run app.py`. The pages come from `main.py`."""

import streamlit as st

from core.pages import load_pages
from core.ui.cards import not_done
from core.web import lifespan, middleware, routes

app = st.App(
    "main.py",
    lifespan=lifespan(load_pages),
    routes=routes(),
    middleware=middleware(),
    on_script_error=not_done,
)
