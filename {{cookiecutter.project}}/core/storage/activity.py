"""What people do, added up by day and page from what their sessions count.

Sessions keep absolute numbers for each tab and day, so taking them in twice, or in two processes, changes nothing. Only
sessions that were written since the last time are read. The totals of a day only ever grow: when somebody's session is
deleted its rows here go with it, and what the days were in all, which names nobody, stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import Connection, Engine, Table, bindparam, delete, func, literal, select, tuple_, update

from core.clock import Clock
from core.errors import CorruptValueError, UnreadableValueError
from core.state.counts import by_page
from core.state.paths import split_path
from core.storage.codec import decode
from core.storage.database import reachable, upserting_insert
from core.storage.entry import Entry
from core.storage.models import ActivityDayModel, ActivityModel, EntryModel, SessionModel, StaleDayModel
from core.storage.quarantine import as_entry
from core.storage.sealing import Seal

ALL_PAGES = "*"
"""In place of a page: the day as a whole."""
KEPT_DAYS = 40
"""How long is kept who did what on a day. Until then what comes late, from a server that was cut off, counts too."""

_sessions, _entries = cast(Table, SessionModel.__table__), cast(Table, EntryModel.__table__)
_activity, _days = cast(Table, ActivityModel.__table__), cast(Table, ActivityDayModel.__table__)
_stale = cast(Table, StaleDayModel.__table__)
_NUMBERS = ("page_views", "interactions", "seconds")

_WITH_NEWS = (
    select(_sessions.c.session_id, _sessions.c.version)
    .where(_sessions.c.version > _sessions.c.counted, _sessions.c.purged_at.is_(None))
    .order_by(_sessions.c.session_id)
    .limit(bindparam("limit"))
)
_NEWS = (
    select(_entries)
    .join(_sessions, _sessions.c.session_id == _entries.c.session_id)
    .where(_entries.c.session_id.in_(bindparam("session_ids", expanding=True)))
    .where(_entries.c.version > _sessions.c.counted, _entries.c.path >= "metric/", _entries.c.path < "metric0")
)
_COUNTED = (
    update(_sessions)
    .where(_sessions.c.session_id == bindparam("s"), _sessions.c.purged_at.is_(None))
    .where(_sessions.c.counted < bindparam("v"))
    .values(counted=bindparam("v"))
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotal:
    """What was done on a day (UTC) on one page, or on `ALL_PAGES`; `people` is how many sessions took part."""

    day: date
    page: str
    people: int
    page_views: int
    interactions: int
    seconds: float


class Activity:
    """The daily totals. Every method raises StoreUnavailableError while the database is away."""

    def __init__(self, database: Engine, seal: Seal, clock: Clock) -> None:
        self._database = database
        self._seal = seal
        self._clock = clock
        self._greatest = func.greatest if database.dialect.name == "postgresql" else func.max
        self._upsert = self._grow(_activity, ["day", "session_id", "tab", "page"])
        self._upsert_day = self._grow(_days, ["day", "page"])
        marked: Any = upserting_insert(database)(_stale).values(day=bindparam("day"), news=1)
        self._mark = marked.on_conflict_do_update(index_elements=["day"], set_={"news": _stale.c.news + 1})

    def take_in(self, limit: int) -> int:
        """Take in what up to `limit` sessions counted since the last time; returns how many they were."""
        with reachable(), self._database.connect() as connection:
            found = {row.session_id: row.version for row in connection.execute(_WITH_NEWS, {"limit": limit})}
            entries = [as_entry(row) for row in connection.execute(_NEWS, {"session_ids": sorted(found)})]
        rows: dict[str, list[dict[str, Any]]] = {}
        for entry in entries:
            rows.setdefault(entry.session_id, []).extend(self._rows(entry))
        if found:
            with reachable(), self._database.begin() as connection:
                self._write(connection, found, rows)
        return len(found)

    def add_up(self) -> int:
        """Add up the days of which something was taken in; returns how many they were."""
        with reachable(), self._database.connect() as connection:
            stale = {row.day: row.news for row in connection.execute(select(_stale))}
            totals = [total for day in stale for total in self._totals_of(connection, day)]
        if not stale:
            return 0
        with reachable(), self._database.begin() as connection:
            if totals:
                connection.execute(self._upsert_day, totals)
            for day, news in sorted(stale.items()):
                connection.execute(delete(_stale).where(_stale.c.day == day, _stale.c.news == news))
        return len(stale)

    def days(self, since: date) -> list[DayTotal]:
        """What was added up, from a day on, in order of day and page."""
        wanted = select(_days).where(_days.c.day >= since).order_by(_days.c.day, _days.c.page)
        with reachable(), self._database.connect() as connection:
            return [DayTotal(**row) for row in connection.execute(wanted).mappings()]

    def forget(self, limit: int) -> int:
        """Remove up to `limit` rows that say who did something longer ago than `KEPT_DAYS`; returns how many."""
        last = self._clock.now().date() - timedelta(days=KEPT_DAYS)
        key = (_activity.c.day, _activity.c.session_id, _activity.c.tab, _activity.c.page)
        over = select(*key).where(_activity.c.day < last).limit(limit)
        with reachable(), self._database.begin() as connection:
            return connection.execute(delete(_activity).where(tuple_(*key).in_(over))).rowcount

    def _write(self, connection: Connection, found: dict[str, int], rows: dict[str, list[dict[str, Any]]]) -> None:
        # In the order in which flushes lock sessions. A session that was deleted meanwhile, or taken in by another
        # process, is left out.
        taken = [s for s, version in found.items() if connection.execute(_COUNTED, {"s": s, "v": version}).rowcount]
        wanted = [row for session_id in taken for row in rows.get(session_id, ())]
        if wanted:
            connection.execute(self._upsert, wanted)
            connection.execute(self._mark, [{"day": day} for day in sorted({row["day"] for row in wanted})])

    def _rows(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """The rows of what one tab counted on one day; none of what can't be read."""
        try:
            text = self._seal.open(entry).value
            _, tab, day_text = split_path(entry.path)
            day = date.fromisoformat(day_text)
            counted = by_page(decode(text, entry.path) if text is not None else None)
        except (CorruptValueError, UnreadableValueError, ValueError) as error:
            log.debug("an entry is not counted", path=entry.path, error=str(error))
            return
        for page, counts in counted.items():
            key = {"day": day, "session_id": entry.session_id, "tab": tab, "page": page}
            yield {**key, **counts._asdict()}

    def _totals_of(self, connection: Connection, day: date) -> Sequence[dict[str, Any]]:
        numbers = [
            func.count(_activity.c.session_id.distinct()).label("people"),
            *(func.sum(_activity.c[name]).label(name) for name in _NUMBERS),
        ]
        of_day = _activity.c.day == day
        each = select(_activity.c.page, *numbers).where(of_day).group_by(_activity.c.page)
        whole = select(literal(ALL_PAGES).label("page"), *numbers).where(of_day).group_by(_activity.c.day)
        found = [*connection.execute(each).mappings(), *connection.execute(whole).mappings()]
        return [{"day": day, **row} for row in found]

    def _grow(self, table: Table, key: Iterable[str]) -> Any:
        """An upsert by which numbers only grow."""
        names: dict[str, Any] = {column.name: bindparam(column.name) for column in table.columns}
        statement: Any = upserting_insert(self._database)(table).values(names)
        key = list(key)
        grown = {n: self._greatest(table.c[n], statement.excluded[n]) for n in names if n not in key}
        return statement.on_conflict_do_update(index_elements=key, set_=grown)
