"""Requests over time and place."""

import altair as alt
import pandas as pd
import streamlit as st

from apps.insights.data import all_requests
from apps.intake.requests import CATEGORIES, SITES
from core import ui
from core.permissions import requires
from core.router import page

FILTERS = "insights-filters"
GRAINS = {"Week": "W-MON", "Month": "MS"}


@page(title="Overview", icon=":material/insights:", order=1)
@requires("insights.read")
def overview() -> None:
    st.title("Insights")
    shown = _filtered(all_requests())
    if shown.empty:
        ui.empty_state(":material/filter_alt_off:", "Nothing matches", "Choose more sites or categories.")
        return
    _figures(shown)
    st.subheader("Requests over time")
    st.altair_chart(_over_time(shown, GRAINS[st.session_state[ui.widget_key(FILTERS, "grain")] or "Week"]))
    left, right = st.columns(2)
    with left:
        st.subheader("By category")
        st.altair_chart(_by_category(shown))
    with right:
        st.subheader("Days to close")
        st.altair_chart(_days_to_close(shown))


def _filtered(requests: pd.DataFrame) -> pd.DataFrame:
    ui.restore_quietly(FILTERS)
    first, last = requests["day"].min().date(), requests["day"].max().date()
    with st.container(border=True, key="insights-filters"):
        left, middle, right = st.columns([3, 3, 2])
        with left:
            sites = ui.pills(
                "Sites", SITES, selection_mode="multi", default=SITES, wrap=True, form=FILTERS, field="sites"
            )
        with middle:
            days = ui.slider("Days", first, last, (first, last), form=FILTERS, field="days", format="D MMM")
        with right:
            ui.segmented_control("Grouped by", list(GRAINS), default="Week", form=FILTERS, field="grain")
        categories = ui.multiselect(
            "Categories", CATEGORIES, form=FILTERS, field="categories", placeholder="All categories"
        )
    within = requests["day"].between(pd.Timestamp(days[0]), pd.Timestamp(days[1]))
    chosen = requests["category"].isin(categories or CATEGORIES) & requests["site"].isin(sites)
    return requests[within & chosen]


def _figures(shown: pd.DataFrame) -> None:
    number = ui.words().number
    with st.container(horizontal=True):
        st.metric("Requests", number(shown["count"].sum()), border=True)
        st.metric("Busiest site", shown.groupby("site")["count"].sum().idxmax(), border=True)
        st.metric("Days to close", number(shown["days_to_close"].mean(), 1), border=True)


def _over_time(shown: pd.DataFrame, grain: str) -> alt.Chart:
    totals = shown.groupby([pd.Grouper(key="day", freq=grain), "site"], as_index=False)["count"].sum()
    return (
        alt.Chart(totals, height=280)
        .mark_bar()
        .encode(
            x=alt.X(
                "yearweek(day):T" if grain == GRAINS["Week"] else "yearmonth(day):T",
                title=None,
                axis=alt.Axis(format="%d %b"),
            ),
            y=alt.Y("count:Q", title=None, stack=True),
            color=alt.Color("site:N", title=None, sort=SITES, legend=alt.Legend(orient="top")),
            tooltip=[alt.Tooltip("day:T", title="From"), alt.Tooltip("site:N"), alt.Tooltip("count:Q")],
        )
    )


def _by_category(shown: pd.DataFrame) -> alt.Chart:
    totals = shown.groupby("category", as_index=False)["count"].sum()
    return (
        alt.Chart(totals, height=240)
        .mark_bar(cornerRadiusEnd=4)
        .encode(
            x=alt.X("count:Q", title=None),
            y=alt.Y("category:N", title=None, sort="-x"),
            tooltip=[alt.Tooltip("category:N"), alt.Tooltip("count:Q")],
        )
    )


def _days_to_close(shown: pd.DataFrame) -> alt.Chart:
    means = shown.dropna(subset=["days_to_close"]).groupby(["category", "site"], as_index=False)["days_to_close"].mean()
    return (
        alt.Chart(means, height=240)
        .mark_rect(cornerRadius=3)
        .encode(
            x=alt.X("site:N", title=None, sort=SITES, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("category:N", title=None),
            color=alt.Color("days_to_close:Q", title="days", legend=alt.Legend(orient="right")),
            tooltip=["category:N", "site:N", alt.Tooltip("days_to_close:Q", format=".1f")],
        )
    )
