"""The figures behind the chart: an invented history, and what was really submitted in this project."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import select

from apps.intake.requests import CATEGORIES, SITES, RequestRow
from core import cache, db

COLUMNS = ["day", "site", "category", "count"]


@cache.data("requests:all", depends_on=["table:requests"], ttl=3600)
def all_requests() -> pd.DataFrame:
    """Return one row per day, site and category: `day` (datetime64) and `count` of requests."""
    frame = pd.DataFrame([*_invented(), *_submitted()], columns=COLUMNS)
    return frame.assign(day=pd.to_datetime(frame["day"]))


def _invented() -> Iterator[tuple[Any, ...]]:
    """The same figures for the same day, with a week's rhythm and a season. Replace them by a query of your own."""
    today = datetime.now(UTC).date()
    for number in range(date(today.year - 1, 1, 1).toordinal(), today.toordinal()):
        day = date.fromordinal(number)
        rhythm = (0.15 if day.weekday() > 4 else 1.0) * (1 + 0.35 * math.sin(number / 40))
        for s, site in enumerate(SITES):
            for c, category in enumerate(CATEGORIES):
                wave = 1 + math.sin(number * (0.13 + 0.03 * c) + 1.7 * s + c)
                count = round(rhythm * wave * (1.6 - 0.25 * s) * (1.4 - 0.15 * c))
                if count > 0:
                    yield day, site, category, count


def _submitted() -> Iterator[tuple[Any, ...]]:
    with db.session() as session:
        for at, site, category in session.execute(select(RequestRow.at, RequestRow.site, RequestRow.category)):
            yield at.date(), site, category, 1
