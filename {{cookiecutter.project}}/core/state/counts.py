"""What is counted of a tab's day: how many pages were seen, how much was entered, and how long somebody was at work.

    {"page_views": 3, "interactions": 7, "pages": {"intake": [2, 7, 41.5], …}}

`pages` has views, entries and seconds by page. Only these three numbers are kept, and never what was entered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

LONGEST_PAUSE = 300.0
"""Seconds. Who does nothing for longer has stopped working, and came back later."""

Countable = Literal["page_views", "interactions"]


class Counts(NamedTuple):
    """The numbers of one page."""

    page_views: int = 0
    interactions: int = 0
    seconds: float = 0.0

    def plus(self, page_views: int = 0, interactions: int = 0, seconds: float = 0.0) -> Counts:
        """The numbers with these added."""
        together = round(self.seconds + seconds, 1)
        return Counts(self.page_views + page_views, self.interactions + interactions, together)


def count(
    counted: Mapping[str, Any], what: Countable, *, page: str | None, before: str, pause: float | None
) -> dict[str, Any]:
    """Return a day's counts with one more of `what`.

    It was done on `page`, or else on `before`, where the person was until then; `pause` are the seconds since they
    did something, which count there as work unless it was long.
    """
    known = counted.get("pages")
    pages: dict[str, Any] = dict(known) if isinstance(known, Mapping) else {}
    if pause is not None and 0 < pause <= LONGEST_PAUSE:
        pages[before] = list(_counts(pages.get(before)).plus(seconds=pause))
    here = before if page is None else page
    pages[here] = list(_counts(pages.get(here)).plus(**{what: 1}))
    return {**counted, what: counted.get(what, 0) + 1, "pages": pages}


def _counts(stored: object) -> Counts:
    match stored:
        case [int(views), int(entries), float(seconds) | int(seconds)]:
            return Counts(views, entries, float(seconds))
    return Counts()
