"""The browsers a person is signed in with, and the way to sign them out. Reached from the menu under their name."""

import streamlit as st

from core import get_session_manager, ui
from core.accounts import Browser
from core.auth import acting, current_identity
from core.errors import StoreUnavailableError
from core.router import page
from core.services import get_services
from core.storage.database import reachable

TROUBLE = "devices-trouble"
"""Under this key of `st.session_state`: why the last button did nothing."""


@page(title="Devices", icon=":material/devices:", order=91, listed=False)
def devices() -> None:
    say, manager = ui.words(), get_session_manager()
    st.title(say("devices.title"))
    st.caption(say("devices.caption"))
    if trouble := st.session_state.pop(TROUBLE, None):
        st.error(trouble, icon=":material/cloud_off:")
    with reachable():
        tokens = get_services().accounts.browsers.in_use(manager.session.session_id)
    if not tokens:
        ui.empty_state(":material/devices:", say("devices.none"), say("devices.none_text"))
        return
    own = manager.identity.token_hash
    with st.container(key="devices", width=720):
        for token in sorted(tokens, key=lambda token: token.token_hash != own):
            _device(token, here=token.token_hash == own)
        others = sum(token.token_hash != own for token in tokens)
        if others:
            st.button(
                say("devices.sign_out_others", n=others),
                icon=":material/logout:",
                on_click=_sign_out,
                key="devices-sign-out-others",
            )


def _device(token: Browser, *, here: bool) -> None:
    say, now = ui.words(), get_services().clock.now()
    with st.container(border=True, key=f"device-{token.token_hash[:12]}"):
        what, end = st.columns([4, 1], vertical_alignment="center")
        badge = f" :green-badge[{say('devices.here')}]" if here else ""
        what.markdown(f"**{token.device or say('devices.unknown')}**{badge}")
        what.caption(say("devices.seen", seen=ui.ago(token.last_seen, now), since=ui.local_time(token.created_at)))
        if not here:
            end.button(
                say("devices.sign_out"),
                key=f"sign-out-{token.token_hash[:12]}",
                help=say("devices.sign_out_help", device=token.device or say("devices.unknown")),
                on_click=_sign_out,
                args=(token.token_hash,),
                width="stretch",
            )


def _sign_out(token_hash: str | None = None) -> None:
    """Sign out one device, or all others, of whoever is there when the button is pressed: nobody else's."""
    browsers = get_services().accounts.browsers
    try:
        with reachable():
            identity = current_identity()
            if identity.standing != "good" or identity.user is None:
                return
            keep = identity.token_hash if token_hash is None else None
            browsers.revoke_session(identity.session_id, only=token_hash, keep=keep, by=acting())
    except StoreUnavailableError:
        st.session_state[TROUBLE] = ui.words()("devices.not_now")
