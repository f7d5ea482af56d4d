"""State of a page that nobody keeps: plain widgets, and plain `st.session_state`. It is gone after F5.

The save status makes no claim about it, and where a project is developed its page says what to write instead. A name
that begins with `_` says that it may be lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.services import get_services
from core.session_manager import SessionManager
from core.ui.times import words
from core.web.protocol import plain_widgets

_OWN = ("_", "keep-", "FormSubmitter:")
_SHOWN = 8
"""Names that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainState:
    """What a page holds besides what is kept."""

    names: tuple[str, ...]
    """The keys in `st.session_state`."""
    unnamed: int
    """How many widgets without a key it shows into which something can be entered."""

    def __bool__(self) -> bool:
        return bool(self.names or self.unnamed)


def plain_state(manager: SessionManager) -> PlainState:
    """Return what the page of this run holds that nobody keeps."""
    buttons, unnamed = plain_widgets()
    bound = {key for keys in manager.session.bound_keys.values() for key in keys}
    kept = {*manager.kept_keys, *manager.known_fields, *bound}
    names = (
        str(key)
        for key in st.session_state
        if not str(key).startswith(_OWN) and key not in buttons and not _is_part(str(key), kept)
    )
    return PlainState(names=tuple(sorted(names)), unnamed=unnamed)


def _is_part(key: str, kept: set[str]) -> bool:
    """Whether a key is one of those, or of a widget that belongs to one, as `orders.rows.1f` does to `orders.rows`."""
    return key in kept or any(key.startswith(f"{name}.") for name in kept)


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
    with st.container(key="keep-plain-state"):
        st.info(f"{say('plain.gone', names=', '.join(listed))}\n\n{say('plain.instead')}", icon=":material/code:")
