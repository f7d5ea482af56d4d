"""Everything relied on in Streamlit that is no public API of it. `tests/test_streamlit_protocol.py` holds it to that.

| relied on | where in Streamlit | for |
|---|---|---|
| the browser's messages are `BackMsg`; a rerun carries all widget states | `proto/BackMsg.proto` | `told` |
| what is pressed is in one message only, what is chosen in all that follow | `proto/WidgetStates.proto` | `is_press` |
| a message may have fields that Streamlit doesn't know: its number, drafts | `proto/BackMsg.proto` | `told` |
| a page is named in what the browser sends from it | `proto/ClientState.proto` | `page_name` |
| a widget's id ends in its key | `runtime/state/common.py` | `key_of` |
| a choice knows its options, and what they are called | `elements/widgets/selectbox.py`, `button_group.py` | `reader` |
| which id the widget of a key has; the page's components have it too | `runtime/state/session_state.py` | `widget_id` |
| a widget's metadata turns its state into its value, and back | `runtime/state/session_state.py` | `reader` |
| a key names the element shown last; other arguments may make another | `elements/lib/utils.py` | `element_id` |
| a new element begins with what is under its key | `runtime/state/session_state.py` | `offer` |
| what a script assigns is apart from what the browser sent | `runtime/state/session_state.py` | `assigned` |
| a dialog is opened by the run that calls it; its own runs show it again | `elements/lib/dialog.py` | `opens_dialog` |
| a run of fragments knows their ids, in a list of its own | `scriptrunner/script_runner.py` | `fragment_run` |
| what is missing in a message stays as it was | `runtime/state/session_state.py` | `without` |
| a widget's value without the ceremony around it, a hundred times a run | `runtime/state/session_state.py` | `held` |
| a value for a widget's key counts though the widget was shown | `runtime/state/session_state.py` | `put_right` |
| how a date input reads its arguments | `elements/widgets/time_widgets.py` | `date_values`, `datetime_values` |
| which messages make the server do something; a heartbeat doesn't | `runtime/app_session.py` | `told`, `harmless` |
| the stream's address, and what it closes by itself | `web/server/starlette/starlette_websocket.py` | `STREAM` |
| a file is put to an address of its own, and held in memory | `web/server/starlette/starlette_routes.py` | `UPLOAD` |
| which widgets a page shows, and which take files | `runtime/state/session_state.py`, `widgets/chat.py` | `uploaders` |
| which names a file uploader takes | `elements/lib/file_uploader_utils.py` | `takes` |
| a session remembers what it last ran with, and runs again when asked | `runtime/app_session.py` | `ask_for_run` |
| a session knows whether its script runs | `runtime/app_session.py` | `is_running` |
| a session can be ended for good | `runtime/runtime.py` | `end_session` |
| which widgets a run has shown | `runtime/scriptrunner_utils/shared_run_state.py` | `plain_widgets` |
| an element of its own has a cursor that stays where it is | `cursor.py` | `takes_one_element` |
| a form notes itself on the stack of containers | `elements/lib/form_utils.py` | `form_around` |
| a form and its buttons are sent to the browser in small messages | `proto/Block.proto`, `Button.proto` | `form_part` |
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import orjson
import streamlit as st
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from streamlit import runtime
from streamlit.cursor import LockedCursor
from streamlit.elements.lib.file_uploader_utils import normalize_upload_file_type
from streamlit.elements.lib.form_utils import current_form_id
from streamlit.elements.widgets.chat import ChatInputSerde
from streamlit.elements.widgets.time_widgets import _DateInputValues, _DateTimeInputValues
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.app_session import AppSessionState
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.common import WidgetMetadata, unpack_widget_state_value, user_key_from_element_id
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

__all__ = [
    "STREAM",
    "UPLOAD",
    "FormPart",
    "Reader",
    "Told",
    "WidgetState",
    "ask_for_run",
    "assigned",
    "date_values",
    "datetime_values",
    "element_id",
    "end_session",
    "forget_upload",
    "form_around",
    "form_part",
    "fragment_run",
    "harmless",
    "has_left",
    "held",
    "is_press",
    "is_running",
    "key_of",
    "offer",
    "opens_dialog",
    "page_name",
    "plain_widgets",
    "put_right",
    "reader",
    "settle",
    "takes",
    "takes_one_element",
    "told",
    "upload_ids",
    "uploaded",
    "uploaders",
    "uploads_held",
    "widget_id",
    "without",
]

STREAM = "_stcore/stream"
"""The address of the WebSocket, below the base path."""

_PRESSES = ("trigger_value", "string_trigger_value", "chat_input_value", "json_trigger_value")

_NUMBER, _DRAFTS = 1000, 1001
"""The numbers of the fields that the page's script adds to a message (see `core/ui/last_message.js`)."""

