"""Whatever is stored for a widget, its page is shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.services import get_services
from core.session import UserSession
from core.state.equality import same

VALUES: list[Any] = [
    *(None, True, 0, -1, 2**53, 2**80, 1.5, float("nan"), float("inf"), "", "red", "x" * 500, "\x00", b"x"),
    *((), (1,), (8, 2), (1, 2, 3), ["red"], ["red", "red"], [[]], {"a": 1}, {1: 2}, {1, 2}, frozenset()),
    *(date.min, date.max, (date.max, date.min), datetime.max.replace(tzinfo=UTC), time.max, timedelta.max),
    *(Decimal("NaN"), Decimal("1.10"), UUID(int=0), np.int64(5), np.float32("nan")),
    *(pd.Timestamp("2026-05-01"), pd.Timestamp("9999-12-31T00:00Z"), pd.Timedelta("1s")),
    *(pd.NaT, [pd.NaT], pd.Period("2026-05", freq="M"), Decimal("sNaN"), (float("nan"), float("nan"))),
    {"rows": {}, "added": {}},
]


def page() -> None:
    from datetime import date, datetime, time

    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    st.session_state["manager"] = get_session_manager()
    colours, day = ["red", "green", "blue"], date(2026, 5, 1)
    widgets = {
        "text": lambda f: ui.text_input("Text", max_chars=9, **f),
        "none": lambda f: ui.text_input("None", None, **f),
        "area": lambda f: ui.text_area("Area", **f),
        "whole": lambda f: ui.number_input("Whole", 0, 10, **f),
        "decimal": lambda f: ui.number_input("Decimal", None, None, None, **f),
        "slider": lambda f: ui.slider("Slider", 0, 10, **f),
        "range": lambda f: ui.slider("Range", 0.0, 1.0, (0.2, 0.8), **f),
        "days": lambda f: ui.slider("Days", day, date(2026, 5, 31), **f),
        "select": lambda f: ui.selectbox("Select", [1, "red", None], **f),
        "new": lambda f: ui.selectbox("New", colours, index=None, accept_new_options=True, **f),
        "radio": lambda f: ui.radio("Radio", colours, **f),
        "multi": lambda f: ui.multiselect("Multi", colours, max_selections=2, **f),
        "steps": lambda f: ui.select_slider("Steps", colours, ("red", "blue"), **f),
        "pills": lambda f: ui.pills("Pills", colours, **f),
        "segments": lambda f: ui.segmented_control("Segments", colours, selection_mode="multi", **f),
        "by id": lambda f: ui.selectbox(
            "By id", [object()], option_id=lambda _one: 1, format_func=lambda _one: "x", **f
        ),
        "tick": lambda f: ui.checkbox("Tick", **f),
        "toggle": lambda f: ui.toggle("Toggle", **f),
        "date": lambda f: ui.date_input("Date", day, **f),
        "span": lambda f: ui.date_input("Span", (day, day), **f),
        "time": lambda f: ui.time_input("Time", time(9), **f),
        "moment": lambda f: ui.datetime_input("Moment", datetime(2026, 5, 1), **f),  # noqa: DTZ001
        "colour": lambda f: ui.color_picker("Colour", **f),
        "stars": lambda f: ui.feedback("stars", **f),
        "page": lambda f: ui.pagination(5, **f),
        "table": lambda f: ui.data_editor([{"a": 1}], num_rows="dynamic", **f),
        "file": lambda f: ui.file_uploader("File", **f),
        "chat": lambda f: ui.chat_input("Chat", **f),
    }
    for name, show in widgets.items():
        show({"form": "f", "field": name})
    st.session_state["names"] = list(widgets)


@pytest.mark.parametrize("number", range(len(VALUES)))
@pytest.mark.usefixtures("as_one_person")
def test_a_page_is_shown_whatever_is_stored_for_its_widgets(number: int) -> None:
    tab = AppTest.from_function(page).run()
    assert not tab.exception, tab.exception[0].message
    session = tab.session_state["manager"].session
    session.set_fields({("f", name): VALUES[number] for name in tab.session_state["names"]})
    for each in (tab.run(), AppTest.from_function(page).run()):
        assert not each.exception, each.exception[0].message


def history_page(tab: str) -> None:
    from core import bootstrap_session, ui

    bootstrap_session().attach_tab(tab)
    ui.conflict_notice("f")
    ui.text_input("One", form="f", field="one")
    ui.undo_bar("f")
    ui.history_panel("f")


def person() -> UserSession:
    local = get_services().accounts.users.find("local")
    assert local is not None
    return get_services().engine.open(local.session_id)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Honolulu"])
@pytest.mark.usefixtures("as_one_person")
def test_so_are_the_versions_of_a_form_and_what_two_tabs_entered_at_once(zone: str) -> None:
    tab = AppTest.from_function(history_page, kwargs={"tab": "a" * 32}).run()
    person().set_preference("timezone", zone)
    for value, other in zip(VALUES, [*VALUES[1:], VALUES[0]], strict=True):
        here, there = person(), person()
        here.attach_tab("a" * 32)
        there.attach_tab("b" * 32)
        here.set_field("f", "one", value)
        here.create_form_snapshot("f", "mine")
        there.set_field("f", "one", other)
        there.create_form_snapshot("f", "theirs")
        tab.run()
        assert not tab.exception, (value, tab.exception[0].message)
        later = person()
        later.set_field("f", "one", "later")
        later.undo("f")
        assert same(person().form("f").values["one"], other)
