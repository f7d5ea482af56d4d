"""Preferences of a person. Reached from the menu under their name."""

from collections.abc import Callable
from zoneinfo import available_timezones

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import get_current_session, ui
from core.router import page
from core.services import get_services
from core.words import languages

THEMES = ["system", "light", "dark"]


@page(title="Preferences", icon=":material/tune:", order=90, listed=False)
def preferences() -> None:
    say, preferences = ui.words(), get_current_session().preferences
    st.title(say("preferences.title"))
    st.caption(say("preferences.caption"))
    with st.container(key="preferences", gap="medium", width=560):
        with _control():
            _theme(preferences.theme)
        with _control():
            _language(say.language)
        with _control():
            _zone(str(ui.times.zone()))
        with _control():
            _auto_save(on=preferences.auto_save)


def _control() -> DeltaGenerator:
    """Return a container for a control and its sentence, close together."""
    return st.container(gap="xsmall")


def _theme(present: str) -> None:
    say = ui.words()
    st.segmented_control(
        say("preferences.theme"),
        THEMES,
        required=True,
        format_func=lambda theme: say(f"preferences.theme_{theme}"),
        key=_showing("theme", present if present in THEMES else THEMES[0]),
        on_change=_choose("theme"),
    )
    st.caption(say("preferences.theme_help"))


def _language(present: str) -> None:
    say, names = ui.words(), languages()
    st.selectbox(
        say("preferences.language"),
        list(names),
        format_func=names.__getitem__,
        key=_showing("language", present),
        on_change=_choose("language"),
    )
    st.caption(say("preferences.language_help"))


def _zone(present: str) -> None:
    say, zones = ui.words(), sorted(available_timezones())
    st.selectbox(
        say("preferences.timezone"),
        zones,
        key=_showing("timezone", present if present in zones else "UTC"),
        on_change=_choose("timezone"),
    )
    st.caption(say("preferences.timezone_help", now=ui.local_time(get_services().clock.now())))


def _auto_save(*, on: bool) -> None:
    say = ui.words()
    st.toggle(say("preferences.auto_save"), key=_showing("auto_save", on), on_change=_choose("auto_save"))
    st.caption(say("preferences.auto_save_help"))


def _showing(name: str, value: object) -> str:
    """Return the key of a preference's widget, which shows what is chosen, also when another tab chose it."""
    st.session_state[f"preferences.{name}"] = value
    return f"preferences.{name}"


def _choose(name: str) -> Callable[[], None]:
    return lambda: get_current_session().set_preference(name, st.session_state[f"preferences.{name}"])