_LONGEST_PART = 4096
"""Bytes of a message to the browser that may be about a form or its button: neither holds much."""

_SHOWN = 40
"""Characters of what was sent that are told."""

UPLOAD = "_stcore/upload_file/"
"""Where the browser puts files, below the base path: followed by the session's id and the file's."""

Reader = Callable[[WidgetState], Any]
"""Turns what the browser sent for a widget into the value the script gets.

Raises ValueError for what the widget itself would not have sent; other errors may come from Streamlit for the same.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateValues:
    """What a date input shows at first, and the smallest and largest it takes."""

    initial: Any
    is_range: bool
    low: Any
    high: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one message of the browser says."""

    states: Sequence[WidgetState] = ()
    """Those of all widgets, in Streamlit's own words."""
    asks: bool = False
    """Whether it asks for a run, or for what a page has offered: a file, rows of a table."""
    page: str = ""
    """From which page, or for which one (see `page_name`); empty where the browser doesn't know its name yet."""
    by_itself: bool = False
    """Whether no widget was touched: a part of the page is due again, or somebody went back to another page."""
    number: int = 0
    """How many messages the page had sent with this one, as its script counts them; 0 for one without a number."""
    drafts: Sequence[Mapping[str, Any]] = ()
    """What the page's fields show and the browser alone has, each as it is posted to `/keep/drafts`; `text` may be
    None, for what the browser can't send."""


NOTHING_TOLD = Told()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPart:
    """What the browser is sent of one `st.form`: the form itself, or a button that submits it."""

    form: str
    """Its key."""
    button: str = ""
    """The id of the button; empty for the form."""
    clears: bool = False
    """Whether the browser puts the form's widgets back to their defaults when it is submitted."""


def told(frame: bytes) -> Told:
    """Return what one message of the browser says; nothing for a broken one.

    Streamlit itself closes the connection for those: with 1002 for garbage, with 1009 for what is too large.
    """
    if len(frame) > get_max_widget_state_size_bytes():
        return NOTHING_TOLD
    message = BackMsg()
    try:
        message.ParseFromString(frame)
    except DecodeError:
        return NOTHING_TOLD
    kind = message.WhichOneof("type")
    if kind != "rerun_script":
        return Told(asks=kind == "backend_operation_request")
    wish = message.rerun_script
    added = {field.field_number: field.data for field in UnknownFieldSet(message)}
    number = added.get(_NUMBER)
    return Told(
        states=wish.widget_states.widgets,
        asks=True,
        page=wish.page_script_hash,
        by_itself=wish.is_auto_rerun or wish.is_history_navigation,
        number=number if isinstance(number, int) else 0,
        drafts=_drafts(added.get(_DRAFTS)),
    )


def _drafts(content: object) -> Sequence[Mapping[str, Any]]:
    try:
        found = orjson.loads(content) if isinstance(content, bytes) else ()
    except orjson.JSONDecodeError:
        return ()
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else ()


