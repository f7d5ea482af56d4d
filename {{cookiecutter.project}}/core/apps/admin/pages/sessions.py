"""Sessions: the browsers in use, with their person and when they were last seen, and the way to sign them out."""

from datetime import datetime

import streamlit as st

from core import get_session_manager, ui
from core.accounts import Browser
from core.apps.admin.common import PER_PAGE, offset, pagination, show_refusal, to_first_page
from core.auth import acting
from core.permissions import requires
from core.router import page
from core.services import get_services
from core.storage.database import reachable

_NUMBER = "admin-sessions-number"


@page(title="Sessions", icon=":material/devices:", order=3)
@requires("admin.sessions")
def sessions() -> None:
    services = get_services()
    st.title(ui.words().title("Sessions"))
    who, what = st.columns(2)
    person = who.text_input("Person", placeholder="Name or username", on_change=to_first_page, args=(_NUMBER,))
    device = what.text_input("Device", placeholder="Firefox, Android …", on_change=to_first_page, args=(_NUMBER,))
    with reachable():
        total = services.accounts.browsers.count(person, device)
        first = offset(_NUMBER, total)
        browsers = services.accounts.browsers.find(person, device, limit=PER_PAGE, offset=first)
    if not browsers:
        ui.empty_state(":material/devices_off:", "No results", "No browser in use matches your search.")
        return
    st.caption(f"{ui.words().number(total)} {'browser' if total == 1 else 'browsers'} in use, the last seen first")
    now = services.clock.now()
    for browser in browsers:
        _row(browser, now)
    pagination(_NUMBER, total)


def _row(browser: Browser, now: datetime) -> None:
    identity, sign_in = get_session_manager().identity, get_services().settings.auth != "none"
    here = browser.token_hash == identity.token_hash
    nobody = "Not signed in" if sign_in or identity.user is None else identity.user.name
    with st.container(border=True, key=f"browser-{browser.token_hash[:16]}"):
        columns = st.columns([4, 4, 2], vertical_alignment="center")
        who, when = (column.container(gap="xxsmall") for column in columns[:2])
        who.markdown(f"**{ui.plain(browser.name or nobody)}**" + ("  :green-badge[this browser]" if here else ""))
        who.caption(ui.plain(browser.device) or "Unknown device")
        when.markdown(f"Last seen {ui.ago(browser.last_seen, now)}")
        when.caption(f"{'Signed in' if browser.user_id else 'First seen'} {ui.local_time(browser.created_at)}")
        if sign_in:
            with columns[2]:
                _end(browser, here)


def _end(browser: Browser, here: bool) -> None:
    key, name = browser.token_hash[:16], ui.plain(browser.name)
    with st.popover("Sign out", icon=":material/logout:", width="stretch", key=f"end-{key}"):
        own = "This is your own browser: you will have to sign in again. " if here else ""
        st.markdown(f"{own}Whoever uses it is signed out, and what was entered is kept.")
        st.button("Sign out this browser", key=f"revoke-{key}", type="primary", on_click=_revoke, args=(browser,))
        if browser.user_id:
            st.button(f"Sign out {name} everywhere", key=f"revoke-all-{key}", on_click=_revoke_all, args=(browser,))


@requires("admin.sessions")
def _revoke(browser: Browser) -> None:
    with show_refusal():
        get_services().accounts.tokens.revoke(browser.token_hash, by=acting())


@requires("admin.sessions")
def _revoke_all(browser: Browser) -> None:
    with show_refusal():
        get_services().accounts.browsers.revoke_person(browser.user_id or "", by=acting())
