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
from core.storage.database import reachable, read_from
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
    say = ui.words()
    if not found:
        st.success(say("health.well"), icon=":material/check:")
    for trouble in found:
        show = st.error if trouble.urgent else st.warning
        show(f"{trouble.says} **{trouble.remedy}**", icon=":material/error:" if trouble.urgent else ":material/info:")
    _show_replicas(services)
    st.caption(say("health.seen", time=ui.local_time(services.clock.now(), "%H:%M:%S")))


def _show_replicas(services: Services) -> None:
    """Show the servers that run now, where there are several."""
    with suppress(StoreUnavailableError), services.accounts.db_budget:
        running = Replicas(services.database, services.clock, "").running()
        if len(running) < 2:
            return
        say = ui.words()
        st.subheader(say("health.servers"), anchor=False)
        st.dataframe(
            [
                {
                    say("health.server"): each.name,
                    say("health.since"): ui.local_time(each.started),
                    say("health.last_seen"): ui.local_time(each.seen, "%H:%M:%S"),
                    say("health.pages"): each.pages,
                    say("health.waiting"): each.pending,
                    say("health.version"): each.version,
                }
                for each in running
            ],
            hide_index=True,
        )


def troubles(services: Services) -> Iterator[Trouble]:
    """Yield what is wrong, the worst first; nothing where all is well. An outage is trouble, and never raises."""
    status, (away, quarantined), say = services.engine.status(), _ask(services), ui.words()
    if status.journal_error:
        yield Trouble(
            says=say("health.journal", error=ui.plain(status.journal_error)), remedy=say("health.journal_remedy")
        )
    if away:
        held = services.journal is not None
        says = say("health.journal_holds", n=status.pending) if held else say("health.refused")
        yield Trouble(says=f"{ui.plain(away)} {says}", remedy=say("health.away_remedy"))
    elif status.failures:
        yield Trouble(
            says=say("health.flushes", n=status.failures, error=ui.plain(status.last_error or "")),
            remedy=say("health.flushes_remedy", command=python("manage.py doctor")),
        )
    elif status.oldest_pending is not None and services.clock.now() - status.oldest_pending > _BACKLOG:
        yield Trouble(
            says=say("health.backlog", when=ui.local_time(status.oldest_pending)), remedy=say("health.backlog_remedy")
        )
    for holds, free in _free(services).items():
        if free < _LITTLE_ROOM:
            yield Trouble(says=say(holds, size=_gigabytes(free)), remedy=say("health.room_remedy"))
    for name, error in services.background.failing.items() if not away else ():
        yield Trouble(
            says=say("health.task", name=name, error=ui.plain(error)),
            remedy=say("health.task_remedy"),
            urgent=False,
        )
    for says, remedy in _differences(services) if not away else ():
        yield Trouble(says=f"Of the servers {says}.", remedy=remedy)
    if quarantined:
        yield Trouble(
            says=say("health.quarantine", n=quarantined),
            remedy=say("health.quarantine_remedy", command=python("manage.py quarantine list")),
            urgent=False,
        )


def _ask(services: Services) -> tuple[str, int]:
    """Return why the database can't be asked, empty while it answers, and the number of damaged records found."""
    quarantined = 0
    with suppress(JournalError):  # the engine's status has it
        quarantined += len(services.journal.quarantined()) if services.journal else 0
    try:
        with services.accounts.db_budget, reachable(), read_from(services.database) as connection:
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
    """Return the room that edits need, once for each disk, by the text that says what is on it."""
    folders: dict[str, Path] = {}
    if services.journal is not None:
        folders["health.room_journal"] = services.journal.path.parent
    url = make_url(services.settings.resolved_database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        folders["health.room_database"] = Path(url.database).parent
    by_device: dict[int, list[str]] = {}
    for name, folder in folders.items():
        if folder.is_dir():
            by_device.setdefault(folder.stat().st_dev, []).append(name)
    return {
        "health.room_both" if names[1:] else names[0]: shutil.disk_usage(folders[names[0]]).free
        for names in by_device.values()
    }


def _gigabytes(count: int) -> str:
    return f"{ui.words().number(count / 1e9, 1)} GB"
