"""The page of insights: what it counts, and the filters that are there again."""

from __future__ import annotations

from datetime import UTC, datetime

from apps.intake.requests import RequestRow
from core.testing import TestApp


def test_a_request_counts_as_soon_as_it_is_stored(app: TestApp) -> None:
    page = app.sign_in("insights.read").open("insights")
    before = int(page.tab.metric[0].value.replace(",", ""))
    texts = dict.fromkeys(("session_id", "kind", "urgency", "reason"), "") | {"site": "Harbour", "category": "Laptop"}
    with app.database() as database:
        database.add(RequestRow(number="R-1", at=datetime.now(UTC), more="{}", **texts))
    page.reload()

    assert int(page.tab.metric[0].value.replace(",", "")) == before + 1


def test_filters_are_there_again(app: TestApp) -> None:
    page = app.sign_in("insights.read").open("insights")
    page.fill("Categories", ["Laptop"])
    page.reload()

    assert page.value("Categories") == ["Laptop"]
