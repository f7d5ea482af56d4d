"""One field."""

import streamlit as st

from core import ui
from core.router import page


@page(title="Today")
def today() -> None:
    st.title("Today")
    ui.text_input("Name", form="diary", field="name")
