"""Times as the person reads them: in their own zone, and as long ago as it feels."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from core.paths import join_path
from core.session import UserSession
from core.session_manager import get_current_session

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def zone(session: UserSession | None = None) -> tzinfo:
    """The zone the person chose, else the one their browser is in, else UTC."""
    session = session or get_current_session()
    chosen = session.preferences.timezone if join_path("pref", "timezone") in session.stamps else None
    try:
        return ZoneInfo(chosen or st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def local_time(moment: datetime, pattern: str = "%-d %b %Y, %H:%M") -> str:
    """Write an aware datetime in the person's zone."""
    return moment.astimezone(zone()).strftime(pattern)


def ago(moment: datetime, now: datetime) -> str:
    """How long before `now` a moment was: `just now`, `5 min ago`, `3 h ago`, then the date."""
    seconds = (now - moment).total_seconds()
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min ago"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h ago"
    return local_time(moment, "%-d %b, %H:%M")
