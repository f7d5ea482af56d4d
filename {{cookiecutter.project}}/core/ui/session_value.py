"""Values of plain `st.session_state` that survive F5, a new tab and a restart, as a field does.

cart = ui.session_value("cart", [])
if st.button("Add"):
    cart.append("a lamp")
"""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

import streamlit as st

from core.codec import Unreadable
from core.session import REMOVED
from core.session_manager import MISSING, SessionManager, get_session_manager
from core.state.equality import same

T = TypeVar("T")

FORM = "session_state"
"""The form whose fields hold the values."""


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
