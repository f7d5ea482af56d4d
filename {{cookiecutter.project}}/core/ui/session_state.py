"""State of a page in plain `st.session_state`: values that survive F5, and what doesn't.

    cart = ui.session_value("cart", [])
    if st.button("Add"):
        cart.append("a lamp")

A value asked for so survives F5, a new tab and a restart, as a field does. About other state and plain widgets the save
status makes no claim, and where a project is developed its page says what to write instead. A name that begins with `_`
says that it may be lost.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from core.codec import Unreadable
from core.services import get_services
from core.session import REMOVED
from core.session_manager import MISSING, SessionManager, get_session_manager
from core.state.equality import same
from core.streamlit_compat.widgets import plain_keys
from core.ui.keys import own_key
from core.ui.times import words

T = TypeVar("T")

FORM = "session_state"
"""The form whose fields hold the values."""
_LOST = "_"
"""Prefix of keys that say so themselves."""
_SHOWN = 8
"""Names that are listed."""


def session_value(key: str, default: T) -> T:
    """Return `st.session_state[key]`, restored from the person's session, or `default` where there is none yet.

    Assign to `st.session_state[key]` or change the value in place, in callbacks and in the script: what it is when the
    page is whole, or when this is called again, is persisted. `del st.session_state[key]` brings the default back.
    What a field can hold can be persisted: text, numbers, dates, lists, dicts, data frames.
    """
    manager = get_session_manager()
    manager.live.note_own(key)
    known = manager.session_values
    _persist(manager, key)
    stored = manager.field_value(FORM, key)
    if isinstance(stored, Unreadable):
        stored = MISSING
    if key not in st.session_state or (stored is not MISSING and not same(stored, known.get(key, MISSING))):
        st.session_state[key] = deepcopy(default if stored is MISSING else stored)
    known[key] = deepcopy(st.session_state[key])
    value: T = st.session_state[key]
    return value


def persist_session_values(manager: SessionManager) -> None:
    """Persist what the script of a page has made of the values that it asked for."""
    for key in list(manager.session_values):
        _persist(manager, key)


def _persist(manager: SessionManager, key: str) -> None:
    """Persist a value if this tab has changed it since it was handed out or persisted last."""
    before = manager.session_values.get(key, MISSING)
    if before is MISSING:
        return
    value = st.session_state.get(key, MISSING)
    if value is MISSING:
        del manager.session_values[key]
        manager.persist_field(FORM, key, REMOVED)
    elif not same(value, before) and manager.persist_field(FORM, key, deepcopy(value)):
        manager.session_values[key] = deepcopy(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainState:
    """The state of a page that is not persisted."""

    names: tuple[str, ...]
    """The keys in `st.session_state`."""
    unnamed: int
    """Number of its input widgets without a key."""

    def __bool__(self) -> bool:
        return bool(self.names or self.unnamed)


def plain_state(manager: SessionManager, session_id: str = "") -> PlainState:
    """Return what a page holds that nobody keeps: of this run, or of Streamlit's session of an id after its last."""
    found = plain_keys(session_id)
    bound = {key for keys in list(manager.session.bound_keys.values()) for key in list(keys)}
    # Streamlit holds what fields of other pages have, under their keys.
    others = found.others - manager.known_fields.keys()
    names = (found.widgets | others) - bound - manager.live.own_keys(in_run=not session_id)
    return PlainState(names=tuple(sorted(key for key in names if not key.startswith(_LOST))), unnamed=found.unnamed)


def say_plain_state(manager: SessionManager) -> None:
    """Tell those who develop the page what of it is gone after F5, and what to write instead."""
    if get_services().settings.environment != "development":
        return
    state, say = plain_state(manager), words()
    if not state:
        return
    listed = [f"`{name}`" for name in state.names[:_SHOWN]]
    if len(state.names) > _SHOWN:
        listed.append("…")
    if state.unnamed:
        listed.append(say("plain.unnamed", n=state.unnamed))
    with st.container(key=own_key("plain-state")):
        st.info(f"{say('plain.gone', names=', '.join(listed))}\n\n{say('plain.instead')}", icon=":material/code:")
