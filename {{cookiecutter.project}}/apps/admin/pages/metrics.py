"""Metrics: how much is going on, and whether all of it is kept."""

import altair as alt
import pandas as pd
import streamlit as st

from core import ui
from core.paths import split_path
from core.permissions import requires
from core.router import page
from core.services import Services, get_services

KINDS = {"page_views": "Page views", "interactions": "Entries"}


@page(title="Metrics", icon=":material/monitoring:", order=4)
@requires("admin.metrics")
def metrics() -> None:
    services = get_services()
    st.title("Metrics")
    _health(services)
    activity = _activity(services)
    if activity.empty:
        ui.empty_state(":material/monitoring:", "No activity yet", "What people do is counted by day and shown here.")
        return
    st.subheader("Activity by day")
    chart = alt.Chart(activity.melt("day", list(KINDS.values()), "kind", "count"), height=280)
    st.altair_chart(
        chart.mark_bar(cornerRadiusEnd=3).encode(
            x=alt.X("yearmonthdate(day):O", title=None, axis=alt.Axis(labelAngle=0, format="%d %b")),
            y=alt.Y("count:Q", title=None),
            xOffset=alt.XOffset("kind:N"),
            color=alt.Color("kind:N", title=None, legend=alt.Legend(orient="top")),
            tooltip=[alt.Tooltip("day:T"), "kind:N", "count:Q"],
        )
    )


def _health(services: Services) -> None:
    status, number = services.engine.status(), ui.words().number
    with st.container(horizontal=True):
        st.metric("Sessions", number(services.store.count()), border=True)
        st.metric("Browsers signed in", number(len(services.accounts.live_tokens())), border=True)
        st.metric(
            "Edits on their way",
            number(status.pending),
            border=True,
            help="Safe in the journal, not yet in the database",
        )
        flushed = ui.ago(status.last_flush, services.clock.now()) if status.last_flush else "not yet"
        st.metric("Last flush", flushed, border=True)
    if status.journal_error:
        st.error(f"The journal took no edit the last time: {status.journal_error}", icon=":material/error:")
    if status.last_error:
        st.error(f"The last flush failed: {status.last_error}", icon=":material/error:")


def _activity(services: Services) -> pd.DataFrame:
    """One row a day, with a column for each of KINDS."""
    rows = [{"day": split_path(found.path)[2], **found.value} for found in services.engine.find("metric/")]
    if not rows:
        return pd.DataFrame()
    frame = pd.DataFrame(rows).reindex(columns=["day", *KINDS]).fillna(0)
    totals = frame.groupby("day", as_index=False)[list(KINDS)].sum().rename(columns=KINDS)
    return totals.assign(day=pd.to_datetime(totals["day"])).tail(30)
