"""The notice on a page that was loaded anew: what came back, to keep or to discard, and a discard to undo.

It is shown once for what was entered until then, and goes by itself when the person goes on with the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from core.clock import NO_STAMP, stamp_time
from core.services import get_services
from core.session import Change, UserSession
from core.session_manager import SessionManager
from core.state.paths import field_path, join_path
from core.state.typed_text import current_draft
from core.ui.keys import own_key
from core.ui.times import clock_time, words

_KEY = "_keep_restored"
_SCRIPT = Path(__file__).with_name("restored.js")
_HTML = '<p role="status" style="margin: 0; font-family: var(--st-font); font-size: 0.9rem"></p>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The drafts of one form that came back; `stamp` is that of the last edit."""

    form: str
    fields: frozenset[str]
    stamp: str


@dataclass(slots=True)
class _NoticeState:
    """State of the notice on one page load."""

    page: str
    known: dict[str, str] = field(default_factory=dict)
    """By form: the stamp up to which the person knows what is in it."""
    quiet: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    """The forms whose drafts are announced now."""
    discarded: set[str] = field(default_factory=set)
    """Forms whose discard can be undone."""
    discarded_at: str = ""

    def acknowledge(self, session: UserSession, *forms: str) -> None:
        """Announce nothing of all that is in these forms now, on this page load."""
        for form in forms:
            self.known[form] = _newest(session, form)
            self.open.discard(form)
            self.discarded.discard(form)


def restore_quietly(form: str) -> None:
    """Let what was entered in a form come back without a word, as is right for filters: nobody would discard them."""
    _state("").quiet.add(form)


def restored_notice(manager: SessionManager, title: str) -> None:
    """Say what came back on the page of this title. Call it at the end of the run, when all fields were shown."""
    session, state = manager.session, _state(manager.page)
    if state.page != manager.page:  # who has left the page has kept what was on it
        state.page, state.discarded = manager.page, set()
        state.acknowledge(session, *state.open)
    if any(entered_since(session, form, state.discarded_at) for form in state.discarded):
        state.discarded = set()
    if state.discarded:
        _show_discarded(session, state)
    elif found := _found(manager, state):
        _show(session, state, found, title)


def _found(manager: SessionManager, state: _NoticeState) -> list[Restored]:
    session = manager.session
    found = []
    shown = {field.form for field in manager.shown_fields.values()} | set(
        session.bound_keys.get(manager.page, {}).values()
    )
    for form in sorted(shown - state.quiet):
        known = state.known.setdefault(form, announced(session, form))
        restored = came_back(session, form, opened_at=manager.opened_at, announced=known)
        if restored is not None:
            found.append(restored)
        elif form in state.open:
            state.acknowledge(session, form)
    state.open = {restored.form for restored in found}
    return found


def _show(session: UserSession, state: _NoticeState, found: Sequence[Restored], title: str) -> None:
    say = words()
    if session.tab_id is not None:  # else the browser has not spoken yet, and may not have shown it
        for restored in found:
            note_announced(session, restored.form)
    when = clock_time(stamp_time(max(restored.stamp for restored in found)), get_services().clock.now())
    count = sum(len(restored.fields) for restored in found)

    def keep() -> None:
        state.acknowledge(session, *state.open)

    def discard() -> None:
        for restored in found:
            session.discard_drafts(restored.form)
            state.discarded.add(restored.form)
        with session.lock:
            state.discarded_at = max(session.stamps.values())

    with _bar(say("restored.back", n=count, when=when, page=title)):
        st.button(say("restored.keep"), key=own_key("restored-keep"), on_click=keep)
        st.button(say("restored.discard"), key=own_key("restored-discard"), type="tertiary", on_click=discard)


def _show_discarded(session: UserSession, state: _NoticeState) -> None:
    say = words()

    def close() -> None:
        state.acknowledge(session, *state.discarded)

    def undo() -> None:
        for form in state.discarded:
            session.undo(form)
            note_announced(session, form)
        close()

    with _bar(say("restored.discarded")):
        st.button(say("restored.undo"), key=own_key("restored-undo"), on_click=undo)
        st.button(say("restored.close"), key=own_key("restored-close"), type="tertiary", on_click=close)


def _bar(text: str) -> st.delta_generator.DeltaGenerator:
    bar = st.container(key=own_key("restored"), horizontal=True, vertical_alignment="center", gap="small")
    component = st.components.v2.component("keep_restored", html=_HTML, js=_SCRIPT.read_text(encoding="utf-8"))
    with bar:
        component(key=own_key("restored-text"), data={"text": text})
    return bar


def _state(page: str) -> _NoticeState:
    state: _NoticeState = st.session_state.setdefault(_KEY, _NoticeState(page))
    return state


def came_back(session: UserSession, form_id: str, *, opened_at: str, announced: str) -> Restored | None:
    """Return what a page opened at a stamp has back of a form, None if there is nothing new to say.

    Nothing new are drafts up to the stamp `announced`, and a form in which somebody has gone on since.
    """
    fields = session.form(form_id).changes
    newest = max((_stamp(session, form_id, name) for name in fields), default=NO_STAMP)
    if newest <= announced or entered_since(session, form_id, opened_at):
        return None
    return Restored(form=form_id, fields=fields, stamp=newest)


def entered_since(session: UserSession, form_id: str, stamp: str) -> bool:
    """Return whether a field was edited after a stamp. Text that an earlier page still had to send is no edit."""
    return any(
        _stamp(session, form_id, name) > stamp and not _left_behind(session, form_id, name)
        for name in session.form(form_id).values
    )


def announced(session: UserSession, form_id: str) -> str:
    """Return the stamp up to which the person was told, on any page, that drafts of a form are back."""
    return str(session.values.get(_path(form_id), NO_STAMP))


def note_announced(session: UserSession, form_id: str) -> None:
    """Remember that the person was told of all that is in a form now."""
    newest = _newest(session, form_id)
    if newest > announced(session, form_id):
        session.commit([Change(_path(form_id), newest)])


def _newest(session: UserSession, form_id: str) -> str:
    return max((_stamp(session, form_id, name) for name in session.form(form_id).values), default=NO_STAMP)


def _path(form_id: str) -> str:
    return join_path("restored", form_id)


def _stamp(session: UserSession, form_id: str, name: str) -> str:
    return session.stamps.get(field_path(form_id, name), NO_STAMP)


def _left_behind(session: UserSession, form_id: str, name: str) -> bool:
    note = current_draft(session, form_id, name)
    return note is not None and not note.on_screen
