"""A crowd: 10,000 sessions and as many browsers, 200 people among them, what they did for a month, a year's totals."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert

from core.clock import HybridClock
from core.services import Services
from core.storage.activity import ALL_PAGES
from core.storage.codec import encode
from core.storage.entry import Entry
from core.storage.models import ActivityDayModel, EntryModel, SessionModel, TokenModel, UserModel

PEOPLE, BROWSERS, DAYS, YEAR = 200, 10_000, 30, 365
PAGES = ("home", "intake", "intake-submitted", "insights", "admin-sessions")
DEVICES = ("Firefox on Linux", "Chrome on Windows", "Safari on iOS", "Safari on macOS", "Edge on Windows")
_BATCH = 5_000


def crowd(services: Services, *, days: int = DAYS, share: float = 0.6) -> None:
    """Fill an empty database. Each session was busy on this share of the days."""
    chance, now = random.Random(17), services.clock.now()  # noqa: S311 - the same crowd each time
    people = [f"{number:032x}" for number in range(PEOPLE)]
    sessions = [f"user-{person}" for person in people] + [f"anon-{n:032x}" for n in range(BROWSERS - PEOPLE)]
    with services.database.begin() as connection:
        connection.execute(insert(UserModel), [_person(user_id, n, now) for n, user_id in enumerate(people)])
        connection.execute(insert(SessionModel), [_session(name, now) for name in sessions])
        rows = [_browser(chance, number, people, sessions, now) for number in range(BROWSERS)]
        connection.execute(insert(TokenModel), rows)
        connection.execute(insert(ActivityDayModel), list(_totals(now)))
    entries = _entries(services, chance, sessions, now, days, share)
    while batch := list(islice(entries, _BATCH)):
        with services.database.begin() as connection:
            connection.execute(insert(EntryModel), batch)
    with services.database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")  # as each database does by itself after a while


def _person(user_id: str, number: int, now: datetime) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "username": f"person{number}",
        "name": f"Person {number}",
        "active": True,
        "must_change_password": False,
        "epoch": 1,
        "session_id": f"user-{user_id}",
        "created_at": now,
    }


def _session(session_id: str, now: datetime) -> dict[str, Any]:
    times = dict.fromkeys(("created_at", "updated_at", "last_activity"), now)
    owner = session_id.removeprefix("user-") if session_id.startswith("user-") else None
    later = now + timedelta(days=90)
    return {"session_id": session_id, "user_id": owner, "expires_at": later, "version": 1, **times}


def _browser(
    chance: random.Random, number: int, people: list[str], sessions: list[str], now: datetime
) -> dict[str, Any]:
    person = people[number % PEOPLE] if number % 2 else None
    seen = now - timedelta(seconds=chance.randrange(86_400))
    return {
        "token_hash": f"{chance.getrandbits(256):064x}",
        "session_id": f"user-{person}" if person else sessions[max(number, PEOPLE)],
        "user_id": person,
        "epoch": 1,
        "device": chance.choice(DEVICES),
        "created_at": seen - timedelta(hours=chance.randrange(200)),
        "last_seen": seen,
        "expires_at": now + timedelta(days=1),
        "page": chance.choice(PAGES),
    }


def _totals(now: datetime) -> Iterator[dict[str, Any]]:
    """The days before those that are to be added up."""
    for back in range(DAYS, YEAR):
        for place, page in enumerate((ALL_PAGES, *PAGES), 1):
            numbers = {"people": 4_000 // place, "page_views": 9_000 // place, "interactions": 20_000 // place}
            yield {"day": (now - timedelta(days=back)).date(), "page": page, "seconds": 4e5 / place, **numbers}


def _entries(
    services: Services, chance: random.Random, sessions: list[str], now: datetime, days: int, share: float
) -> Iterator[dict[str, Any]]:
    stamps = HybridClock(services.clock)
    for session_id in sessions:
        for back in range(days):
            day = (now - timedelta(days=back)).date()
            if chance.random() > share * (0.3 if day.weekday() > 4 else 1.0):
                continue
            path = f"metric/{chance.getrandbits(128):032x}/{day.isoformat()}"
            value = encode(_done(chance), path)
            entry = services.seal.seal(
                Entry(session_id=session_id, path=path, value=value, stamp=stamps.tick(), base="")
            )
            yield {
                "session_id": session_id,
                "path": path,
                "value": entry.value,
                "stamp": entry.stamp,
                "base": entry.base,
                "version": 1,
            }


def _done(chance: random.Random) -> dict[str, Any]:
    pages = {
        name: [chance.randrange(1, 6), chance.randrange(12), float(chance.randrange(1_200))]
        for name in chance.sample(PAGES, 3)
    }
    views, entries = (sum(int(each[place]) for each in pages.values()) for place in (0, 1))
    return {"page_views": views, "interactions": entries, "pages": pages}
