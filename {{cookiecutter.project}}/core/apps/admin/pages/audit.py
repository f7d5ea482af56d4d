"""The audit trail: who did what, when and from where, and who was refused what."""

from collections.abc import Iterable
from datetime import timedelta, tzinfo
from functools import partial

import pandas as pd
import streamlit as st

from core import ui
from core.accounts import Accounts, Actor, Asked, Audited
from core.accounts.audit import Format
from core.apps.admin.common import show_table
from core.auth import acting
from core.permissions import requires
from core.router import page
from core.services import get_services
from core.storage.database import reachable
from core.ui.times import zone

PER_PAGE = 50
MOST = 100_000
"""Events of one file made for a page; `manage.py audit --output` has no end."""
EVENTS = {
    "sign_in": "Signed in",
    "sign_in.refused": "Sign-in refused",
    "sign_in.throttled": "Sign-in refused, too many attempts",
    "sign_out": "Signed out",
    "session.revoked": "Session ended",
    "session.deleted": "Session deleted",
    "person.added": "Person added",
    "person.invited": "Person invited",
    "invitation.withdrawn": "Invitation withdrawn",
    "person.described": "Name or e-mail of a person",
    "person.roles": "Roles of a person",
    "person.locked_out": "Person locked out",
    "person.admitted": "Person admitted again",
    "person.deleted": "Person deleted",
    "person.exported": "Person's data exported",
    "password.changed": "Password changed",
    "role.saved": "Role saved",
    "role.deleted": "Role deleted",
    "refused": "Access denied",
    "trail.exported": "Audit trail exported",
}
PERIODS = {
    "Any time": None,
    "The last 24 hours": timedelta(days=1),
    "The last 7 days": timedelta(days=7),
    "The last 30 days": timedelta(days=30),
}
_BEFORE = "admin-audit-before"
"""The number of the last event of the page before this one."""


@page(title="Audit trail", icon=":material/policy:", order=4)
@requires("admin.audit")
def audit() -> None:
    st.title(ui.words().title("Audit trail"))
    accounts = get_services().accounts
    with reachable():
        asked = _filters(accounts)
        lines = accounts.audit.find(limit=PER_PAGE + 1, before=st.session_state.get(_BEFORE), **asked)
    shown = lines[:PER_PAGE]
    if not shown:
        ui.empty_state(":material/policy:", "No results", "No event matches your filters.")
        return
    show_table(
        table(shown, zone()),
        alt="Events, the newest first",
        height="content",
        column_config={
            "When": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            "Event": st.column_config.TextColumn(width=150),
            "Who": st.column_config.TextColumn(width=130),
            "To whom or what": st.column_config.TextColumn(width=150),
            "Detail": st.column_config.TextColumn(width="small"),
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        newest, last = _BEFORE not in st.session_state, shown[-1].number
        st.button("Newest", icon=":material/first_page:", on_click=_show_before, args=(None,), disabled=newest)
        st.button(
            "Older", icon=":material/chevron_right:", on_click=_show_before, args=(last,), disabled=shown == lines
        )
        _downloads(asked)


def table(lines: Iterable[Audited], zone: tzinfo) -> pd.DataFrame:
    """Return one row for each event. Times are as the person reads them, without a zone."""
    return pd.DataFrame(
        {
            "When": line.at.astimezone(zone).replace(tzinfo=None),
            "Event": EVENTS.get(line.event, line.event),
            "Who": line.actor,
            "To whom or what": line.subject_name,
            "Address": line.address,
            "Detail": line.detail,
            "Device": line.device,
        }
        for line in lines
    )


def _filters(accounts: Accounts) -> Asked:
    left, middle = st.columns(2)
    length = PERIODS[left.selectbox("When", list(PERIODS), on_change=_show_before)]
    who = middle.text_input("Who", placeholder="Username or ID", on_change=_show_before).strip()
    events = st.multiselect(
        "Events", list(EVENTS), format_func=EVENTS.__getitem__, placeholder="All", on_change=_show_before
    )
    asked = Asked(events=events, since=get_services().clock.now() - length if length else None)
    if who:
        user = accounts.users.find(who)
        asked["person"] = user.user_id if user else who  # perhaps the ID of a deleted person
    return asked


def _show_before(number: int | None = None) -> None:
    """Go to the page of events before this one, or to the newest."""
    st.session_state.pop(_BEFORE, None)
    if number is not None:
        st.session_state[_BEFORE] = number


def _downloads(asked: Asked) -> None:
    """Offer what is filtered as a file, which is made when it is asked for."""
    kinds: tuple[Format, ...] = ("csv", "json")
    for kind in kinds:
        st.download_button(
            kind.upper(),
            partial(_file, kind, asked, acting()),
            file_name=f"audit.{kind}",
            mime="text/csv" if kind == "csv" else "application/json",
            icon=":material/download:",
            key=f"audit-{kind}",
            help="All events that match the filters. The download is noted in the trail.",
            on_click="ignore",
        )


def _file(kind: Format, asked: Asked, by: Actor) -> str:
    return "".join(get_services().accounts.audit.export(kind, by=by, limit=MOST, **asked))