def plain_widgets() -> tuple[frozenset[str], int]:
    """Return the keys of what can be pressed on this run's page, and how many widgets without a key hold a value."""
    context = get_script_run_ctx()
    if context is None:
        return frozenset(), 0
    known = context.session_state._state._new_widget_state.widget_metadata  # noqa: SLF001
    buttons, unnamed = set(), 0
    for name in context.shared.widget_ids_this_run.snapshot():
        metadata, key = known.get(name), user_key_from_element_id(name)
        if metadata is None:
            continue
        if metadata.value_type in _PRESSES:
            buttons.add(key or "")
        elif key is None:
            unnamed += 1
    return frozenset(buttons), unnamed


def form_part(frame: bytes) -> FormPart | None:
    """Return what a message to the browser says of a form's block, or of one of its buttons."""
    if len(frame) > _LONGEST_PART:
        return None
    message = ForwardMsg()
    try:
        message.ParseFromString(frame)
    except DecodeError:
        return None
    if message.WhichOneof("type") != "delta":
        return None
    if message.delta.add_block.WhichOneof("type") == "form":
        form = message.delta.add_block.form
        return FormPart(form=form.form_id, clears=form.clear_on_submit)
    button = message.delta.new_element.button
    return FormPart(form=button.form_id, button=button.id) if button.is_form_submitter else None


def is_press(state: WidgetState) -> bool:
    """Whether something was pressed or handed in, which comes once, and is no value that a widget goes on holding."""
    return state.WhichOneof("value") in _PRESSES


def page_name() -> str:
    """What the browser's messages call the page that this run shows."""
    context = get_script_run_ctx()
    return context.pages_manager.current_page_script_hash if context is not None else ""


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
    deserialize, serialize = metadata.deserializer, metadata.serializer

    def read(widget: WidgetState) -> Any:
        sent = unpack_widget_state_value(widget)
        value = deserialize(sent)
        # Streamlit replaces much of what is forged by the widget's default, which nobody chose.
        if (
            sent is not None
            and not _is_same(sent, serialize(value))
            and not (value is None and _is_none(sent, serialize))
        ):
            raise ValueError(f"{key} doesn't send {str(sent)[:_SHOWN]!r}")
        return value

    return read


def widget_id(key: str) -> str:
    """Return Streamlit's id of the widget of this key, which the run in progress has shown."""
    context = get_script_run_ctx()
    return key if context is None else context.session_state._state._get_widget_id(key)  # noqa: SLF001


def without(frame: bytes, ids: Collection[str]) -> bytes:
    """Return a message of the browser without what it says about some widgets: they stay as they were."""
    message = BackMsg()
    message.ParseFromString(frame)
    widgets = message.rerun_script.widget_states.widgets
    kept = [state for state in widgets if state.id not in ids]
    del widgets[:]
    widgets.extend(kept)
    return bytes(message.SerializeToString())


def harmless(frame: bytes) -> bytes:
    """Return a message of which only the wish to see a page is left: no widget, no button, no part of the page."""
    message = BackMsg()
    message.ParseFromString(frame)
    if message.WhichOneof("type") != "rerun_script":
        message.app_heartbeat = True
        return bytes(message.SerializeToString())
    wish = message.rerun_script
    del wish.widget_states.widgets[:]
    wish.fragment_id, wish.is_auto_rerun = "", False
    return bytes(message.SerializeToString())


def held(key: str, default: Any) -> Any:
    """What `st.session_state` holds for a key. Other than that it doesn't ask whether the run shall stop."""
    context = get_script_run_ctx()
    if context is None:
        return default
    try:
        return context.session_state._state[key]  # noqa: SLF001
    except KeyError:
        return default


def assigned() -> frozenset[str]:
    """The keys of `st.session_state` that this run, or a callback before it, has assigned something to."""
    context = get_script_run_ctx()
    return frozenset(context.session_state._state._new_session_state) if context is not None else frozenset()  # noqa: SLF001


