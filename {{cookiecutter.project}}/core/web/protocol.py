"""Everything relied on in Streamlit that is no public API of it. `tests/test_streamlit_protocol.py` holds it to that.

| relied on | where in Streamlit | for |
|---|---|---|
| the browser's messages are `BackMsg`; a rerun carries all widget states | `proto/BackMsg.proto` | `widget_states` |
| a widget's id ends in its key | `runtime/state/common.py` | `key_of` |
| a widget's metadata turns its state into its value | `runtime/state/session_state.py` | `reader` |
| the stream's address, and what it closes by itself | `web/server/starlette/starlette_websocket.py` | `STREAM` |
| a form notes itself on the stack of containers | `elements/lib/form_utils.py` | `inside_form` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st
from google.protobuf.message import DecodeError
from streamlit.elements.lib.form_utils import is_in_form
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.common import unpack_widget_state_value, user_key_from_element_id

__all__ = ["STREAM", "Reader", "WidgetState", "inside_form", "key_of", "reader", "widget_states"]

STREAM = "_stcore/stream"
"""The address of the WebSocket, below the base path."""

Reader = Callable[[WidgetState], Any]
"""Turns what the browser sent for a widget into the value the script gets. May raise for a forged state."""


def widget_states(frame: bytes) -> Iterable[WidgetState]:
    """Return what one message of the browser says about its widgets; nothing for other and for broken messages.

    Streamlit itself closes the connection for those: with 1002 for garbage, with 1009 for what is too large.
    """
    if len(frame) > get_max_widget_state_size_bytes():
        return ()
    message = BackMsg()
    try:
        message.ParseFromString(frame)
    except DecodeError:
        return ()
    if message.WhichOneof("type") != "rerun_script":
        return ()
    states: Iterable[WidgetState] = message.rerun_script.widget_states.widgets
    return states


def key_of(state: WidgetState) -> str | None:
    """Return the key the script gave the widget, None for one without a key."""
    return user_key_from_element_id(state.id)


def reader(key: str) -> Reader | None:
    """Return how to read the widget of this key, which the run in progress has just shown."""
    context = get_script_run_ctx()
    if context is None:
        return None
    state = context.session_state._state  # noqa: SLF001
    metadata = state._new_widget_state.widget_metadata.get(state._get_widget_id(key))  # noqa: SLF001
    if metadata is None:
        return None
    deserialize = metadata.deserializer
    return lambda widget: deserialize(unpack_widget_state_value(widget))


def inside_form() -> bool:
    """Whether the script is inside a `with st.form(...)`, where widgets can't have callbacks."""
    return is_in_form(st._main)  # noqa: SLF001
