"""The audit trail: who did what, when and from where, and who was refused what."""

from functools import partial

import streamlit as st

from core import ui
from core.accounts import Accounts, Actor, Asked
from core.accounts.trail_export import MOST, Format, people_of
from core.apps.admin.tables import show_table
from core.apps.admin.trail import DAYS, EVENTS, PERIODS, Period, days, table
from core.auth import acting
from core.permissions import requires
from core.router import page
from core.services import get_services
from core.storage.database import reachable
from core.ui.times import zone

PER_PAGE = 50
_PAGES = "admin-audit-pages"
"""For each page that was turned to, the number of the last line of the one before."""


@page(title="Audit trail", icon=":material/policy:", order=4)
@requires("admin.audit")
def audit() -> None:
    st.title(ui.words().title("Audit trail"))
    accounts = get_services().accounts
    with reachable():
        asked = _asked_for(accounts)
        if asked is None:
            return
        turned: list[int] = st.session_state.setdefault(_PAGES, [])
        lines = accounts.trail(limit=PER_PAGE + 1, before=turned[-1] if turned else None, **asked)
        names = accounts.names({person for line in lines for person in people_of(line)})
    shown = lines[:PER_PAGE]
    if not shown:
        ui.empty_state(":material/policy:", "Nothing", "Nothing in the trail is like that.")
    else:
        show_table(
            table(shown, names, zone()),
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
    _turn(shown[-1].number if len(lines) > PER_PAGE else None, turned)
    if shown:
        _hand_out(asked)


def _asked_for(accounts: Accounts) -> Asked | None:
    """What the filters ask for; None where nobody is like that."""
    left, middle, right = st.columns(3)
    period = left.selectbox("When", [*PERIODS, DAYS], on_change=_from_the_start)
    text = middle.text_input("Who", placeholder="Name, username or id", on_change=_from_the_start).strip()
    address = right.text_input("Address", placeholder="192.0.2.7", on_change=_from_the_start).strip()
    when = _period(period)
    events = st.multiselect(
        "Events", list(EVENTS), format_func=EVENTS.__getitem__, placeholder="All", on_change=_from_the_start
    )
    asked = Asked(events=events, address=address or None, since=when.since, until=when.until)
    if text:
        person = _person(accounts, text)
        if person is None:
            return None
        asked["person"] = person
    return asked


def _period(name: str) -> Period:
    if name == DAYS:
        chosen = st.date_input("Days", [], on_change=_from_the_start)
        return days(chosen if isinstance(chosen, tuple) else (), zone())
    length = PERIODS[name]
    return Period(since=get_services().clock.now() - length if length else None)


def _person(accounts: Accounts, text: str) -> str | None:
    """The id of who is meant. An id of nobody may be that of somebody who was deleted."""
    if user := accounts.find(text):
        return user.user_id
    called = {user.user_id: f"{user.name} ({user.username})" for user in accounts.find_people(text, limit=20)}
    if len(called) == 1:
        return next(iter(called))
    if called:
        chosen: str | None = st.selectbox(
            "Several people are called that",
            list(called),
            index=None,
            format_func=called.__getitem__,
            placeholder="Choose one",
            on_change=_from_the_start,
        )
        return chosen
    if len(text) == 32 and text.isalnum():
        return text
    ui.empty_state(
        ":material/person_off:", "No results", f"No one matches {ui.plain(text)}. For a deleted person, enter the ID."
    )
    return None


def _from_the_start() -> None:
    st.session_state.pop(_PAGES, None)


def _turn(last: int | None, turned: list[int]) -> None:
    with st.container(horizontal=True):
        st.button("Newest", icon=":material/first_page:", on_click=_from_the_start, disabled=not turned)
        st.button("Newer", icon=":material/chevron_left:", on_click=_newer, disabled=not turned)
        st.button("Older", icon=":material/chevron_right:", on_click=_older, args=(last,), disabled=last is None)


def _newer() -> None:
    st.session_state[_PAGES] = st.session_state[_PAGES][:-1]


def _older(last: int) -> None:
    st.session_state[_PAGES] = [*st.session_state[_PAGES], last]


def _hand_out(asked: Asked) -> None:
    """Offer what is filtered as a file. It is made when it is asked for, where no script runs any more."""
    by = acting()
    with st.container(horizontal=True, vertical_alignment="center"):
        kinds: tuple[Format, ...] = ("csv", "json")
        for kind in kinds:
            st.download_button(
                kind.upper(),
                partial(_file, kind, asked, by),
                file_name=f"audit.{kind}",
                mime=f"text/{kind}" if kind == "csv" else "application/json",
                icon=":material/download:",
                key=f"audit-{kind}",
                on_click="ignore",
            )
        st.caption(
            f"All that is filtered, not just this page; of more than {ui.words().number(MOST)} lines the newest. "
            "That it was downloaded is noted in the trail."
        )


def _file(kind: Format, asked: Asked, by: Actor) -> str:
    return get_services().accounts.export_trail(kind, by=by, **asked)
