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
_ROWS = 120
"""Of a table; the newest come first."""


@page(title="Overview", icon=":material/insights:", order=1)
@requires("insights.read")
def overview() -> None:
    st.title(ui.words().title("Insights"))
    shown = _filtered(all_requests())
    if shown.empty:
        ui.empty_state(":material/filter_alt_off:", "Nothing matches", "Choose more sites or categories.")
        return
    _figures(shown)
    _over_time(shown, st.session_state[ui.widget_key(FILTERS, "grain")] or "Week")


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
            days = ui.slider("Days", first, last, (first, last), form=FILTERS, field="days", format="D MMM YYYY")
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
    with st.container(key="figures-insights"):
        st.metric("Requests", number(shown["count"].sum()), border=True)
        st.metric("Busiest site", str(shown.groupby("site")["count"].sum().idxmax()), border=True)


def _over_time(shown: pd.DataFrame, grain: str) -> None:
    st.subheader("Requests over time")
    totals = shown.groupby([pd.Grouper(key="day", freq=GRAINS[grain]), "site"], as_index=False)["count"].sum()
    of_one_year = totals["day"].dt.year.nunique() == 1
    days = alt.Axis(format="%-d %b" if of_one_year else "%b %Y", labelOverlap=True, tickCount=6)
    ui.altair_chart(
        alt.Chart(totals, height=280)
        .mark_bar(binSpacing=0)
        .encode(
            x=alt.X("yearweek(day):T" if grain == "Week" else "yearmonth(day):T", title=None, axis=days),
            y=alt.Y("count:Q", title=None, stack=True),
            color=alt.Color("site:N", title=None, sort=SITES, legend=alt.Legend(orient="top", columns=2)),
            tooltip=[
                alt.Tooltip("day:T", title="From", format="%-d %b %Y"),
                alt.Tooltip("site:N", title="Site"),
                alt.Tooltip("count:Q", title="Requests", format=","),
            ],
        ),
        alt=f"Requests by {grain.lower()} and site, as in the table below",
    )
    by_site = totals.pivot_table(index="day", columns="site", values="count", fill_value=0).sort_index(ascending=False)
    with st.expander("Requests over time as a table"):  # the same figures, written as the person writes numbers
        written = by_site.rename(index=lambda day: f"{day:%Y-%m-%d}").head(_ROWS)
        written = written.rename_axis(index="From", columns=None).reset_index()
        st.table(written.style.format(dict.fromkeys(by_site.columns, ui.words().number)), hide_index=True)
