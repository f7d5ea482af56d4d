"""Sessions: which browsers are signed in, and the way to end that."""

import streamlit as st

from core import get_session_manager, ui
from core.accounts import Token
from core.permissions import requires
from core.router import page
from core.services import get_services


@page(title="Sessions", icon=":material/devices:", order=3)
@requires("admin.sessions")
def sessions() -> None:
    st.title("Sessions")
    _live()


@st.fragment(run_every="10s")
def _live() -> None:
    services = get_services()
    names = {user.user_id: user.name for user in services.accounts.users()}
    tokens = services.accounts.live_tokens()
    st.caption(f"{len(tokens)} browsers, refreshed every ten seconds")
    own, now = get_session_manager().identity.token_hash, services.clock.now()
    for token in tokens:
        with st.container(border=True, key=f"token-{token.token_hash[:12]}"):
            who, when, end = st.columns([4, 3, 2], vertical_alignment="center")
            here = "  :green-badge[this browser]" if token.token_hash == own else ""
            who.markdown(f"**{names.get(token.user_id or '', 'Not signed in')}**{here}")
            who.caption(token.device or "Unknown device")
            when.caption(f"Seen {ui.ago(token.last_seen, now)}, since {ui.local_time(token.created_at)}")
            end.button(
                "Revoke",
                key=f"revoke-{token.token_hash[:12]}",
                icon=":material/block:",
                on_click=_revoke,
                args=(token,),
                width="stretch",
            )


@requires("admin.sessions")
def _revoke(token: Token) -> None:
    get_services().accounts.revoke(token.token_hash)
