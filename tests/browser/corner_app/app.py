"""The server of the pages whose corner is watched."""

import streamlit as st

from core.web import lifespan, middleware, routes

app = st.App("main.py", lifespan=lifespan(load_pages=lambda: None), routes=routes(), middleware=middleware())
