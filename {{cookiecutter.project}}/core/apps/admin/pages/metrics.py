"""Metrics: how much the project is used, by day and by page."""

from datetime import date, timedelta

import pandas as pd
import streamlit as st

from core import ui
from core.apps.admin import charts, usage
from core.discovery import discover
from core.permissions import requires
from core.router import page
from core.services import Services, get_services
from core.storage.database import reachable

RANGES = {"7 days": 7, "30 days": 30, "90 days": 90, "A year": 365}
_TAKEN_IN = 50
"""Sessions taken in when the page is opened, so that a small project sees its figures at once."""


@page(title="Metrics", icon=":material/monitoring:", order=5)
@requires("admin.metrics")
def metrics() -> None:
    services = get_services()
    st.title(ui.words().title("Metrics"))
    chosen = st.segmented_control("Shown", list(RANGES), default="30 days", required=True, label_visibility="collapsed")
    last = services.clock.now().date()
    first = last - timedelta(days=RANGES[chosen or "30 days"] - 1)
    frame = _frame(services, first)
    if frame.empty:
        ui.empty_state(":material/monitoring:", "No activity yet", "What people do is counted by day and shown here.")
        return
    days = usage.by_day(frame, first, last)
    _figures(days)
    _over_time(days)
    _by_page(frame)
    st.caption(
        "Days are those of UTC. What was done is added up every ten minutes, and some of it when this page is opened. "
        "Only numbers are kept for good: who did what is forgotten after forty days, and at once with a deleted person."
    )


def _frame(services: Services, first: date) -> pd.DataFrame:
    with services.accounts.hurry, reachable():
        services.activity.take_in(_TAKEN_IN)
        services.activity.add_up()
        return usage.frame_of(services.activity.days(first))


def _figures(days: pd.DataFrame) -> None:
    number = ui.words().number
    working = days[days["people"] > 0]
    with st.container(key="figures-metrics"):
        st.metric("People active today", number(days["people"].iloc[-1]), border=True)
        average = "On average, over the days on which anybody was here"
        st.metric("People a day", number(working["people"].mean(), 1), border=True, help=average)
        st.metric("Page views", number(days["page_views"].sum()), border=True)
        st.metric("Entries", number(days["interactions"].sum()), border=True)
        st.metric("Hours at work", number(days["hours"].sum(), 1), border=True)


def _over_time(days: pd.DataFrame) -> None:
    charts.by_day(
        "People active",
        days,
        {"people": "People"},
        means="Who opened a page or entered something that day. Somebody who isn't signed in counts once per browser.",
        summed=False,
    )
    charts.by_day(
        "What they did",
        days,
        {"page_views": "Page views", "interactions": "Entries"},
        means="An entry is one change of a field, an undo, a save. A page that is only loaded anew is no new view.",
    )
    charts.by_day(
        "Minutes at work per person",
        days,
        {"minutes_each": "Minutes"},
        means="The time between one thing done and the next in the same tab, as long as no more than five minutes went "
        "by. Reading on without doing anything isn't seen, so the truth is rather more.",
        summed=False,
    )


def _by_page(frame: pd.DataFrame) -> None:
    pages = {spec.name: spec for spec in discover()}
    kind = st.segmented_control(
        "By", ["Pages", "Apps"], default="Pages", required=True, label_visibility="collapsed", key="admin-metrics-by"
    )
    totals = usage.by_page(frame, pages, apps=kind == "Apps")
    if totals.empty:
        return
    charts.bars(
        f"Page views by {'app' if kind == 'Apps' else 'page'}",
        totals.head(15),
        "title",
        "page_views",
        "Page views",
        means="In the time chosen above, the most seen first; the table has entries and hours, too.",
    )
    names = {"title": str(kind)[:-1], "page_views": "Page views", "interactions": "Entries", "hours": "Hours at work"}
    charts.table(totals.rename(columns=names))
