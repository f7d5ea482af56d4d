"""The sheet's server. With `SHEET_WITHOUT=ingress` it has only what Streamlit does by itself: a negative control."""

import atexit
import os
from contextlib import ExitStack
from datetime import datetime, timedelta

import streamlit as st

from core.clock import SystemClock
from core.services import build_services, use_services
from core.settings import get_settings
from core.ui.cards import not_done
from core.web import lifespan, middleware, routes
from core.web.ingress import IngressMiddleware

AHEAD = timedelta(seconds=float(os.environ.get("SHEET_AHEAD_SECONDS", "0")))


class ClockAhead(SystemClock):
    """The machine's clocks, the one on the wall set forward or back. Served for a project, `tests` is the project's."""

    def now(self) -> datetime:
        return super().now() + AHEAD


if AHEAD:
    to_the_end = ExitStack()
    to_the_end.enter_context(use_services(build_services(get_settings(), ClockAhead())))
    atexit.register(to_the_end.close)

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
