"""Options of any type are chosen as with Streamlit's own widgets, and come back in a page loaded anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from streamlit.dataframe_util import convert_anything_to_list
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.streamlit_compat.messages import ClientMessage

OPTIONS: dict[str, list[Any]] = {
    "Decimal": [Decimal("1.5"), Decimal("2.50"), Decimal("NaN")],
    "timedelta": [timedelta(days=1), timedelta(hours=7), timedelta(0)],
    "date": [date(2026, 5, 1), date(2026, 5, 2), date.max],
    "aware": [datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)],
    "time": [time(9), time(12, 30), time.max],
    "int64": list(np.array([3, 1, 2])),
    "float32": list(np.array([0.5, 0.25, np.nan], dtype="float32")),
    "str_": list(np.array(["b", "a", ""])),
    "bool_": list(np.array([True, False])),
    "Timestamp": list(pd.to_datetime(["2026-05-01", "2026-05-31", None])),
    "zoned": list(pd.to_datetime(["2026-05-01", "2026-05-31"]).tz_localize("Europe/Berlin")),
    "Timedelta": list(pd.to_timedelta(["1 day", "7 hours", None])),
    "tuple": [(1, "a"), (2, "b"), (1, float("nan"))],
    "nested": [((1, 2), ("a",)), ((3, 4), ("b",)), ()],
    "frozenset": [frozenset({1, 2}), frozenset({"a"}), frozenset()],
    "text": ["a", "", " "],
    "None": ["a", None, "None"],
    "NaN": ["a", float("nan"), 1.5],
    "only NaN": [float("nan"), 2.5, 1.0],
    "infinite": [float("inf"), -float("inf"), -0.0],
    "large": [2**60, -(2**70), 0],
    "bytes": [b"a", b"b", b""],
    "UUID": [UUID(int=1), UUID(int=2), UUID(int=3)],
    "bool": [True, False],
    "alike": [1, True, 1.0],
    "dict": [{"id": 1}, {"id": 2}, {}],
    "list": [[1, 2], ["a"], []],
    "column": pd.Series(["b", np.nan, "a"]),
    "numbers": pd.Series([2.5, np.nan, 1.0]),
    "category": pd.Series(["b", "a"], dtype="category"),
    "Period": list(pd.period_range("2026-01", periods=3, freq="M")),
    "weeks": list(pd.period_range("2026-01", periods=3, freq="W-SUN")),
    "index": pd.date_range("2026-05-01", periods=3),
    "array": np.array([2, 1, 3]),
    "keys": {"x": 1, "y": 2}.keys(),
}


def page(kept: bool) -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    st.session_state["live"] = get_session_manager().live
    options = st.session_state["options"]
    more = {"format_func": lambda option: f"{type(option).__name__} {option!r}"}
    of = ui if kept else st

    def show(function, label, *arguments, **named):
        where = {"form": "f", "field": label} if kept else {}
        return getattr(of, function)(label, options, *arguments, **named, **more, **where)

    st.session_state["returned"] = {
        "select": show("selectbox", "select"),
        "none": show("selectbox", "none", index=None),
        "radio": show("radio", "radio"),
        "several": show("multiselect", "several"),
        "pills": show("pills", "pills"),
        "segments": show("segmented_control", "segments", selection_mode="multi"),
    }
    if not any(isinstance(option, tuple) for option in options):  # Streamlit's own takes one of these for two places
        st.session_state["returned"]["steps"] = show("select_slider", "steps")


def open_tab(options: Any, *, kept: bool) -> AppTest:
    tab = AppTest.from_function(page, kwargs={"kept": kept})
    tab.session_state["options"] = options
    return shown(tab.run())


def shown(tab: AppTest) -> AppTest:
    assert not tab.exception, tab.exception[0].message
    return tab


def choose(tab: AppTest, number: int) -> AppTest:
    """Choose the option of a place in every widget, as a browser does."""
    option: Any = convert_anything_to_list(tab.session_state["options"])[number]
    for widget in (*tab.selectbox, tab.radio[0], *tab.select_slider, tab.get("button_group")[0]):
        widget.set_value(option)
    tab.multiselect[0].set_value([option])
    tab.get("button_group")[1].set_value([option])
    return shown(tab.run())


def told(tab: AppTest) -> dict[str, str]:
    return {name: f"{type(value).__name__} {value!r}" for name, value in tab.session_state["returned"].items()}


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.usefixtures("as_one_person")
def test_what_is_chosen_is_returned_as_by_streamlit_and_comes_back(kind: str) -> None:
    options = OPTIONS[kind]
    own, tab = open_tab(options, kept=False), open_tab(options, kept=True)
    assert told(tab) == told(own)
    for number in reversed(range(len(convert_anything_to_list(options)))):
        wanted = told(choose(own, number))
        choose(tab, number)
        for each in (tab, shown(tab.run()), open_tab(options, kept=True)):
            assert told(each) == wanted
            assert [*each.warning, *each.error, *each.caption] == []


@pytest.mark.parametrize("kind", sorted(OPTIONS.keys() - {"alike"}))  # of which Streamlit's pills send the first
@pytest.mark.usefixtures("as_one_person")
def test_what_arrives_before_the_script_runs_is_kept(kind: str) -> None:
    options: Any = convert_anything_to_list(OPTIONS[kind])
    for number in reversed(range(len(options))):
        tab = open_tab(OPTIONS[kind], kept=True)
        label = tab.selectbox[0].options[number]
        one = [tab.selectbox[0], tab.selectbox[1], tab.radio[0]]
        several = [tab.multiselect[0], *tab.get("button_group"), *tab.select_slider]
        states = [WidgetState(id=each.proto.id, string_value=label) for each in one]
        states += [WidgetState(id=each.proto.id, string_array_value={"data": [label]}) for each in several]
        live = tab.session_state["live"]
        arrived = live.read(ClientMessage(states=states, asks=True))
        assert not arrived.rejected
        live.keep(arrived.edits)
        again = open_tab(OPTIONS[kind], kept=True)
        wanted = f"{type(options[number]).__name__} {options[number]!r}"
        assert told(again) == {
            name: f"list [{options[number]!r}]" if name in ("several", "segments") else wanted for name in told(again)
        }
        assert [*again.warning, *again.error, *again.caption] == []
