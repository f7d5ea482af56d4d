"""The server of the pages whose runs do not end, or end otherwise than most."""

import streamlit as st

from core.web import lifespan, middleware, routes

app = st.App("main.py", lifespan=lifespan(load_pages=lambda: None), routes=routes(), middleware=middleware())
