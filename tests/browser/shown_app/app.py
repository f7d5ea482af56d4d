"""The server of the page whose fields come and go."""

import streamlit as st

from core.web import lifespan, middleware, routes

app = st.App("main.py", lifespan=lifespan(load_pages=lambda: None), routes=routes(), middleware=middleware())
