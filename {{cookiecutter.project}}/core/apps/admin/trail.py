"""How the audit trail reads: what its events are called, and one page of it as a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import pandas as pd

from core.accounts import Audited
from core.accounts.trail_export import name_of, subject_of

EVENTS = {
    "sign_in": "Signed in",
    "sign_in.refused": "Sign-in refused",
    "sign_in.throttled": "Sign-in turned away, too many",
    "sign_out": "Signed out",
    "session.revoked": "Session ended",
    "session.deleted": "Session deleted",
    "person.added": "Person added",
    "person.invited": "Person invited",
    "invitation.withdrawn": "Invitation withdrawn",
    "person.described": "Name or e-mail of a person",
    "person.roles": "Roles of a person",
    "person.locked_out": "Person locked out",
    "person.admitted": "Person admitted again",
    "person.deleted": "Person deleted",
    "person.exported": "Person's data exported",
    "password.changed": "Password changed",
    "role.saved": "Role saved",
    "role.deleted": "Role deleted",
    "refused": "Refused",
    "trail.exported": "Audit trail exported",
}

PERIODS = {
    "Any time": None,
    "The last hour": timedelta(hours=1),
    "The last 24 hours": timedelta(days=1),
    "The last 7 days": timedelta(days=7),
    "The last 30 days": timedelta(days=30),
}
DAYS = "Certain days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From one moment to another, aware UTC; either may be open."""

    since: datetime | None = None
    until: datetime | None = None


def days(chosen: Collection[date], zone: tzinfo) -> Period:
    """From the begin of the first day to the end of the last, as they are in a zone. Of one day it is that day."""
    if not chosen:
        return Period()
    ends = (min(chosen), max(chosen) + timedelta(days=1))
    since, until = (datetime.combine(day, time(), zone).astimezone(UTC) for day in ends)
    return Period(since=since, until=until)


def table(lines: Iterable[Audited], names: Mapping[str, str], zone: tzinfo) -> pd.DataFrame:
    """One row a line. Times are as the person reads them, without a zone."""
    rows = [
        {
            "When": line.at.astimezone(zone).replace(tzinfo=None),
            "Event": EVENTS.get(line.event, line.event),
            "Who": name_of(line.actor_id, names) if line.actor_id else "",
            "To whom or what": subject_of(line, names),
            "Address": line.address,
            "Detail": line.detail,
            "Device": line.device,
        }
        for line in lines
    ]
    return pd.DataFrame(rows)
