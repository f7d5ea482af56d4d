"""Words, times and charts in the person's language and time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from core.errors import NoSessionError
from core.language import words_for
from core.session import UserSession
from core.session_manager import get_current_session
from core.words import Words

if TYPE_CHECKING:
    import altair as alt

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def zone(session: UserSession | None = None) -> tzinfo:
    """Return the zone the person chose, else the one their browser is in, else UTC."""
    session = session or get_current_session()
    chosen = session.preferences.timezone if session.has_chosen("timezone") else None
    try:
        return ZoneInfo(chosen or st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def words() -> Words:
    """Return the project's words in the person's language; before there is a session, in their browser's."""
    try:
        return words_for(get_current_session())
    except NoSessionError:
        return words_for()


def local_time(moment: datetime, pattern: str = "moment") -> str:
    """Write an aware datetime in the person's zone and language.

    `pattern` is `moment`, `day`, `day_time` or `time`, or one of `strftime`.
    """
    return words().moment(moment.astimezone(zone()), pattern)


def clock_time(moment: datetime, now: datetime) -> str:
    """Return the time of day of a moment, and its day unless that is today's."""
    here = zone()
    return local_time(moment, "time" if moment.astimezone(here).date() == now.astimezone(here).date() else "day_time")


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was: `just now`, `5 min ago`, `3 h ago`, then the date."""
    seconds = (now - moment).total_seconds()
    if seconds < _MINUTE:
        return words()("dates.just_now")
    if seconds < _HOUR:
        return words()("dates.minutes_ago", n=int(seconds // _MINUTE))
    if seconds < _DAY:
        return words()("dates.hours_ago", n=int(seconds // _HOUR))
    return local_time(moment, "day_time")


def altair_chart(chart: alt.Chart, **options: Any) -> None:
    """Show a chart of Altair's. `options` are those of `st.altair_chart`."""
    st.altair_chart(chart.configure(locale=words().chart_locale()), **options)