def element_id(key: str) -> str:
    """The id of the element that the widget of this key is on the page; empty where it is on none."""
    context = get_script_run_ctx()
    if context is None:
        return ""
    state = context.session_state._state  # noqa: SLF001
    found = state._get_widget_id(key)  # noqa: SLF001
    is_shown = found in state._new_widget_state.states or found in state._old_state  # noqa: SLF001
    return found if found != key and is_shown else ""


def has_left(key: str) -> bool:
    """Whether the element of this key has left the page since `settle`: Streamlit holds its value for another one."""
    context = get_script_run_ctx()
    return context is not None and key in context.session_state._state._old_state  # noqa: SLF001


def offer(key: str, value: object) -> None:
    """Let a widget begin with a value if this run makes another element of it. One on the page keeps its own."""
    context = get_script_run_ctx()
    if context is not None:
        context.session_state._state._old_state[key] = value  # noqa: SLF001


def settle(key: str, before: str) -> None:
    """Take what was offered back, once a run has shown the widget; `before` is the element it was until then."""
    context = get_script_run_ctx()
    if context is None:
        return
    state = context.session_state._state  # noqa: SLF001
    found, states, old = state._get_widget_id(key), state._new_widget_state.states, state._old_state  # noqa: SLF001
    if before and before != found:  # at the end of the run Streamlit would give what it held to the new one
        old.pop(before, None)
        states.pop(before, None)
    if key in old:
        value = old.pop(key)
        if found not in states and found not in old:
            state._new_widget_state.set_from_value(found, value)  # noqa: SLF001


def fragment_run() -> object | None:
    """An object of this run's own where it is one of fragments only; None for a run of the whole script."""
    context = get_script_run_ctx()
    return (context.fragment_ids_this_run or None) if context is not None else None


def opens_dialog() -> bool:
    """Whether the script is inside a dialog that this run has opened, as if it had not been there before."""
    context = get_script_run_ctx()
    if context is None or not context.has_dialog_opened:
        return False
    return "dialog" in st._main._active_dg._ancestor_block_types  # noqa: SLF001


def put_right(key: str, value: object) -> None:
    """Give a widget that this run has shown another value, as Streamlit does itself where one doesn't fit."""
    context = get_script_run_ctx()
    if context is not None:
        context.session_state._state.reset_state_value(key, value)  # noqa: SLF001


def date_values(arguments: Mapping[str, Any]) -> DateValues:
    """Read the arguments of a date input."""
    values = _DateInputValues.from_raw_values(arguments["value"], arguments["min_value"], arguments["max_value"])
    dates = tuple(values.value or ())
    initial = dates if values.is_range else next(iter(dates), None)
    return DateValues(initial=initial, is_range=values.is_range, low=values.min, high=values.max)


def datetime_values(arguments: Mapping[str, Any]) -> DateValues:
    """Read the arguments of a datetime input."""
    values = _DateTimeInputValues.from_raw_values(arguments["value"], arguments["min_value"], arguments["max_value"])
    return DateValues(initial=values.value, is_range=False, low=values.min, high=values.max)


def _is_none(sent: Any, serialize: Callable[..., Any]) -> bool:
    """Whether what was sent is what an option is called that is None: of None alone Streamlit can't say that again."""
    options = getattr(serialize, "__self__", None)
    called = zip(getattr(options, "options", ()), getattr(options, "formatted_options", ()), strict=False)
    names = [sent] if isinstance(sent, str) else list(sent)
    return any(option is None and [name] == names for option, name in called)


def _is_same(sent: Any, back: Any) -> bool:
    if isinstance(back, list | tuple):
        return not isinstance(sent, str | bytes) and list(sent) == list(back)
    return isinstance(sent, bool) == isinstance(back, bool) and bool(sent == back)


def upload_ids(state: WidgetState) -> list[str]:
    """Return the ids of the files that a widget's state names, in their order."""
    return [info.file_id for info in state.file_uploader_state_value.uploaded_file_info]


