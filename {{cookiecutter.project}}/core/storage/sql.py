"""The store in SQLite or PostgreSQL: idempotent upserts, one transaction for all sessions of a flush."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Engine, Select, Table, bindparam, case, func, select, tuple_, update

from core.clock import Clock, SteadyClock, SystemClock
from core.storage import quarantine
from core.storage.database import reachable, upserting_insert
from core.storage.entry import Entry, Quarantined, newest
from core.storage.expiring import saved_forms
from core.storage.header import HeaderFacts
from core.storage.merging import MergingSessions
from core.storage.models import EntryModel, QuarantineModel, SessionModel
from core.storage.quarantine import as_entry, exactly
from core.storage.sealing import Seal
from core.storage.store import Loaded, SessionHeader
from core.storage.versions import Versions

_sessions, _entries = cast(Table, SessionModel.__table__), cast(Table, EntryModel.__table__)
_quarantine = cast(Table, QuarantineModel.__table__)
_PAGE = 500
_REPLACE = (
    update(_entries)
    .where(_entries.c.session_id == bindparam("s"), _entries.c.path == bindparam("p"))
    .where(_entries.c.stamp == bindparam("t"), _entries.c.value == bindparam("v"))
    .values(value=bindparam("n"))
)


class SqlStore(MergingSessions):
    """Sessions in a SQL database whose tables exist (see `manage.py migrate`)."""

    def __init__(
        self,
        database: Engine,
        *,
        session_timeout: float,
        retention: float,
        clock: Clock | None = None,
        seal: Seal | None = None,
        versions: Versions | None = None,
    ) -> None:
        self._database = database
        self._seal = seal or Seal()
        self._clock = clock or SystemClock()
        self._steady = SteadyClock(self._clock)
        self._versions = versions or Versions(database, self._clock)
        self._session_timeout = timedelta(seconds=session_timeout)
        self._retention = timedelta(seconds=retention)
        # Building these costs more than running them, so they are built once.
        self._upsert_header = self._header_statement()
        self._upsert_entry = self._entry_statement()

    def load(self, session_id: str, after_version: int = 0) -> Loaded:
        header = select(_sessions.c.version, _sessions.c.purged_at).where(_sessions.c.session_id == session_id)
        with reachable(), self._database.connect() as connection:
            found = connection.execute(header).one_or_none()
            if found is None or found.purged_at is not None:
                return Loaded(version=0, entries=(), purged=found is not None)
            if found.version <= after_version:
                return Loaded(version=found.version, entries=())
            wanted = select(_entries).where(_entries.c.session_id == session_id)
            if after_version:  # a damaged version must not hide an entry from who asks for all
                wanted = wanted.where(_entries.c.version > after_version)
            rows = connection.execute(wanted).all()
        return Loaded(version=found.version, entries=[as_entry(row) for row in rows])

    def read(self, session_id: str, paths: Collection[str]) -> list[Entry]:
        wanted = select(_entries).where(_entries.c.session_id == session_id, _entries.c.path.in_(paths))
        with reachable(), self._database.connect() as connection:
            return [as_entry(row) for row in connection.execute(wanted)]

    def upsert(self, entries: Sequence[Entry]) -> None:
        if entries:
            with reachable(), self._database.begin() as connection:
                are_all_in = self.upsert_within(connection, entries)
            if not are_all_in:
                self._take_over(entries)

    def upsert_within(self, connection: Connection, entries: Sequence[Entry]) -> bool:
        """Merge entries as part of somebody's transaction. False if one is of a session that was deleted."""
        # Two entries of one path in one statement are an error in PostgreSQL. A fixed order keeps two
        # replicas that flush the same sessions from waiting for each other.
        merged = [entry for _, entry in sorted(newest(entries).items())]
        versions: dict[str, int] = {}
        for header in self._headers_of(merged):
            version = connection.execute(self._upsert_header, header).scalar_one_or_none()
            if version is not None:
                versions[header["session_id"]] = version
        rows = [
            {
                "session_id": entry.session_id,
                "path": entry.path,
                "value": entry.value,
                "stamp": entry.stamp,
                "base": entry.base,
                "version": versions[entry.session_id],
            }
            for entry in merged
            if entry.session_id in versions
        ]
        if rows:
            connection.execute(self._upsert_entry, rows)
            self._versions.bump(connection, saved_forms(entry.path for entry in merged if entry.session_id in versions))
        return len(rows) == len(merged)

    def headers(self, limit: int, offset: int = 0) -> list[SessionHeader]:
        wanted = (
            select(_sessions)
            .where(_sessions.c.purged_at.is_(None))
            .order_by(_sessions.c.last_activity.desc(), _sessions.c.session_id)
            .limit(limit)
            .offset(offset)
        )
        with reachable(), self._database.connect() as connection:
            return [_header(row) for row in connection.execute(wanted)]

    def count(self) -> int:
        wanted = select(func.count()).select_from(_sessions).where(_sessions.c.purged_at.is_(None))
        with reachable(), self._database.connect() as connection:
            return connection.scalar(wanted) or 0

    def find(self, prefix: str) -> Iterator[Entry]:
        wanted = select(_entries)
        if prefix:
            following = prefix[:-1] + chr(ord(prefix[-1]) + 1)
            wanted = wanted.where(_entries.c.path >= prefix, _entries.c.path < following)
        for entries in self._pages(wanted):
            yield from entries

    def quarantine(self, entry: Entry, reason: str) -> None:
        with reachable(), self._database.begin() as connection:
            quarantine.set_aside(connection, entry, reason, self._clock.now())

    def quarantined(self) -> list[Quarantined]:
        with reachable(), self._database.connect() as connection:
            return quarantine.all_aside(connection)

    def forget(self, quarantined: Quarantined) -> None:
        with reachable(), self._database.begin() as connection:
            quarantine.forget(connection, quarantined)

    def rewrite(self, reseal: Callable[[Entry], Entry]) -> int:
        changed = 0
        for entries in self._pages(select(_entries)):
            pairs = [(old, new) for old in entries if (new := reseal(old)) is not old]
            rows = [
                {"s": old.session_id, "p": old.path, "t": old.stamp, "v": old.value, "n": new.value}
                for old, new in pairs
            ]
            if rows:
                with reachable(), self._database.begin() as connection:
                    changed += connection.execute(_REPLACE, rows).rowcount
        return changed

    def close(self) -> None:
        self._database.dispose()

    def _pages(self, wanted: Select[Any]) -> Iterator[list[Entry]]:
        """Read entries in batches, and hold no connection between them: writers never wait for a reader."""
        key = tuple_(_entries.c.session_id, _entries.c.path)
        page = wanted.order_by(_entries.c.session_id, _entries.c.path).limit(_PAGE)
        following = page
        while True:
            with reachable(), self._database.connect() as connection:
                entries = [as_entry(row) for row in connection.execute(following)]
            if not entries:
                return
            yield entries
            following = page.where(key > tuple_(exactly(entries[-1].session_id), exactly(entries[-1].path)))

    def _headers_of(self, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        """One header per session, all of it derived from the entries that are being written."""
        now = self._clock.now()
        facts: dict[str, HeaderFacts] = {}
        for entry in entries:
            facts.setdefault(entry.session_id, HeaderFacts()).note(entry, self._seal, now)
        return [self._header_of(session_id, known, now) for session_id, known in facts.items()]

    def _header_of(self, session_id: str, facts: HeaderFacts, now: datetime) -> dict[str, Any]:
        last_activity = facts.last_activity or now
        # Not from the stamps: they are by a wall clock that may have been slow, and nothing may end early.
        flushed_at = self._steady.latest()
        person_expiry = flushed_at + self._retention
        browser_expiry = person_expiry if facts.owner_unknown else flushed_at + self._session_timeout
        return {
            "session_id": session_id,
            "user_id": facts.user_id,
            "created_at": facts.created_at or last_activity,
            "updated_at": now,
            "last_activity": last_activity,
            "expires_at": person_expiry if facts.user_id else browser_expiry,
            "person_expiry": person_expiry,
            "browser_expiry": browser_expiry,
        }

    def _header_statement(self) -> Any:
        greatest = func.greatest if self._database.dialect.name == "postgresql" else func.max
        columns = ("session_id", "user_id", "created_at", "updated_at", "last_activity", "expires_at")
        statement = (
            upserting_insert(self._database)(_sessions)
            .values({name: bindparam(name) for name in columns})
            .values(version=1)
        )
        new, owner = statement.excluded, func.coalesce(statement.excluded.user_id, _sessions.c.user_id)
        person_expiry = bindparam("person_expiry", type_=_sessions.c.expires_at.type)
        browser_expiry = bindparam("browser_expiry", type_=_sessions.c.expires_at.type)
        return statement.on_conflict_do_update(
            index_elements=["session_id"],
            set_={
                "user_id": owner,
                "updated_at": new.updated_at,
                "last_activity": greatest(_sessions.c.last_activity, new.last_activity),
                "expires_at": greatest(
                    _sessions.c.expires_at, case((owner.is_not(None), person_expiry), else_=browser_expiry)
                ),
                "version": _sessions.c.version + 1,
            },
            where=_sessions.c.purged_at.is_(None),
        ).returning(_sessions.c.version)

    def _entry_statement(self) -> Any:
        statement = upserting_insert(self._database)(_entries)
        changed = {name: statement.excluded[name] for name in ("value", "stamp", "base", "version")}
        return statement.on_conflict_do_update(
            index_elements=["session_id", "path"], set_=changed, where=statement.excluded.stamp > _entries.c.stamp
        )


def _header(row: Any) -> SessionHeader:
    return SessionHeader(
        session_id=row.session_id,
        user_id=row.user_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_activity=row.last_activity,
        expires_at=row.expires_at,
        version=row.version,
    )
