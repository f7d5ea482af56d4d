"""State of a page that nobody keeps: plain widgets, and plain `st.session_state`. It is gone after F5.

The save status makes no claim about it, and where a project is developed its page says what to write instead. A name
that begins with `_` says that it may be lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.services import get_services
from core.session_manager import SessionManager
from core.streamlit_compat.widgets import plain_keys
from core.ui.keys import own_key
from core.ui.times import words

_LOST = "_"
"""Prefix of keys that say so themselves."""
_SHOWN = 8
"""Names that are listed."""


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
