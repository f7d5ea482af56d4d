"""Streamlit's charts, with numbers and dates as the person writes them.

ui.altair_chart(alt.Chart(frame).mark_bar().encode(x="day:T", y="count:Q"), alt="Requests by day")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from core.ui.times import words

if TYPE_CHECKING:
    import altair as alt


def altair_chart(chart: alt.Chart, **options: Any) -> None:
    """Show a chart of Altair's. `options` are those of `st.altair_chart`."""
    st.altair_chart(chart.configure(locale=words().chart_locale()), **options)
