"""What the metrics page shows is what was done."""

from __future__ import annotations

import json
from datetime import date

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.apps.admin import usage
from core.discovery import discover
from core.services import Services
from core.storage.activity import ALL_PAGES, DayTotal
from tests.engine.pages import open_page

PAGES = {spec.name: spec for spec in discover()}


def figures(tab: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in tab.metric}


def total(day: int, page: str, people: int = 1, views: int = 1, entries: int = 0, seconds: float = 0) -> DayTotal:
    return DayTotal(
        day=date(2026, 1, day), page=page, people=people, page_views=views, interactions=entries, seconds=seconds
    )


def test_what_was_done_a_moment_ago_is_shown(as_admin: Services) -> None:
    session = as_admin.engine.open("ada", "ada")
    session.attach_tab("t")
    session.visit("home-data")
    session.set_field("home-data", "name", "Ada")
    open_page("admin-metrics").session_state["_keep_manager"].session.set_preference("language", "de")
    as_admin.engine.flush()
    tab = open_page("admin-metrics")

    assert not tab.exception
    assert figures(tab)["People active today"] == "1"
    assert (figures(tab)["Page views"], figures(tab)["Entries"]) == ("1", "1")
    assert PAGES["home-data"].full_title in tab.table[-1].value.to_string()
    charts = [chart.proto for chart in tab.get("vega_lite_chart") or tab.get("arrow_vega_lite_chart")]
    titles = [title.value for title in tab.subheader]
    assert titles.pop(2) == "Minutes at work per person"
    assert any("Nothing in this time" in text.value for text in tab.caption), "in place of a frame without a bar"
    assert len(charts) == 3
    assert all(chart.alt.startswith(title) for chart, title in zip(charts, titles, strict=True))
    assert all(json.loads(chart.spec)["config"]["locale"]["number"]["decimal"] == "," for chart in charts)
    assert tab.title[0].value == "Messwerte"


@pytest.mark.usefixtures("as_admin")
def test_before_anybody_did_anything_it_says_so() -> None:
    assert any("No activity yet" in text.value for text in open_page("admin-metrics").markdown)


def test_a_day_on_which_nothing_was_done_is_shown_as_such() -> None:
    frame = usage.frame_of([total(1, ALL_PAGES, people=2, seconds=1800), total(3, ALL_PAGES, seconds=600)])
    days = usage.by_day(frame, date(2026, 1, 1), date(2026, 1, 4))

    assert days["people"].tolist() == [2, 0, 1, 0]
    assert days["minutes_each"].tolist() == [15, 0, 10, 0]


def test_pages_are_named_by_their_titles_and_added_up_by_app() -> None:
    of_pages = [
        total(1, "home-data"),
        total(2, "home-data", views=4),
        total(1, "home-devices", views=2),
        total(1, "gone"),
    ]
    frame = usage.frame_of([*of_pages, total(1, ALL_PAGES, views=8)])

    def views(table: pd.DataFrame) -> dict[str, int]:
        return dict(zip(table["title"], table["page_views"], strict=True))

    pages, apps = usage.by_page(frame, PAGES, apps=False), usage.by_page(frame, PAGES, apps=True)
    assert pages["title"].iloc[0] == PAGES["home-data"].full_title
    assert views(apps) == {PAGES["home-data"].app_title: 7, "No longer there": 1}
    assert sum(views(pages).values()) == 8
