"""The audit trail: who did what, when and from where, and who was refused what."""

from collections.abc import Iterable
from datetime import timedelta, tzinfo
from functools import partial

import pandas as pd
import streamlit as st

from core import ui
from core.accounts import Accounts, Actor, Asked, Audited
from core.accounts.audit import COMMAND_LINE, Format
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
    "sign_in": "audit.sign_in",
    "sign_in.refused": "audit.sign_in_refused",
    "sign_in.throttled": "audit.sign_in_throttled",
    "sign_out": "audit.sign_out",
    "session.revoked": "audit.session_revoked",
    "session.deleted": "audit.session_deleted",
    "person.added": "audit.person_added",
    "person.invited": "audit.person_invited",
    "invitation.withdrawn": "audit.invitation_withdrawn",
    "person.described": "audit.person_described",
    "person.roles": "audit.person_roles",
    "person.locked_out": "audit.person_locked_out",
    "person.admitted": "audit.person_admitted",
    "person.deleted": "audit.person_deleted",
    "person.exported": "audit.person_exported",
    "password.changed": "audit.password_changed",
    "password.link": "audit.password_link",
    "password.reset": "audit.password_reset",
    "role.saved": "audit.role_saved",
    "role.deleted": "audit.role_deleted",
    "refused": "audit.refused",
    "trail.exported": "audit.trail_exported",
}
"""Texts of events, by their names."""
PERIODS = {
    "audit.any_time": None,
    "audit.day": timedelta(days=1),
    "audit.week": timedelta(days=7),
    "audit.month": timedelta(days=30),
}
_BEFORE = "admin-audit-before"
"""The number of the last event of the page before this one."""


@page(title="Audit trail", icon=":material/policy:", order=4)
@requires("admin.audit")
def audit() -> None:
    say = ui.words()
    st.title(say.title("Audit trail"))
    accounts = get_services().accounts
    with reachable():
        asked = _filters(accounts)
        lines = accounts.audit.find(limit=PER_PAGE + 1, before=st.session_state.get(_BEFORE), **asked)
    shown = lines[:PER_PAGE]
    if not shown:
        ui.empty_state(":material/policy:", say("admin_pages.no_results"), say("audit.none"))
        return
    show_table(
        table(shown, zone()),
        alt=say("audit.events_newest"),
        height="content",
        column_config={
            say("audit.when"): st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            say("audit.event"): st.column_config.TextColumn(width=150),
            say("audit.who"): st.column_config.TextColumn(width=170),
            say("audit.about"): st.column_config.TextColumn(width=170),
            say("audit.detail"): st.column_config.TextColumn(width=130),
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        newest, last = _BEFORE not in st.session_state, shown[-1].number
        first, older = say("audit.newest"), say("audit.older")
        st.button(first, icon=":material/first_page:", on_click=_show_before, args=(None,), disabled=newest)
        st.button(older, icon=":material/chevron_right:", on_click=_show_before, args=(last,), disabled=shown == lines)
        _downloads(asked)


def table(lines: Iterable[Audited], zone: tzinfo) -> pd.DataFrame:
    """Return one row for each event. Times are as the person reads them, without a zone."""
    say = ui.words()
    by_hand = say("admin_pages.command_line")
    return pd.DataFrame(
        {
            say("audit.when"): line.at.astimezone(zone).replace(tzinfo=None),
            say("audit.event"): say(EVENTS[line.event]) if line.event in EVENTS else line.event,
            say("audit.who"): line.actor,
            say("audit.about"): line.subject_name,
            say("audit.address"): line.address,
            say("audit.detail"): line.detail,
            say("audit.device"): by_hand if line.device == COMMAND_LINE.device else line.device,
        }
        for line in lines
    )


def _filters(accounts: Accounts) -> Asked:
    (left, middle), say = st.columns(2), ui.words()
    length = PERIODS[left.selectbox(say("audit.when"), list(PERIODS), format_func=say, on_change=_show_before)]
    asked_who = middle.text_input(say("audit.who"), placeholder=say("audit.who_example"), on_change=_show_before)
    who = asked_who.strip()
    events = st.multiselect(
        say("audit.events"),
        list(EVENTS),
        format_func=lambda event: say(EVENTS[event]),
        placeholder=say("audit.all"),
        on_change=_show_before,
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
            help=ui.words()("audit.download_help"),
            on_click="ignore",
        )


def _file(kind: Format, asked: Asked, by: Actor) -> str:
    return "".join(get_services().accounts.audit.export(kind, by=by, limit=MOST, **asked))
