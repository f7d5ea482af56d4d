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
from core.storage.entry import Quarantined
from core.storage.writer import EngineStatus

USUAL = timedelta(seconds=10)
"""Within it what was entered is usually in the database, too."""
_BACKLOG = timedelta(minutes=1)
"""Flushes come every few seconds; whatever waits longer is held up by something."""
_LITTLE_ROOM = 1_000_000_000
_SHOWN = 20
_COMMANDS = "\n".join(
    python(f"manage.py quarantine {what}") for what in ("list", "export --output quarantine.jsonl", "discard")
)


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
    quarantine: list[tuple[str, Quarantined]]
    """Damaged records and where they lie; those of the database only while it answers."""

    @property
    def waited(self) -> timedelta:
        """The time for which the oldest edit has waited for the database."""
        first = self.status.oldest_pending
        return self.at - first if first else timedelta()

    @property
    def held_up(self) -> bool:
        """True if edits wait longer than is usual; before that they are just saved."""
        return self.waited > USUAL or bool(self.status.pending and self.status.failures)


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
    _figures(seen)
    _quarantine(seen)
    st.caption(
        f"Seen from this server at {ui.local_time(seen.at, '%H:%M:%S')}, and every ten seconds. What waits in the "
        "journal of another server shows there. `docs/operations.md` says more about each trouble."
    )


def look(services: Services) -> Health:
    """Return the state of storage. Never raises for an outage: what can't be seen is part of what is seen."""
    away, quarantine = "", list[tuple[str, Quarantined]]()
    with suppress(JournalError):  # the engine's status has it
        quarantine += [("journal", one) for one in services.journal.quarantined()] if services.journal else []
    try:
        with services.accounts.db_budget, reachable(), services.database.connect() as connection:
            connection.execute(text("SELECT 1"))
            quarantine += [("database", one) for one in services.store.quarantined()]
    except StoreUnavailableError as error:
        away = str(error)
    return Health(
        at=services.clock.now(),
        has_journal=services.journal is not None,
        status=services.engine.status(),
        away=away,
        free=_free(services),
        failing=dict(services.background.failing),
        quarantine=quarantine,
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
        yield Trouble(says=f"The database is away. {says}", remedy="Start the database, or correct `DATABASE_URL`.")
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
    if seen.quarantine:
        records = (
            "One damaged record is" if len(seen.quarantine) == 1 else f"{len(seen.quarantine)} damaged records are"
        )
        yield Trouble(
            says=f"{records} in quarantine: a field is empty or has an older value.",
            remedy="See the list below. One may be an accident; many mean a disk or memory that fails.",
            urgent=False,
        )


def _figures(seen: Health) -> None:
    status, number = seen.status, ui.words().number
    with st.container(key="figures-storage"):
        st.metric("Database", "away" if seen.away else "up", border=True)
        if seen.has_journal:
            journal = f"What this server has saved and the database doesn't have after {USUAL.seconds} s"
            waiting = number(status.pending) if seen.held_up else "nothing"
            st.metric("Waiting", waiting, border=True, help=journal)
            waited = duration(seen.waited.total_seconds()) if seen.held_up else "–"
            st.metric("The oldest for", waited, border=True)
            flushed = ui.ago(status.last_flush, seen.at) if status.last_flush else "not since the start"
            st.metric("Last write", flushed, border=True, help="To the database")
            st.metric("Failed in a row", number(status.failures), border=True, help="Writes to the database")
        for holds, free in seen.free.items():
            st.metric("Free disk", _gigabytes(free), border=True, help=f"For the {holds}")
    if seen.away or status.last_error:
        st.caption(f"Last error: {ui.plain(status.last_error or seen.away)}")


def _quarantine(seen: Health) -> None:
    st.subheader("Damaged records")
    if not seen.quarantine:
        unknown = " in the journal; what is in the database shows when it is back" if seen.away else ""
        st.caption(f"Nothing was found damaged{unknown}.")
        return
    rows = [
        {
            "When": ui.local_time(found.at, "day_time"),
            "Where": place,
            "What": ui.plain(found.entry.path),
            "Why": ui.plain(found.reason),
        }
        for place, found in seen.quarantine
    ]
    st.table(rows[:_SHOWN], hide_index=True)
    if len(rows) > _SHOWN:
        st.caption(f"{len(rows) - _SHOWN} more: `{python('manage.py quarantine list')}`")
    st.markdown(
        "A record that is not what was written is kept here, out of the way. Look at it on the server, ask the person "
        "to enter the field again, and discard it when it is of no use any more."
    )
    st.code(_COMMANDS, language="sh")


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
