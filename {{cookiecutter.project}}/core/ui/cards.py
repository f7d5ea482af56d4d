"""Whole-page messages: what is wrong or empty, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
import structlog

from core.discovery import Fault
from core.errors import NotKeptError, NotKeptNowError, SessionUnavailableError
from core.services import get_services
from core.ui.times import words

log = structlog.get_logger(__name__)

GoHome = Callable[[], None]
_LONGEST_MESSAGE = 300


def not_found(go_home: GoHome) -> None:
    """There is no page at this address."""
    say = words()
    _card(
        ":material/explore:",
        say("cards.not_found"),
        say("cards.not_found_text"),
    )
    _home_link(go_home)


def not_allowed(title: str, go_home: GoHome, permission: str | None = None) -> None:
    """The person may not see this page, or do what they asked for."""
    say = words()
    detail = f" {say('cards.needs_permission', permission=permission)}" if permission else ""
    text = f"{say('cards.no_access', title=title)}{detail} {say('cards.ask_administrator')}"
    _card(":material/lock:", say("cards.not_allowed"), text)
    _home_link(go_home)


def fault(title: str, found: Fault, go_home: GoHome) -> None:
    """An app or a page is broken. Names the file, the line and the error; the rest goes on working.

    In production the error's message, which may quote data, goes to the log only.
    """
    log.error("a page is broken", page=title, file=found.file, line=found.line, exc_info=found.error)
    say = words()
    _card(":material/build:", say("cards.fault", title=title), say("cards.fault_text"))
    message = type(found.error).__name__
    if get_services().settings.environment == "development":
        message += f": {str(found.error)[:_LONGEST_MESSAGE]}"
    st.code(f"{found.file}, {say('cards.line', n=found.line)}\n{message}", language=None, wrap_lines=True)
    _home_link(go_home)


def reconnecting(error: SessionUnavailableError) -> None:
    """The session can't be read now. A blank one must not take its place."""
    say = words()
    _card(":material/sync:", say("cards.reconnecting"), str(error))
    if st.button(say("cards.try_again"), icon=":material/refresh:", type="primary"):
        st.rerun()


def not_kept(error: Exception) -> bool:
    """A button's work could not be kept: say so in place of the page. Given to `st.App` as its `on_script_error`.

    Returns whether the error was one of these; Streamlit shows the others.
    """
    if not isinstance(error, NotKeptError):
        return False
    log.error("what a button should do could not be kept", error=str(error))
    say = words()
    again = f" {say('cards.press_again')}" if isinstance(error, NotKeptNowError) else ""
    text = f"{error.reason[:1].upper()}{error.reason[1:]}. {error.remedy}{again}"
    _card(":material/error:", say("cards.not_kept"), text)
    st.button(say("cards.back"), icon=":material/undo:", type="primary")
    return True


def empty_state(icon: str, title: str, text: str) -> None:
    """Nothing is here yet: say what would be, and how it gets here."""
    with st.container(border=True, horizontal_alignment="center", key=f"keep-empty-{title}"):
        st.markdown(f"### {icon} {title}")
        st.caption(text)


def _card(icon: str, title: str, text: str) -> None:
    st.title(f"{icon} {title}")
    st.markdown(text)


def _home_link(go_home: GoHome) -> None:
    st.button(words()("cards.home"), icon=":material/home:", type="primary", on_click=go_home)
