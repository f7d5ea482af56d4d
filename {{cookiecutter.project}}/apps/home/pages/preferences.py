"""What a person chose for themselves. Reached from the menu under their name."""

from zoneinfo import available_timezones

import streamlit as st

from core import get_session_manager, ui
from core.router import page
from core.services import get_services


@page(title="Preferences", icon=":material/tune:", order=90, listed=False)
def preferences() -> None:
    manager = get_session_manager()
    st.title("Preferences")
    st.caption("They are kept with your account, on every device.")

    zones = sorted(available_timezones())
    present = str(ui.times.zone())

    def choose_zone() -> None:
        manager.session.set_preference("timezone", st.session_state["preferences.timezone"])

    st.selectbox(
        "Time zone",
        zones,
        index=zones.index(present) if present in zones else zones.index("UTC"),
        key="preferences.timezone",
        on_change=choose_zone,
        help="All times are shown in it.",
    )
    st.markdown(f":material/schedule: It is **{ui.local_time(get_services().clock.now())}** there now.")
