"""The sheet's server. With `SHEET_WITHOUT=ingress` it has only what Streamlit does by itself: a negative control."""

import os

import streamlit as st

from core.ui.cards import not_done
from core.web import lifespan, middleware, routes
from core.web.ingress import IngressMiddleware

without = os.environ.get("SHEET_WITHOUT", "").split(",")
layers = [
    layer
    for layer in middleware()
    if "ingress" not in without or getattr(layer.cls, "__name__", "") != IngressMiddleware.__name__
]

app = st.App(
    "main.py",
    lifespan=lifespan(load_pages=dict),  # there is none in `apps/`
    routes=routes(),
    middleware=layers,
    on_script_error=not_done,
)
