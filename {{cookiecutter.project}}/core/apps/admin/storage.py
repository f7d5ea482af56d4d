"""How storage is, as far as it can be seen from this server, and what has to be done about it."""

import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from core.apps.admin.amounts import duration, size
from core.command_line import python
from core.errors import JournalError, StoreUnavailableError
from core.services import Services
from core.storage.database import reachable
from core.storage.entry import Quarantined
from core.storage.writer import EngineStatus
from core.ui import plain

USUAL = timedelta(seconds=10)
"""Within it what was entered is usually in the database, too."""
_BACKLOG = timedelta(minutes=1)
"""Flushes come every few seconds; whatever waits longer is held up by something."""
_SLOW_SECONDS = 0.25
_ASKED = 3
"""Times; the shortest counts, since a busy server is not a slow database."""
_LITTLE_ROOM = 1_000_000_000
_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    "postgresql": "SELECT pg_database_size(current_database())",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What the database answered: after how many seconds, how many sessions it holds, its size in bytes."""

    kind: str
    latency: float
    sessions: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk of this server: what lies on it, and its room in bytes."""

    holds: str
    free: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """What was seen. `database` is None while it is away, and `away` then says why."""

    at: datetime
    has_journal: bool
    status: EngineStatus
    database: Database | None
    away: str
    disks: list[Disk]
    failing: Mapping[str, str]
    """By name: the error of each background task that failed the last time."""
    aside: list[tuple[str, Quarantined]]
    """Where it lies, and what was set aside; in the database only while that answers."""

    @property
    def waited(self) -> timedelta:
        """For how long the oldest edit has waited for the database: no time where none does."""
        first = self.status.oldest_pending
        return self.at - first if first else timedelta()

    @property
    def held_up(self) -> bool:
        """Whether edits wait longer than is usual; before that they are just saved."""
        return self.waited > USUAL or bool(self.status.pending and self.status.failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is wrong, and what to do about it."""

    says: str
    remedy: str
    urgent: bool = True


def look(services: Services) -> Storage:
    """Look at everything. Never raises for an outage: what can't be seen is part of what is seen."""
    database, away, aside = None, "", _aside_here(services)
    try:
        with services.accounts.db_budget, reachable():
            database = _database(services)
            aside += [("database", one) for one in services.store.quarantined()]
    except StoreUnavailableError as error:
        away = str(error)
    return Storage(
        at=services.clock.now(),
        has_journal=services.journal is not None,
        status=services.engine.status(),
        database=database,
        away=away,
        disks=_disks(services),
        failing=services.background.failing,
        aside=aside,
    )


def troubles(seen: Storage) -> Iterator[Trouble]:
    """What is wrong, the worst first; nothing where all is well."""
    status = seen.status
    if status.journal_error:
        yield Trouble(
            says=f"The journal took no edit the last time ({plain(status.journal_error)}). Edits go straight into the "
            "database; while that is away, they are refused.",
            remedy="Make room on the disk of the journal, and check who may write there.",
        )
    if seen.database is None:
        yield Trouble(says=_while_away(seen), remedy="Start the database, or correct `DATABASE_URL`.")
    elif status.failures:
        times = "The last flush" if status.failures == 1 else f"The last {status.failures} flushes"
        yield Trouble(
            says=f"{times} into the database failed ({plain(status.last_error or '')}), though it answers now.",
            remedy=f"It is tried again by itself. If this stays, run `{python('manage.py doctor')}` on the server.",
        )
    elif seen.waited > _BACKLOG:
        waited = duration(seen.waited.total_seconds())
        yield Trouble(
            says=f"Edits have waited for the database for {waited}; a few seconds are usual.",
            remedy="Look what holds the database up. Nothing is lost meanwhile.",
        )
    for disk in seen.disks:
        if disk.free < _LITTLE_ROOM:
            says = f"Only {size(disk.free)} are free on the disk of the {disk.holds}."
            yield Trouble(says=says, remedy="Make room there: on a full disk nothing new can be kept.")
    if seen.database is not None and seen.database.latency > _SLOW_SECONDS:
        took = round(seen.database.latency * 1000)
        says = f"The database took {took} ms to answer; every page waits for it."
        yield Trouble(says=says, remedy="Look at its load, and at the network between.", urgent=False)
    for name, error in seen.failing.items() if seen.database is not None else ():
        yield Trouble(
            says=f"The background task “{name}” failed the last time ({plain(error)}).",
            remedy="It is tried again by itself. If this stays, the server's log says where it fails.",
            urgent=False,
        )
    if seen.aside:
        records = "One damaged record was" if len(seen.aside) == 1 else f"{len(seen.aside)} damaged records were"
        yield Trouble(
            says=f"{records} set aside: a field is empty or has an older value.",
            remedy="See the list below. One may be an accident; many mean a disk or memory that fails.",
            urgent=False,
        )


def _while_away(seen: Storage) -> str:
    if not seen.has_journal:
        return "The database is away, and edits are refused until it is back."
    waiting = "1 edit waits" if seen.status.pending == 1 else f"{seen.status.pending} edits wait"
    return f"The database is away. Edits go on, safe in the journal of this server ({waiting}); new pages can't open."


def _database(services: Services) -> Database:
    with services.database.connect() as connection:
        latency = min(_seconds_to_answer(connection) for _ in range(_ASKED))
        stored = _bytes(connection)
    kind = services.database.dialect.name
    return Database(kind=kind, latency=latency, sessions=services.store.count(), size=stored)


def _seconds_to_answer(connection: Connection) -> float:
    began = time.perf_counter()
    connection.execute(text("SELECT 1"))
    return time.perf_counter() - began


def _bytes(connection: Connection) -> int:
    return int(connection.execute(text(_SIZE[connection.dialect.name])).scalar_one())


def _aside_here(services: Services) -> list[tuple[str, Quarantined]]:
    try:
        return [("journal", one) for one in services.journal.quarantined()] if services.journal else []
    except JournalError:
        return []  # that the journal can't be read is told by the engine's status


def _disks(services: Services) -> list[Disk]:
    """The disks that edits need, each once."""
    folders: dict[str, Path] = {}
    if services.journal is not None:
        folders["journal"] = services.journal.path.parent
    url = make_url(services.settings.resolved_database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        folders["database"] = Path(url.database).parent
    by_device: dict[int, tuple[list[str], Path]] = {}
    for name, folder in folders.items():
        if folder.is_dir():
            by_device.setdefault(folder.stat().st_dev, ([], folder))[0].append(name)
    room = [(" and the ".join(names), shutil.disk_usage(folder)) for names, folder in by_device.values()]
    return [Disk(holds=holds, free=usage.free, total=usage.total) for holds, usage in room]
