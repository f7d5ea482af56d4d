"""Messages for a whole page: an error or an empty state, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

import streamlit as st
import structlog
from streamlit.errors import StreamlitPageNotFoundError

from core.command_line import python
from core.discovery import HOME, SEES_FAULTS, Fault, discover
from core.errors import (
    AccountError,
    NotAllowedError,
    NotKeptError,
    NotKeptNowError,
    RefusedError,
    SessionUnavailableError,
    StoreUnavailableError,
    message_of,
)
from core.language import plain
from core.permissions import current_permissions, matches
from core.services import get_services
from core.session_manager import get_session_manager
from core.ui.keys import own_key
from core.ui.times import words

log = structlog.get_logger(__name__)

GoHome = Callable[[], None]
_LONGEST_MESSAGE = 300
_RETRY_SECONDS = 2.0
"""From one look to the next whether the database answers again; with the pause after a failure less than 5 s."""
_NAMED_FILES = 5
_TOLD_KEY = "_keep_told_fault"
"""The fault this tab has put into the log last."""


def restart_needed(files: Sequence[str]) -> None:
    """Say to a developer that what was saved is not what runs, above the page as it was."""
    more = f" + {len(files) - _NAMED_FILES}" if len(files) > _NAMED_FILES else ""
    named = ", ".join(f"`{file}`" for file in files[:_NAMED_FILES]) + more
    st.warning(words()("cards.restart_needed", files=named), icon=":material/restart_alt:")


def not_found(go_home: GoHome) -> None:
    """Show that there is no page at this address."""
    say = words()
    _card(
        ":material/explore:",
        say("cards.not_found"),
        say("cards.not_found_text"),
    )
    _home_link(go_home)


def not_allowed(go_home: GoHome, permission: str) -> None:
    """Show that the person may not see this page, without what it is called, or not do what they asked for."""
    say = words()
    needed = say("cards.needs_permission", permission=permission)
    text = f"{say('cards.no_access')} {needed} {say('cards.ask_administrator')}"
    _card(":material/lock:", say("cards.not_allowed"), text)
    _home_link(go_home)


def no_sign_in(title: str, go_home: GoHome) -> None:
    """Show that the page is about people who sign in, and that here nobody does."""
    say = words()
    _card(":material/no_accounts:", say("cards.no_sign_in"), say("cards.no_sign_in_text", title=title))
    _home_link(go_home)


def fault(title: str, found: Fault, go_home: GoHome, *, explained: bool) -> None:
    """Show that an app or a page is broken; the rest goes on working. `explained` says where, and by which error."""
    _fault(title, found, explained=explained)
    _home_link(go_home)


def _fault(title: str, found: Fault, *, explained: bool) -> None:
    told = (found.file, found.line, found.summary)
    if st.session_state.get(_TOLD_KEY) != told:  # a visit is several runs of the script
        st.session_state[_TOLD_KEY] = told
        log.error("a page is broken", page=title, file=found.file, line=found.line, exc_info=found.error)
    say = words()
    if explained:
        _card(":material/build:", say("cards.fault", title=title), say("cards.fault_text"))
        fault_place(found)
    else:
        _card(":material/build:", say("cards.unavailable"), say("cards.unavailable_text"))


def fault_place(found: Fault) -> None:
    """Show the file, the line and the error. In production its message, which may quote data, is only in the log."""
    message = type(found.error).__name__
    if _in_development():
        message += f": {message_of(found.error)[:_LONGEST_MESSAGE]}"
    st.code(f"{found.file}, {words()('cards.line', n=found.line)}\n{message}", language=None, wrap_lines=True)
    if isinstance(found.error, StreamlitPageNotFoundError):
        st.markdown(
            words()("cards.page_address", example=f'get_session_manager().navigate_to("{_meant(found.error)}")')
        )


def _meant(error: StreamlitPageNotFoundError) -> str:
    """Return the name of the page whose file or address was meant, else of the first one."""
    meant, specs = str(error.exec_kwargs.get("page", "")), discover()
    of_file = {f"{spec.function.__module__.replace('.', '/')}.py": spec.name for spec in specs}
    names = {spec.name for spec in specs}
    slug = PurePath(meant).stem.replace("_", "-")
    return of_file.get(meant) or (slug if slug in names else specs[0].name if specs else HOME)


def may_see_faults() -> bool:
    """Return whether to show details of an error in a page's code to this person: to all in development."""
    return _in_development() or matches(current_permissions(), SEES_FAULTS)


def reconnecting(error: SessionUnavailableError | StoreUnavailableError) -> None:
    """Show, in place of a session or a page, that it can't be shown without the database.

    The page comes back by itself. Why it is away is in the log: it may name the database, and this is shown to anybody.
    """
    if st.session_state.get(_TOLD_KEY) != str(error):
        st.session_state[_TOLD_KEY] = str(error)
        log.error("a page waits for the database", error=str(error))
    say = words()
    hint = f" {say('cards.reconnecting_hint', command=python('manage.py doctor'))}" if _in_development() else ""
    _card(":material/sync:", say("cards.reconnecting"), say("cards.reconnecting_text") + hint)
    if st.button(say("cards.try_again"), icon=":material/refresh:", type="primary"):
        st.rerun()
    shown = False

    @st.fragment(run_every=_RETRY_SECONDS)
    def look() -> None:
        nonlocal shown
        if shown and get_services().database_answers():
            st.rerun(scope="app")
        shown = True

    look()


def not_done(error: Exception) -> bool:
    """Say in place of the page what a callback, or the script around the pages, raised. Returns True.

    Given to `st.App` as its `on_script_error`. What a page raises is said by the router.
    """
    say = words()
    if isinstance(error, NotKeptError):
        log.error("what a button should do could not be kept", error=str(error))
        again = f" {say('cards.press_again')}" if isinstance(error, NotKeptNowError) else ""
        text = f"{error.reason[:1].upper()}{error.reason[1:]}. {error.remedy}{again}"
        _card(":material/error:", say("cards.not_kept"), text)
    elif isinstance(error, NotAllowedError):
        needed = say("cards.needs_permission", permission=error.permission)
        _card(":material/lock:", say("cards.not_allowed"), f"{needed} {say('cards.ask_administrator')}")
    elif isinstance(error, AccountError | RefusedError):
        _card(":material/edit:", say("cards.not_done"), plain(message_of(error)))
    elif isinstance(error, StoreUnavailableError | SessionUnavailableError):
        reconnecting(error)
        return True
    else:
        _fault(_page_title(), Fault.of(error), explained=may_see_faults())
    st.button(say("cards.back"), icon=":material/undo:", type="primary")
    return True


def _page_title() -> str:
    """Return the title of the page that this tab shows."""
    page = get_session_manager().page
    title = next((spec.full_title for spec in discover() if spec.name == page), get_services().settings.title)
    return words().title(title)


def empty_state(icon: str, title: str, text: str) -> None:
    """Show that nothing is here yet: say what would be, and how it gets here."""
    with st.container(border=True, horizontal_alignment="center", key=own_key("empty", title)):
        st.markdown(f"### {icon} {title}")
        st.caption(text)


def _in_development() -> bool:
    return get_services().settings.environment == "development"


def _card(icon: str, title: str, text: str) -> None:
    st.title(f"{icon} {title}")
    st.markdown(text)


def _home_link(go_home: GoHome) -> None:
    st.button(words()("cards.home"), icon=":material/home:", type="primary", on_click=go_home)
