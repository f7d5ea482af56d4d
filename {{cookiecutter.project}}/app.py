"""What the server runs: `streamlit run app.py`. The pages come from `main.py`."""

import streamlit as st

from core.web import lifespan, middleware, routes

app = st.App("main.py", lifespan=lifespan, routes=routes(), middleware=middleware())
