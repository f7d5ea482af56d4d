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
    services, say = get_services(), ui.words()
    st.title(say.title("Sessions"))
    who, what = st.columns(2)
    person = who.text_input(
        say("browsers.person"), placeholder=say("browsers.person_example"), on_change=to_first_page, args=(_NUMBER,)
    )
    device = what.text_input(
        say("browsers.device"), placeholder=say("browsers.device_example"), on_change=to_first_page, args=(_NUMBER,)
    )
    with reachable():
        total = services.accounts.browsers.count(person, device)
        first = offset(_NUMBER, total)
        browsers = services.accounts.browsers.find(person, device, limit=PER_PAGE, offset=first)
    if not browsers:
        ui.empty_state(":material/devices_off:", say("admin_pages.no_results"), say("browsers.none"))
        return
    st.caption(say("browsers.count", n=total))
    now = services.clock.now()
    for browser in browsers:
        _row(browser, now)
    pagination(_NUMBER, total)


def _row(browser: Browser, now: datetime) -> None:
    identity, sign_in = get_session_manager().identity, get_services().settings.auth != "none"
    here, say = browser.token_hash == identity.token_hash, ui.words()
    nobody = say("browsers.not_signed_in") if sign_in or identity.user is None else identity.user.name
    with st.container(border=True, key=f"browser-{browser.token_hash[:16]}"):
        columns = st.columns([4, 4, 2], vertical_alignment="center")
        who, when = (column.container(gap="xxsmall") for column in columns[:2])
        who.markdown(
            f"**{ui.plain(browser.name or nobody)}**" + (f"  :green-badge[{say('browsers.here')}]" if here else "")
        )
        who.caption(ui.plain(browser.device) or say("browsers.unknown"))
        when.markdown(say("browsers.seen", when=ui.ago(browser.last_seen, now)))
        since = "browsers.since" if browser.user_id else "browsers.first_seen"
        when.caption(say(since, when=ui.local_time(browser.created_at)))
        if sign_in:
            with columns[2]:
                _end(browser, here)


def _end(browser: Browser, here: bool) -> None:
    key, name, say = browser.token_hash[:16], ui.plain(browser.name), ui.words()
    with st.popover(say("browsers.sign_out"), icon=":material/logout:", width="stretch", key=f"end-{key}"):
        st.markdown(say("browsers.own" if here else "browsers.sign_out_text"))
        st.button(
            say("browsers.sign_out_button"), key=f"revoke-{key}", type="primary", on_click=_revoke, args=(browser,)
        )
        if browser.user_id:
            everywhere = say("browsers.sign_out_all", name=name)
            st.button(everywhere, key=f"revoke-all-{key}", on_click=_revoke_all, args=(browser,))


@requires("admin.sessions")
def _revoke(browser: Browser) -> None:
    with show_refusal():
        get_services().accounts.tokens.revoke(browser.token_hash, by=acting())


@requires("admin.sessions")
def _revoke_all(browser: Browser) -> None:
    with show_refusal():
        get_services().accounts.browsers.revoke_person(browser.user_id or "", by=acting())
