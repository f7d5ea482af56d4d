"""The project's server, with the apps of the tests beside its own: `streamlit run tests/engine/with_diary.py`."""

import streamlit as st

import apps
from core.pages import load_pages
from core.settings import PROJECT_ROOT
from core.ui.cards import not_done
from core.web import lifespan, middleware, routes
from tests.engine import HERE

apps.__path__.append(str(HERE / "apps"))

app = st.App(
    PROJECT_ROOT / "main.py",
    lifespan=lifespan(load_pages),
    routes=routes(),
    middleware=middleware(),
    on_script_error=not_done,
)