def uploaded(session_id: str, upload: str) -> UploadedFileRec | None:
    """Return a file this process has received, by Streamlit's id of the session and its own."""
    if not runtime.exists():
        return None
    found = runtime.get_instance().uploaded_file_mgr.get_files(session_id, [upload])
    return found[0] if found else None


def uploads_held(session_id: str) -> dict[str, int]:
    """The ids and bytes of the files this process holds for an open page, by Streamlit's id of its session."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    if not isinstance(manager, MemoryUploadedFileManager):
        return {}
    held = manager.file_storage.get(session_id) or {}
    return {file.file_id: len(file.data) for file in list(held.values())}


def uploaders(session_id: str) -> frozenset[str]:
    """Return the keys of the widgets that take files on an open page, as it is now; `""` for any without a key.

    `session_id` is Streamlit's own. For the event loop's own thread.
    """
    session = runtime.get_instance().get_app_session(session_id) if runtime.exists() else None
    if session is None:
        return frozenset()
    state = session.session_state
    new = state._new_widget_state  # noqa: SLF001
    # First what is new: it moves to what is old, and a run may do so at this moment.
    shown = dict.fromkeys([*list(new.states), *list(state._old_state)])  # noqa: SLF001
    known = ((name, new.widget_metadata.get(name)) for name in shown)
    taking = (name for name, metadata in known if metadata is not None and _takes_files(metadata))
    return frozenset(user_key_from_element_id(name) or "" for name in taking)


def _takes_files(metadata: WidgetMetadata[Any]) -> bool:
    if metadata.value_type == "chat_input_value":
        serde = getattr(metadata.deserializer, "__self__", None)
        return isinstance(serde, ChatInputSerde) and (serde.accept_files or serde.accept_audio)
    return metadata.value_type == "file_uploader_state_value"


def takes(name: str, kind: str, types: str | Sequence[str]) -> bool:
    """Whether a file uploader for these types takes a file of this name and content type.

    Streamlit itself leaves types such as `image/*` to the browser.
    """
    return any(
        fnmatchcase(kind, each) if "/" in each else name.lower().endswith(each)
        for each in normalize_upload_file_type(types)
    )


def forget_upload(upload: str) -> None:
    """Let go of a file of this session that Streamlit holds in memory."""
    context = get_script_run_ctx()
    manager = context.uploaded_file_mgr if context is not None else None
    if context is not None and isinstance(manager, MemoryUploadedFileManager):
        manager.remove_file(context.session_id, upload)


def ask_for_run(session_id: str) -> None:
    """Let the script of an open page run again, where that page is. For the event loop's own thread.

    The run brings no news of the page's widgets: they stay as they were.
    """
    session = runtime.get_instance().get_app_session(session_id) if runtime.exists() else None
    if session is None:
        return
    state = ClientState()
    state.CopyFrom(session._client_state)  # noqa: SLF001
    state.ClearField("widget_states")
    state.ClearField("fragment_id")
    session.request_rerun(state)


def is_running(session_id: str) -> bool:
    """Whether the script of an open page runs now. For the event loop's own thread."""
    session = runtime.get_instance().get_app_session(session_id) if runtime.exists() else None
    return session is not None and session._state == AppSessionState.APP_IS_RUNNING  # noqa: SLF001


def end_session(session_id: str) -> None:
    """Stop what runs for an open page and let go of all it held in memory. For the event loop's own thread."""
    if runtime.exists():
        runtime.get_instance().close_session(session_id)


def takes_one_element() -> bool:
    """Whether the script writes into an `st.empty()`, where each element replaces the one before."""
    dg = st._main._active_dg  # noqa: SLF001
    return isinstance(dg._cursor, LockedCursor)  # noqa: SLF001


def form_around() -> str:
    """The key of the `with st.form(...)` the script is inside, where widgets can't have callbacks; empty for none."""
    return current_form_id(st._main)  # noqa: SLF001
