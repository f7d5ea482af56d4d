"""Health: whether all that people entered is kept, and what to do if not, as far as this server can see."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import streamlit as st
from sqlalchemy import text
from sqlalchemy.engine import make_url

from core import ui
from core.apps.admin.common import duration
from core.command_line import python
from core.errors import JournalError, StoreUnavailableError
from core.permissions import requires
from core.router import page
from core.services import Services, get_services
from core.storage.database import reachable
from core.storage.writer import EngineStatus

_BACKLOG = timedelta(minutes=1)
"""Flushes come every few seconds; whatever waits longer is held up by something."""
_LITTLE_ROOM = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of storage at one moment."""

    at: datetime
    has_journal: bool
    status: EngineStatus
    away: str
    """The reason why the database can't be asked; empty while it answers."""
    free: dict[str, int]
    """Bytes of room for the journal and for a database that is a file."""
    failing: dict[str, str]
    """By name: the error of each background task that failed the last time."""
    quarantined: int
    """Number of damaged records; those of the database count only while it answers."""

    @property
    def waited(self) -> timedelta:
        """The time for which the oldest edit has waited for the database."""
        first = self.status.oldest_pending
        return self.at - first if first else timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is wrong, and what to do about it."""

    says: str
    remedy: str
    urgent: bool = True


@page(title="Health", icon=":material/monitor_heart:", order=4)
@requires("admin.health")
def health() -> None:
    st.title(ui.words().title("Health"))
    _now()


@st.fragment(run_every="10s")
@requires("admin.health")
def _now() -> None:
    seen = look(get_services())
    found = list(troubles(seen))
    if not found:
        st.success(
            "All is well: everything people entered is kept, and nothing waits to be done.", icon=":material/check:"
        )
    for trouble in found:
        show = st.error if trouble.urgent else st.warning
        show(f"{trouble.says} **{trouble.remedy}**", icon=":material/error:" if trouble.urgent else ":material/info:")
    st.caption(
        f"Seen from this server at {ui.local_time(seen.at, '%H:%M:%S')}, and every ten seconds. What waits in the "
        "journal of another server shows there. `docs/operations.md` says more about each trouble."
    )


def look(services: Services) -> Health:
    """Return the state of storage. Never raises for an outage: what can't be seen is part of what is seen."""
    away, quarantined = "", 0
    with suppress(JournalError):  # the engine's status has it
        quarantined += len(services.journal.quarantined()) if services.journal else 0
    try:
        with services.accounts.db_budget, reachable(), services.database.connect() as connection:
            connection.execute(text("SELECT 1"))
            quarantined += len(services.store.quarantined())
    except StoreUnavailableError as error:
        away = str(error)
    return Health(
        at=services.clock.now(),
        has_journal=services.journal is not None,
        status=services.engine.status(),
        away=away,
        free=_free(services),
        failing=dict(services.background.failing),
        quarantined=quarantined,
    )


def troubles(seen: Health) -> Iterator[Trouble]:
    """Yield what is wrong, the worst first; nothing where all is well."""
    status = seen.status
    if status.journal_error:
        yield Trouble(
            says=f"The journal took no edit the last time ({ui.plain(status.journal_error)}). Edits go straight into "
            "the database; while that is away, they are refused.",
            remedy="Make room on the disk of the journal, and check who may write there.",
        )
    if seen.away:
        waiting = "1 edit waits" if status.pending == 1 else f"{status.pending} edits wait"
        says = (
            f"Edits go on, safe in the journal of this server ({waiting}); new pages can't open."
            if seen.has_journal
            else "Edits are refused until it is back."
        )
        yield Trouble(says=f"{ui.plain(seen.away)} {says}", remedy="Start the database, or correct `DATABASE_URL`.")
    elif status.failures:
        times = "The last flush" if status.failures == 1 else f"The last {status.failures} flushes"
        yield Trouble(
            says=f"{times} into the database failed ({ui.plain(status.last_error or '')}), though it answers now.",
            remedy=f"It is tried again by itself. If this stays, run `{python('manage.py doctor')}` on the server.",
        )
    elif seen.waited > _BACKLOG:
        yield Trouble(
            says=f"Edits have waited for the database for {duration(seen.waited.total_seconds())}; a few seconds are "
            "usual.",
            remedy="Look what holds the database up. Nothing is lost meanwhile.",
        )
    for holds, free in seen.free.items():
        if free < _LITTLE_ROOM:
            says = f"Only {_gigabytes(free)} are free on the disk of the {holds}."
            yield Trouble(says=says, remedy="Make room there: on a full disk nothing new can be kept.")
    for name, error in seen.failing.items() if not seen.away else ():
        yield Trouble(
            says=f"The background task “{name}” failed the last time ({ui.plain(error)}).",
            remedy="It is tried again by itself. If this stays, the server's log says where it fails.",
            urgent=False,
        )
    if seen.quarantined:
        records = "One damaged record is" if seen.quarantined == 1 else f"{seen.quarantined} damaged records are"
        yield Trouble(
            says=f"{records} in quarantine: a field is empty or has an older value.",
            remedy=f"See which with `{python('manage.py quarantine list')}` on the server. One may be an accident; "
            "many mean a disk or memory that fails.",
            urgent=False,
        )


def _free(services: Services) -> dict[str, int]:
    """Return the room that edits need, once for each disk."""
    folders: dict[str, Path] = {}
    if services.journal is not None:
        folders["journal"] = services.journal.path.parent
    url = make_url(services.settings.resolved_database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        folders["database"] = Path(url.database).parent
    by_device: dict[int, list[str]] = {}
    for name, folder in folders.items():
        if folder.is_dir():
            by_device.setdefault(folder.stat().st_dev, []).append(name)
    return {" and the ".join(names): shutil.disk_usage(folders[names[0]]).free for names in by_device.values()}


def _gigabytes(count: int) -> str:
    return f"{ui.words().number(count / 1e9, 1)} GB"
