"""How much the project is used, from the totals of each day."""

from datetime import date, timedelta

import pandas as pd

from core.discovery import PageSpec
from core.storage.activity import ALL_PAGES, DayTotal

NUMBERS = ["people", "page_views", "interactions", "hours", "minutes_each"]


def frame_of(totals: list[DayTotal]) -> pd.DataFrame:
    """One row per day and page, with each of NUMBERS but the last."""
    rows = [
        (total.day, total.page, total.people, total.page_views, total.interactions, total.seconds / 3600)
        for total in totals
    ]
    return pd.DataFrame(rows, columns=["day", "page", *NUMBERS[:-1]])


def by_day(frame: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """One row for every day from `first` to `last`, also for those on which nothing was done, with NUMBERS."""
    days = frame[frame["page"] == ALL_PAGES].drop(columns="page").set_index("day")
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    whole = days.reindex(every, fill_value=0).rename_axis("day").reset_index()
    each = (60 * whole["hours"] / whole["people"].clip(lower=1)).round(1)
    return whole.assign(day=pd.to_datetime(whole["day"]), hours=whole["hours"].round(1), minutes_each=each)


def by_page(frame: pd.DataFrame, pages: dict[str, PageSpec], *, apps: bool) -> pd.DataFrame:
    """One row per page, or per app, by title: page_views, interactions and hours, the most seen first."""
    each = frame[frame["page"] != ALL_PAGES]
    named = each.assign(title=[_title(name, pages, apps=apps) for name in each["page"]])
    totals = named.groupby("title", as_index=False)[["page_views", "interactions", "hours"]].sum()
    return totals.sort_values(["page_views", "title"], ascending=[False, True]).round({"hours": 1})


def _title(name: str, pages: dict[str, PageSpec], *, apps: bool) -> str:
    spec = pages.get(name)
    if spec is None:
        return "No longer there" if name else "Page not known"
    return spec.app_title if apps else spec.full_title
