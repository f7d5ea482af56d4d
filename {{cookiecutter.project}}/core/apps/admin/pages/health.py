"""Health: whether all is kept, and what to do if not."""

import streamlit as st

from core import ui
from core.apps.admin.amounts import duration, size
from core.apps.admin.storage import USUAL, Database, Storage, Trouble, look, troubles
from core.command_line import python
from core.permissions import requires
from core.router import page
from core.services import get_services
from core.storage.entry import Quarantined

_SHOWN = 20
_COMMANDS = "\n".join(
    python(f"manage.py quarantine {what}") for what in ("list", "export --output quarantine.jsonl", "discard")
)


@page(title="Health", icon=":material/monitor_heart:", order=4)
@requires("admin.health")
def health() -> None:
    st.title(ui.words().title("Health"))
    _now()


@st.fragment(run_every="10s")
@requires("admin.health")
def _now() -> None:
    seen = look(get_services())
    _verdict(list(troubles(seen)))
    _figures(seen)
    _quarantine(seen)
    st.caption(
        f"Seen from this server at {ui.local_time(seen.at, '%H:%M:%S')}, and every ten seconds. What waits in the "
        "journal of another server shows there. `docs/operations.md` says more about each trouble."
    )


def _verdict(found: list[Trouble]) -> None:
    """One plain sentence on top, and one for each thing that is wrong."""
    if not found:
        st.success(
            "All is well: everything people entered is kept, and nothing waits to be done.", icon=":material/check:"
        )
    for trouble in found:
        show = st.error if trouble.urgent else st.warning
        show(f"{trouble.says} **{trouble.remedy}**", icon=":material/error:" if trouble.urgent else ":material/info:")


def _figures(seen: Storage) -> None:
    status, number = seen.status, ui.words().number
    if seen.has_journal:
        with st.container(key="figures-journal"):
            waiting = number(status.pending) if seen.held_up else "nothing"
            journal = f"What this server has saved and the database doesn't have after {USUAL.seconds} s"
            st.metric("Waiting", waiting, border=True, help=journal)
            waited = duration(seen.waited.total_seconds()) if seen.held_up else "–"
            st.metric("The oldest for", waited, border=True)
            flushed = ui.ago(status.last_flush, seen.at) if status.last_flush else "not since the start"
            st.metric("Last write", flushed, border=True, help="To the database")
            st.metric("Failed in a row", number(status.failures), border=True, help="Writes to the database")
    else:
        st.caption("Edits go straight into the database (`DURABILITY=database`): nothing ever waits here.")
    with st.container(key="figures-storage"):
        found = seen.database
        st.metric(
            "Answer time", _latency(found), border=True, help="Of the database on this server's connection, at best"
        )
        st.metric("Sessions stored", number(found.sessions) if found else "–", border=True)
        st.metric("Database size", size(found.size) if found else "–", border=True)
        for disk in seen.disks:
            st.metric("Free disk", size(disk.free), border=True, help=f"For the {disk.holds}, of {size(disk.total)}")
    if seen.away or status.last_error:
        st.caption(f"Last error: {ui.plain(status.last_error or seen.away)}")


def _quarantine(seen: Storage) -> None:
    st.subheader("Damaged records")
    if not seen.aside:
        unknown = "" if seen.database else " in the journal; what was set aside in the database shows when it is back"
        st.caption(f"Nothing was found damaged{unknown}.")
        return
    st.table([_line(place, aside) for place, aside in seen.aside[:_SHOWN]], hide_index=True)
    if len(seen.aside) > _SHOWN:
        st.caption(f"{len(seen.aside) - _SHOWN} more: `{python('manage.py quarantine list')}`")
    st.markdown(
        "A record that is not what was written is kept here, out of the way. Look at it on the server, ask the person "
        "to enter the field again, and discard it when it is of no use any more."
    )
    st.code(_COMMANDS, language="sh")


def _latency(found: Database | None) -> str:
    if found is None:
        return "away"
    milliseconds = found.latency * 1000
    return f"< {ui.words().number(0.1, 1)} ms" if milliseconds < 0.1 else f"{ui.words().number(milliseconds, 1)} ms"


def _line(place: str, aside: Quarantined) -> dict[str, str]:
    return {
        "When": ui.local_time(aside.at, "day_time"),
        "Where": place,
        "What": ui.plain(aside.entry.path),
        "Why": ui.plain(aside.reason),
    }
