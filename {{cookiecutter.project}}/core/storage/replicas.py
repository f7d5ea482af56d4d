"""The replicas of the app: each server notes itself in the database, and one that differs from the others is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import Engine, delete, func, select

from core.clock import Clock
from core.storage.database import reachable, read_from, upserting_insert
from core.storage.models import ProjectFactModel

NOTED_SECONDS = 10.0
"""Time between two notes of a server."""
_RUNNING = timedelta(seconds=4 * NOTED_SECONDS)
_FORGOTTEN = timedelta(days=1)
_MOST_AHEAD_SECONDS = 5.0
_PREFIX = "replica "


class Replica(BaseModel, frozen=True):
    """One server, as it noted itself last."""

    name: str
    started: datetime
    seen: datetime
    """By the database's clock, as all replicas are."""
    ahead_seconds: float
    """Seconds by which the server's clock is ahead of the database's."""
    version: str
    pages: int
    """Open pages."""
    pending: int
    """Edits that wait in its journal."""
    strays: int
    """Browsers that typed here into pages that are open at another server, since the note before."""
    facts: Mapping[str, str]
    """Fingerprints, never values, of what must be the same at all servers, by name."""


class Replicas:
    """All replicas, and the notes of this one, which goes by `name`."""

    def __init__(self, database: Engine, clock: Clock, name: str) -> None:
        self._database, self._clock, self._name = database, clock, name
        self._started = clock.now()

    def note(self, *, version: str, pages: int, pending: int, strays: int, facts: Mapping[str, str]) -> None:
        """Note how this replica is now, and forget those that are long gone. Raises StoreUnavailableError."""
        with reachable(), self._database.begin() as connection:
            seen = self._now(connection)
            replica = Replica(
                name=self._name,
                started=self._started,
                seen=seen,
                ahead_seconds=(self._clock.now() - seen).total_seconds(),
                version=version,
                pages=pages,
                pending=pending,
                strays=strays,
                facts=facts,
            )
            insert = upserting_insert(self._database)(ProjectFactModel)
            insert = insert.values(name=f"{_PREFIX}{self._name}", value=replica.model_dump_json())
            connection.execute(
                insert.on_conflict_do_update(index_elements=["name"], set_={"value": insert.excluded.value})
            )
            for old in self._read(connection):
                if seen - old.seen > _FORGOTTEN:
                    self._remove(connection, old.name)

    def leave(self) -> None:
        """Take this replica off: it is about to end. Raises StoreUnavailableError."""
        with reachable(), self._database.begin() as connection:
            self._remove(connection, self._name)

    def running(self) -> Sequence[Replica]:
        """Return the replicas that were seen just now, by name. Raises StoreUnavailableError."""
        with reachable(), read_from(self._database) as connection:
            now = self._now(connection)
            return sorted(
                (each for each in self._read(connection) if now - each.seen < _RUNNING), key=lambda each: each.name
            )

    def _now(self, connection: Any) -> datetime:
        """Return the database's time; SQLite has none of its own."""
        if self._database.dialect.name == "sqlite":
            return self._clock.now()
        now: datetime = connection.scalar(select(func.now()))
        return now.astimezone(UTC)

    def _read(self, connection: Any) -> Iterator[Replica]:
        found = select(ProjectFactModel.value).where(ProjectFactModel.name.startswith(_PREFIX))
        for value in connection.scalars(found).all():
            try:
                yield Replica.model_validate_json(value)
            except ValidationError:
                continue  # another version's

    def _remove(self, connection: Any, name: str) -> None:
        connection.execute(delete(ProjectFactModel).where(ProjectFactModel.name == f"{_PREFIX}{name}"))


def differences(replicas: Sequence[Replica]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with replicas as a fleet, each with its remedy, a sentence each."""
    for fact in dict.fromkeys(fact for replica in replicas for fact in replica.facts):
        if odd := _odd(replicas, lambda replica, fact=fact: replica.facts.get(fact, "")):  # type: ignore[misc]
            yield f"{odd} in {fact}", f"Give all servers the same {fact}, and restart those that differ."
    if odd := _odd(replicas, lambda replica: replica.version):
        yield (
            f"{odd} in the version of the engine or of Streamlit",
            "Finish the deployment: all servers need one version.",
        )
    for replica in replicas:
        if abs(replica.ahead_seconds) > _MOST_AHEAD_SECONDS:
            says = f"the clock of {replica.name} is {replica.ahead_seconds:+.0f} s away from the database's"
            yield says, "Let every server take its time from the network (NTP)."
    if strays := [replica.name for replica in replicas if replica.strays]:
        says = f"{' and '.join(strays)} got what is typed into pages that are open at another server"
        yield says, "Turn on sticky sessions (a cookie) at the load balancer; docs/scaling.md shows how."


def _odd(replicas: Sequence[Replica], fact: Callable[[Replica], str]) -> str:
    """Return which replicas differ from most of them; all, where most have no common value. Empty where none does."""
    by_value: dict[str, list[str]] = {}
    for replica in replicas:
        by_value.setdefault(fact(replica), []).append(replica.name)
    if len(by_value) < 2:
        return ""
    most = max(by_value.values(), key=len)
    others = [name for names in by_value.values() if names is not most for name in names]
    if 2 * len(most) > len(replicas):
        return f"{' and '.join(others)} {'differs' if len(others) == 1 else 'differ'} from {' and '.join(most)}"
    return f"{' and '.join([*most, *others])} differ from each other"
