"""Requests over time and place."""

from functools import partial

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
    left, right = st.columns(2)
    with left:
        _by_category(shown)
    with right:
        _days_to_close(shown)


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
        st.metric("Days to close", number(shown["days_to_close"].mean(), 1), border=True)


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
    _as_table("Requests over time", by_site.rename(index=lambda day: f"{day:%Y-%m-%d}"), "From", 0)


def _by_category(shown: pd.DataFrame) -> None:
    st.subheader("By category")
    totals = shown.groupby("category", as_index=False)[["count"]].sum()
    ui.altair_chart(
        alt.Chart(totals, height=240)
        .mark_bar(cornerRadiusEnd=4)
        .encode(
            x=alt.X("count:Q", title=None, axis=alt.Axis(tickCount=4)),
            y=alt.Y("category:N", title=None, sort="-x"),
            tooltip=[
                alt.Tooltip("category:N", title="Category"),
                alt.Tooltip("count:Q", title="Requests", format=","),
            ],
        ),
        alt="Requests by category, as in the table below",
    )
    most_first = totals.sort_values("count", ascending=False).set_index("category")
    _as_table("By category", most_first.rename(columns={"count": "Requests"}), "Category", 0)


def _days_to_close(shown: pd.DataFrame) -> None:
    st.subheader("Days to close")
    means = shown.dropna(subset=["days_to_close"]).groupby(["category", "site"], as_index=False)["days_to_close"].mean()
    scale = alt.Legend(orient="bottom", direction="horizontal", gradientLength=140, labelOffset=6, tickCount=4)
    ui.altair_chart(
        alt.Chart(means, height=340)
        .mark_rect(cornerRadius=3)
        .encode(
            x=alt.X("site:N", title=None, sort=SITES, axis=alt.Axis(labelAngle=-35, labelOverlap=False)),
            y=alt.Y("category:N", title=None),
            color=alt.Color("days_to_close:Q", title="Days", legend=scale),
            tooltip=[
                alt.Tooltip("category:N", title="Category"),
                alt.Tooltip("site:N", title="Site"),
                alt.Tooltip("days_to_close:Q", title="Days", format=".1f"),
            ],
        ),
        alt="Days to close by category and site, as in the table below",
    )
    _as_table(
        "Days to close", means.pivot_table(index="category", columns="site", values="days_to_close"), "Category", 1
    )


def _as_table(title: str, figures: pd.DataFrame, name: str, digits: int) -> None:
    """Offer the same figures as a table, written as the person writes numbers."""
    with st.expander(f"{title} as a table"):
        written = figures.head(_ROWS).rename_axis(index=name, columns=None).reset_index()
        number = partial(ui.words().number, digits=digits)
        st.table(written.style.format(dict.fromkeys(figures.columns, number), na_rep="–"), hide_index=True)
