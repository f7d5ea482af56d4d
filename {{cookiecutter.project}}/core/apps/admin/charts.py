"""Charts over days, each with words for who can't see it and a table of the same numbers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core import ui

_HEIGHT, _LEGEND = 220, 70
_FEW = 40
"""Days; beyond that points would run into each other."""
_LONG = 200
"""Days; beyond that months tell more, and of which year they are."""
_ROWS = 100
_ROW, _AXIS = 28, 30
"""Pixels of a bar that lies, and of what is written under all of them."""


def by_day(title: str, totals: pd.DataFrame, columns: dict[str, str], *, means: str, summed: bool = True) -> None:
    """Draw columns of a frame by its `day`: bars for one, lines for several.

    `means` says what the figures mean; `summed` whether those of all days make a sum that means something.
    """
    st.subheader(title)
    st.caption(means)
    shown = totals[["day", *columns]].rename(columns=columns)
    names = list(columns.values())
    long = shown.melt("day", names, "kind", "value")
    if not long["value"].any():
        st.caption(":material/hourglass_empty: Nothing in this time.")
        return
    days = alt.Axis(format="%b %Y" if len(shown) > _LONG else "%-d %b", labelOverlap=True, tickCount=8)
    x = alt.X("yearmonthdate(day):T", title=None, axis=days)
    to_one = [0, max(1, float(long["value"].max()))]  # at least, or an axis of nothing but zeros has six digits
    y = alt.Y(
        "value:Q", title=None, axis=alt.Axis(tickCount=4, tickMinStep=1), scale=alt.Scale(domain=to_one, nice=True)
    )
    tooltip = [alt.Tooltip("day:T", title="Day"), alt.Tooltip("kind:N", title=" "), alt.Tooltip("value:Q", title=" ")]
    chart = alt.Chart(long, height=_HEIGHT if len(names) == 1 else _HEIGHT + _LEGEND)
    if len(names) == 1:
        drawn = chart.mark_bar(cornerRadiusEnd=2).encode(x=x, y=y, tooltip=tooltip)
    else:
        both = alt.Legend(orient="top", symbolType="stroke")
        colour = alt.Color("kind:N", title=None, sort=names, legend=both)
        dash = alt.StrokeDash("kind:N", title=None, sort=names, legend=both)
        drawn = chart.mark_line(point=len(shown) < _FEW, strokeWidth=2).encode(
            x=x, y=y, color=colour, strokeDash=dash, tooltip=tooltip
        )
    ui.altair_chart(drawn, alt=_in_words(title, shown, names, summed=summed))
    _as_table(title, shown.iloc[::-1].assign(day=shown["day"].map(lambda day: f"{day:%Y-%m-%d}")))


def bars(title: str, totals: pd.DataFrame, name: str, column: str, label: str, *, means: str) -> None:
    """Draw one column of a frame as a bar for each of its rows, which `name` names, in their order."""
    st.subheader(title)
    st.caption(means)
    chart = alt.Chart(totals, height=_ROW * len(totals) + _AXIS).mark_bar(cornerRadiusEnd=3)
    drawn = chart.encode(
        x=alt.X(f"{column}:Q", title=None, axis=alt.Axis(tickCount=4, tickMinStep=1, labelFlush=True)),
        y=alt.Y(f"{name}:N", title=None, sort=None, axis=alt.Axis(labelLimit=140)),
        tooltip=[alt.Tooltip(f"{name}:N", title=" "), alt.Tooltip(f"{column}:Q", title=label)],
    )
    first = totals.iloc[0]
    number = ui.words().number
    ui.altair_chart(drawn, alt=f"{title}: {len(totals)} bars, most for {first[name]} with {number(first[column])}.")


def table(rows: pd.DataFrame) -> None:
    """Show a frame as a table, with its numbers written as the person writes them."""
    numbers: dict[Any, Any] = {name: _written(rows[name]) for name in rows.select_dtypes("number").columns}
    st.table(rows.style.format(numbers), hide_index=True)


def _written(column: pd.Series) -> Callable[[Any], str]:
    return partial(ui.words().number, digits=1 if column.dtype == float else 0)


def _in_words(title: str, shown: pd.DataFrame, names: list[str], *, summed: bool) -> str:
    return f"{title}, {len(shown)} days: {'; '.join(_of_one(shown, name, summed=summed) for name in names)}."


def _of_one(shown: pd.DataFrame, name: str, *, summed: bool) -> str:
    number, digits = ui.words().number, 1 if shown[name].dtype == float else 0
    highest = shown.iloc[int(shown[name].argmax())]
    most = f"most on {highest['day']:%d %B}, {number(highest[name], digits)}"
    return f"{name}, {number(shown[name].sum(), digits)} in all, {most}" if summed else f"{name}, {most}"


def _as_table(title: str, rows: pd.DataFrame) -> None:
    with st.expander(f"{title} as a table"):
        table(rows.rename(columns={"day": "Day"}).head(_ROWS))
