"""Versions: how a process learns that what it computed is out of date.

A row is a name that something may depend on (`form:intake`, `table:requests`, a cached function's own name) or a
pattern of such names, and a number that grows whenever that changed. It grows in the transaction that makes the
change, so nobody sees one without the other, and what is rolled back changes no number.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, cast

import structlog
from sqlalchemy import Connection, Engine, Table, bindparam, delete, event, func, select

from core.clock import Clock, SteadyClock
from core.errors import StoreUnavailableError
from core.storage.database import reachable, read_from, upserting_insert
from core.storage.models import ENGINE_TABLES, VersionModel

_versions = cast(Table, VersionModel.__table__)
_NEWS = select(_versions.c.name, _versions.c.version).where(
    _versions.c.name.in_(bindparam("names", expanding=True)) | _versions.c.is_pattern
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_numbers = itertools.count()
UNTRACKED = frozenset(f"table:{name}" for name in ENGINE_TABLES | {"alembic_version"})
"""Tables that no version tells of. Of a saved form `form:<id>` tells."""

CHANGED = "changed_tables"
"""The key under which a connection notes the tables that its transaction has written."""
_WRITES = re.compile(
    r"\b(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|REPLACE\s+INTO|MERGE\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM"
    r"|TRUNCATE(?:\s+TABLE)?|COPY)\s+(?:ONLY\s+)?((?:[\w]+|\"[^\"]+\")(?:\.(?:[\w]+|\"[^\"]+\"))?)",
    re.IGNORECASE,
)
_NO_TABLES = frozenset({"set", "of", "nowait", "skip"})
"""Words that may follow UPDATE and are no table: `ON CONFLICT DO UPDATE SET`, `FOR UPDATE OF`."""

log = structlog.get_logger(__name__)


def is_pattern(name: str) -> bool:
    """Return whether a name stands for several (`orders:*`)."""
    return any(character in name for character in "*?[")


class Versions:
    """The versions as far as this process knows them. Safe for threads."""

    def __init__(self, database: Engine, clock: Clock) -> None:
        self._database = database
        self._steady = SteadyClock(clock)
        self._upsert = _statement(database)
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}
        self._owed: set[str] = set()
        """Invalidated here while the database was away; it is told as soon as it is back."""
        self._away = False
        self._number = next(_numbers)
        self.changes = 0
        """Grows whenever this process changes a version: what it knew until then may be out of date."""

    def bump(self, connection: Connection, names: Iterable[str]) -> dict[str, int]:
        """Give names or patterns a new version, within a transaction. Call it last: the rows are locked until its end.

        Returns the new versions.
        """
        now = _microseconds(self._steady.latest())
        self.changes += 1
        return {
            # In a fixed order, so that two transactions can't wait for each other.
            name: connection.execute(
                self._upsert, {"name": name, "is_pattern": is_pattern(name), "version": now}
            ).scalar_one()
            for name in sorted(set(names))
        }

    def invalidate(self, name: str) -> None:
        """Give a name or pattern a new version, for this process at once.

        While the database is away the others are told when it is back, as far as this process lives to see that.
        """
        with self._lock:
            self._owed.add(name)
            self._known[name] = self._known.get(name, 0) + 1
        self.changes += 1
        self._settle()

    def refresh(self, names: Collection[str]) -> None:
        """Read the versions of all these names, and those of all patterns, in one query. Never raises for an outage."""
        self._settle()
        try:
            with reachable(), read_from(self._database) as connection:
                news = {row.name: row.version for row in connection.execute(_NEWS, {"names": sorted(names)})}
        except StoreUnavailableError as error:
            if not self._away:
                log.warning("the database is away; what is cached is served as it is", error=str(error))
            self._away = True
            return
        if self._away:
            log.info("the database is back; what is cached is checked again")
        self._away = False
        self._learn(news)

    def version_of(self, names: Collection[str]) -> str:
        """Return a text that differs after each change of one of these names, of which a result depends on them.

        Never the same for the versions of two databases.
        """
        with self._lock:
            known = self._known.items()
            # Each only ever grows, so that the sum does.
            total = sum(version for row, version in known if any(fnmatchcase(name, row) for name in names))
        return f"{self._number}:{total}"

    def forget(self, older_than: timedelta, limit: int) -> int:
        """Remove up to `limit` versions nobody changed for so long; returns how many.

        Harmless: processes remember the highest they saw, and a name that is changed again begins beyond it.
        """
        last = _microseconds(self._steady.now() - older_than)
        over = select(_versions.c.name).where(_versions.c.version < last).limit(limit).scalar_subquery()
        with reachable(), self._database.begin() as connection:
            return connection.execute(delete(_versions).where(_versions.c.name.in_(over))).rowcount

    def _settle(self) -> None:
        """Tell the database what was invalidated here."""
        with self._lock:
            owed = set(self._owed)
        if not owed:
            return
        try:
            with reachable(), self._database.begin() as connection:
                told = self.bump(connection, owed)
        except StoreUnavailableError as error:
            log.warning("other processes hear of an invalidation later", names=sorted(owed), error=str(error))
            return
        with self._lock:
            self._owed -= owed
        self._learn(told)

    def _learn(self, news: dict[str, int]) -> None:
        with self._lock:
            for name, version in news.items():
                self._known[name] = max(version, self._known.get(name, 0))


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _statement(database: Engine) -> Any:
    greatest = func.greatest if database.dialect.name == "postgresql" else func.max
    columns: dict[str, Any] = {name: bindparam(name) for name in ("name", "is_pattern", "version")}
    statement: Any = upserting_insert(database)(_versions).values(columns)
    # By the time, so that a name that was forgotten begins beyond what anybody saw of it.
    following = greatest(_versions.c.version + 1, statement.excluded.version)
    return statement.on_conflict_do_update(index_elements=["name"], set_={"version": following}).returning(
        _versions.c.version
    )


# Tables


def watch_tables(database: Engine, versions: Versions) -> None:
    """Give `table:<name>` a new version with, and within, every transaction of this engine that writes the table.

    It listens to SQLAlchemy, so it hears of all that goes through the project's own engine: Core, ORM and plain SQL.
    What another program writes into the database it can't hear; there `cache.invalidate` or a `ttl` is needed.
    """

    def note(
        connection: Connection, cursor: Any, statement: str, _parameters: object, context: Any, _many: bool
    ) -> None:
        if cursor.rowcount == 0 or statement.lstrip()[:6].upper() == "SELECT":
            return
        changed = {f"table:{table}" for table in written_tables(statement, context)} - UNTRACKED
        if not changed:
            return
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            versions.bump(connection, changed)
        else:
            connection.info.setdefault(CHANGED, set()).update(changed)

    def tell(connection: Connection) -> None:
        changed = connection.info.pop(CHANGED, None)
        if changed:
            versions.bump(connection, changed)

    def begin(connection: Connection) -> None:
        # Not at the rollback: a connection that was cut has no notes any more, and asking for them would hide the cut.
        connection.info.pop(CHANGED, None)

    event.listen(database, "after_cursor_execute", note)
    event.listen(database, "commit", tell)
    event.listen(database, "begin", begin)


def written_tables(statement: str, context: Any) -> Iterator[str]:
    """Yield the names of the tables that a statement writes, without their schema."""
    if context is not None and (context.isinsert or context.isupdate or context.isdelete):
        yield context.compiled.statement.table.name
        return
    for found in _WRITES.finditer(statement):
        table = found[1].rpartition(".")[2].strip('"')
        if table.lower() not in _NO_TABLES:
            yield table
