"""Sessions: who is here now, on which page, with what on its way, and the way to end that."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from core import get_session_manager, ui
from core.accounts import Browser, Wanted
from core.apps.admin.amounts import duration
from core.apps.admin.paging import PER_PAGE, from_the_start, offset, turn
from core.apps.admin.storage import USUAL
from core.auth import acting
from core.discovery import discover
from core.errors import JournalError, StoreUnavailableError
from core.permissions import requires
from core.router import page
from core.services import Services, get_services
from core.storage.database import reachable

_HELD = "admin-sessions-held"
_NUMBER = "admin-sessions-number"
_ANYWHERE = ""


@page(title="Sessions", icon=":material/devices:", order=3)
@requires("admin.sessions")
def sessions() -> None:
    st.title(ui.words().title("Sessions"))
    wanted = _asked_for()
    st.session_state.pop(_HELD, None)  # whoever does something on this page gets the list anew
    _live(wanted)


@dataclass(slots=True, kw_only=True)
class _Held:
    """The rows on the screen. They keep their places while only time goes by, so that nobody ends the wrong session."""

    of: tuple[Wanted, int]
    rows: list[Browser]
    total: int
    at: datetime


def _asked_for() -> Wanted:
    titles = {spec.name: spec.full_title for spec in discover() if not spec.fault}
    person, device, on = st.columns(3)
    anew: Any = {"on_change": from_the_start, "args": (_NUMBER,)}
    return Wanted(
        person=person.text_input("Person", placeholder="Name or username", **anew).strip(),
        device=device.text_input("Device", placeholder="Firefox, Android …", **anew).strip(),
        page=on.selectbox(
            "Page",
            [_ANYWHERE, *titles],
            format_func=lambda name: titles.get(name, "Any page"),
            **anew,
        ),
    )


@st.fragment(run_every="5s")
@requires("admin.sessions")
def _live(wanted: Wanted) -> None:
    services = get_services()
    head = st.container()
    try:
        held = _look(services, wanted)
    except StoreUnavailableError:
        if _HELD not in st.session_state:
            raise
        held = st.session_state[_HELD]
        head.warning(
            f"The database is away. This is how it was at {ui.local_time(held.at, 'time')}.", icon=":material/sync:"
        )
    now = services.clock.now()
    browsers = "browser" if held.total == 1 else "browsers"
    head.caption(
        f"{ui.words().number(held.total)} {browsers} in use, the last seen first. Looked up anew every five seconds; "
        "rows keep their places until you choose or load something."
    )
    if not held.rows:
        ui.empty_state(":material/devices_off:", "Nobody", "No browser in use is like that.")
        return
    since = _waiting_since(services, held.rows)
    for browser in held.rows:
        _row(browser, since, now)
    turn(_NUMBER, held.total)


def _look(services: Services, wanted: Wanted) -> _Held:
    """The rows that are on the screen as they are now, or those asked for where others are."""
    held: _Held | None = st.session_state.get(_HELD)
    accounts = services.accounts
    with accounts.hurry, reachable():
        total = accounts.count_browsers(wanted)
        first = offset(_NUMBER, total)
        if held is None or held.of != (wanted, first):
            rows = accounts.find_browsers(wanted, limit=PER_PAGE, offset=first)
        else:
            now = accounts.browsers([row.token_hash for row in held.rows])
            rows = [now[row.token_hash] for row in held.rows if row.token_hash in now]
    held = _Held(of=(wanted, first), rows=rows, total=total, at=services.clock.now())
    st.session_state[_HELD] = held
    return held


def _waiting_since(services: Services, rows: list[Browser]) -> dict[str, datetime] | None:
    """By session, since when something waits for the database here; None where that can't be known."""
    try:
        return services.engine.waiting_since({row.session_id for row in rows})
    except JournalError:
        return None


def _row(browser: Browser, since: dict[str, datetime] | None, now: datetime) -> None:
    titles = {spec.name: spec.full_title for spec in discover()}
    identity, sign_in = get_session_manager().identity, get_services().settings.auth != "none"
    here = browser.token_hash == identity.token_hash
    nobody = "Not signed in" if sign_in or identity.user is None else identity.user.name
    with st.container(border=True, key=f"browser-{browser.token_hash[:16]}"):
        columns = st.columns([4, 3, 3, 2], gap="xsmall", vertical_alignment="center")
        who, where, when = (column.container(gap="xxsmall") for column in columns[:3])
        who.markdown(f"**{ui.plain(browser.name or nobody)}**" + ("  :green-badge[this browser]" if here else ""))
        who.caption(ui.plain(browser.device) or "Unknown device")
        page_now = get_session_manager().page if here else browser.page
        where.markdown(titles.get(page_now, "") or "No page yet")
        if waits := _waits(browser, since, now):
            where.caption(waits)
        when.markdown(f"Seen {ui.ago(browser.last_seen, now)}")
        when.caption(f"{'Signed in' if browser.user_id else 'Here'} since {ui.local_time(browser.created_at)}")
        with columns[3]:
            if browser.ended:
                st.markdown(":gray-badge[ended]")
            elif sign_in:
                _end(browser, here)


def _waits(browser: Browser, since: dict[str, datetime] | None, now: datetime) -> str:
    """Say what waits for the database longer than is usual; before that it is just saved."""
    if since is None:
        return "The journal can't be read: what waits in it isn't known"
    age = now - since.get(browser.session_id, now)
    return f":orange[In the journal for {duration(age.total_seconds())}, saved here]" if age > USUAL else ""


def _end(browser: Browser, here: bool) -> None:
    key, name = browser.token_hash[:16], ui.plain(browser.name)
    with st.popover("End", icon=":material/block:", width="stretch", key=f"end-{key}"):
        whose = "This is your own browser: you will have to sign in again. " if here else ""
        st.markdown(f"{whose}Whoever uses it is signed out, and what was entered is kept.")
        st.button("Sign out this browser", key=f"revoke-{key}", type="primary", on_click=_revoke, args=(browser,))
        if browser.user_id:
            st.button(f"Sign out {name} everywhere", key=f"revoke-all-{key}", on_click=_revoke_all, args=(browser,))


@requires("admin.sessions")
def _revoke(browser: Browser) -> None:
    with _or_say_so():
        get_services().accounts.revoke(browser.token_hash, by=acting())


@requires("admin.sessions")
def _revoke_all(browser: Browser) -> None:
    with _or_say_so():
        get_services().accounts.revoke_person(browser.user_id or "", by=acting())


@contextmanager
def _or_say_so() -> Iterator[None]:
    try:
        with reachable():
            yield
    except StoreUnavailableError:
        st.toast("The database is away: nobody was signed out. Try again when it is back.", icon=":material/error:")
