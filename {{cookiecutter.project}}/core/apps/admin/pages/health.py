"""Health: whether all that people entered is kept, and what to do if not, as far as this server can see."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import streamlit as st
from sqlalchemy import text
from sqlalchemy.engine import make_url

from core import ui
from core.command_line import python
from core.errors import JournalError, StoreUnavailableError
from core.permissions import requires
from core.router import page
from core.services import Services, get_services
from core.storage.database import reachable
from core.storage.replicas import Replicas, differences

_BACKLOG = timedelta(minutes=1)
"""Flushes come every few seconds; whatever waits longer is held up by something."""
_LITTLE_ROOM = 1_000_000_000


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
    services = get_services()
    found = list(troubles(services))
    if not found:
        st.success(
            "All is well: everything people entered is kept, and nothing waits to be done.", icon=":material/check:"
        )
    for trouble in found:
        show = st.error if trouble.urgent else st.warning
        show(f"{trouble.says} **{trouble.remedy}**", icon=":material/error:" if trouble.urgent else ":material/info:")
    _show_replicas(services)
    now = ui.local_time(services.clock.now(), "%H:%M:%S")
    st.caption(
        f"Seen from this server at {now}, and every ten seconds. What waits in the journal of another server shows "
        "there. `docs/operations.md` says more about each trouble."
    )


def _show_replicas(services: Services) -> None:
    """Show the servers that run now, where there are several."""
    with suppress(StoreUnavailableError), services.accounts.db_budget:
        running = Replicas(services.database, services.clock, "").running()
        if len(running) < 2:
            return
        st.subheader("Servers", anchor=False)
        st.dataframe(
            [
                {
                    "Name": each.name,
                    "Since": ui.local_time(each.started),
                    "Seen": ui.local_time(each.seen, "%H:%M:%S"),
                    "Open pages": each.pages,
                    "Edits that wait": each.pending,
                    "Version": each.version,
                }
                for each in running
            ],
            hide_index=True,
        )


def troubles(services: Services) -> Iterator[Trouble]:
    """Yield what is wrong, the worst first; nothing where all is well. An outage is trouble, and never raises."""
    status, (away, quarantined) = services.engine.status(), _ask(services)
    if status.journal_error:
        yield Trouble(
            says=f"The journal took no edit the last time ({ui.plain(status.journal_error)}). Edits go straight into "
            "the database; while that is away, they are refused.",
            remedy="Make room on the disk of the journal, and check who may write there.",
        )
    if away:
        waiting = "1 edit waits" if status.pending == 1 else f"{status.pending} edits wait"
        says = (
            f"Edits go on, safe in the journal of this server ({waiting}); new pages can't open."
            if services.journal is not None
            else "Edits are refused until it is back."
        )
        yield Trouble(says=f"{ui.plain(away)} {says}", remedy="Start the database, or correct `DATABASE_URL`.")
    elif status.failures:
        times = "The last flush" if status.failures == 1 else f"The last {status.failures} flushes"
        yield Trouble(
            says=f"{times} into the database failed ({ui.plain(status.last_error or '')}), though it answers now.",
            remedy=f"It is tried again by itself. If this stays, run `{python('manage.py doctor')}` on the server.",
        )
    elif status.oldest_pending is not None and services.clock.now() - status.oldest_pending > _BACKLOG:
        yield Trouble(
            says=f"Edits have waited for the database since {ui.local_time(status.oldest_pending)}; a few seconds are "
            "usual.",
            remedy="Look what holds the database up. Nothing is lost meanwhile.",
        )
    for holds, free in _free(services).items():
        if free < _LITTLE_ROOM:
            says = f"Only {_gigabytes(free)} are free on the disk of the {holds}."
            yield Trouble(says=says, remedy="Make room there: on a full disk nothing new can be kept.")
    for name, error in services.background.failing.items() if not away else ():
        yield Trouble(
            says=f"The background task “{name}” failed the last time ({ui.plain(error)}).",
            remedy="It is tried again by itself. If this stays, the server's log says where it fails.",
            urgent=False,
        )
    for says, remedy in _differences(services) if not away else ():
        yield Trouble(says=f"Of the servers {says}.", remedy=remedy)
    if quarantined:
        records = "One damaged record is" if quarantined == 1 else f"{quarantined} damaged records are"
        yield Trouble(
            says=f"{records} in quarantine: a field is empty or has an older value.",
            remedy=f"See which with `{python('manage.py quarantine list')}` on the server. One may be an accident; "
            "many mean a disk or memory that fails.",
            urgent=False,
        )


def _ask(services: Services) -> tuple[str, int]:
    """Return why the database can't be asked, empty while it answers, and the number of damaged records found."""
    quarantined = 0
    with suppress(JournalError):  # the engine's status has it
        quarantined += len(services.journal.quarantined()) if services.journal else 0
    try:
        with services.accounts.db_budget, reachable(), services.database.connect() as connection:
            connection.execute(text("SELECT 1"))
            quarantined += len(services.store.quarantined())
    except StoreUnavailableError as error:
        return str(error), quarantined
    return "", quarantined


def _differences(services: Services) -> list[tuple[str, str]]:
    with suppress(StoreUnavailableError), services.accounts.db_budget:
        return list(differences(Replicas(services.database, services.clock, "").running()))
    return []


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
