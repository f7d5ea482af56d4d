"""Everything relied on in Streamlit that is no public API of it. `tests/test_streamlit_protocol.py` holds it to that.

| relied on | where in Streamlit | for |
|---|---|---|
| the browser's messages are `BackMsg`; a rerun carries all widget states | `proto/BackMsg.proto` | `told` |
| what is pressed is in one message only, what is chosen in all that follow | `proto/WidgetStates.proto` | `is_press` |
| a message may have fields that Streamlit doesn't know, such as a number | `proto/BackMsg.proto` | `told` |
| so may one to the browser; a run's first and last say of which fragments it is | `proto/ForwardMsg.proto` | `noted` |
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
| which widgets a run has shown | `runtime/scriptrunner_utils/shared_run_state.py` | `shown_widgets` |
| what a session holds, by its widgets' ids and by other keys | `runtime/state/session_state.py` | `plain_keys` |
| an element of its own has a cursor that stays where it is | `cursor.py` | `takes_one_element` |
| a form notes itself on the stack of containers | `elements/lib/form_utils.py` | `form_around` |
| a form and its buttons are sent to the browser in small messages | `proto/Block.proto`, `Button.proto` | `noted` |
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
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.common import (
    WidgetMetadata,
    is_element_id,
    unpack_widget_state_value,
    user_key_from_element_id,
)
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

__all__ = [
    "STREAM",
    "UPLOAD",
    "FormPart",
    "FragmentRun",
    "PlainKeys",
    "Reader",
    "Told",
    "Unsent",
    "WidgetState",
    "ask_for_run",
    "assigned",
    "date_values",
    "datetime_values",
    "element_id",
    "end_session",
    "forget_upload",
    "form_around",
    "fragment_run",
    "harmless",
    "has_left",
    "held",
    "is_press",
    "is_running",
    "key_in",
    "key_of",
    "noted",
    "offer",
    "opens_dialog",
    "page_name",
    "plain_keys",
    "put_right",
    "reader",
    "settle",
    "shown_widgets",
    "takes",
    "takes_one_element",
    "told",
    "upload_ids",
    "uploaded",
    "uploaders",
    "uploads_held",
    "widget_id",
    "with_status",
    "without",
]

STREAM = "_stcore/stream"
"""The address of the WebSocket, below the base path."""

_PRESSES = ("trigger_value", "string_trigger_value", "chat_input_value", "json_trigger_value")

_NUMBER, _CONTENT = 1000, 1001
"""The fields that are added to messages, in both directions: a number, and something in JSON. The browser has them in
`core/ui/last_message.js`. Of a message to it the number is the length of the JSON, by which it finds that."""

_LENGTH_DELIMITED, _FIXED32 = 2, 5
"""How protobuf marks what a field consists of."""

_LONGEST_NOTED = 4096
"""Bytes of a message to the browser that may be about a form, its button or a run's begin: none holds much."""

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
class Unsent:
    """A widget of the page that shows something which the browser hasn't sent."""

    id: str
    form: str
    """The key of the `st.form` it waits for; empty outside of any."""
    number: int
    """How many messages the page had sent when it was entered."""


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
    unsent: Sequence[Unsent] = ()
    """What else the page shows and the browser hasn't sent, as far as it knows."""
    touched: Collection[str] = ()
    """The ids of the widgets into which something may have been entered since the message before."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentRun:
    """A run of parts of the page has begun, or ended."""

    ended: bool


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
    number, content = added.get(_NUMBER), _content(added.get(_CONTENT))
    return Told(
        states=wish.widget_states.widgets,
        asks=True,
        page=wish.page_script_hash,
        by_itself=wish.is_auto_rerun or wish.is_history_navigation,
        number=number if isinstance(number, int) else 0,
        drafts=[each for each in _listed(content, "drafts") if isinstance(each, dict)],
        unsent=[found for each in _listed(content, "unsent") if (found := _unsent(each))],
        touched={each for each in _listed(content, "touched") if isinstance(each, str)},
    )


def _content(field: object) -> Mapping[str, Any]:
    try:
        found = orjson.loads(field) if isinstance(field, bytes) else None
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _listed(content: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = content.get(name)
    return found if isinstance(found, list) else ()


def _unsent(value: object) -> Unsent | None:
    match value:
        case {"id": str(name), "form": str(form), "number": int(number)}:
            return Unsent(id=name, form=form, number=number)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainKeys:
    """The keys under which `st.session_state` holds a value, whoever keeps that. What can be pressed holds none."""

    widgets: frozenset[str] = frozenset()
    """Those of widgets on the page."""
    others: frozenset[str] = frozenset()
    """What a script has assigned, and what Streamlit holds for widgets of other pages."""
    unnamed: int = 0
    """How many widgets on the page have no key."""


def plain_keys(session_id: str = "") -> PlainKeys:
    """Return what `st.session_state` holds, of the run in progress.

    With Streamlit's id of a session it is what the last run has left, which is for the event loop's own thread.
    """
    context, session = get_script_run_ctx(), _app_session(session_id)
    if session is not None:
        state = session.session_state
    elif context is not None:
        state = context.session_state._state  # noqa: SLF001
    else:
        return PlainKeys()
    new, old, assigned = state._new_widget_state, state._old_state, state._new_session_state  # noqa: SLF001
    held = {str(name) for name in (*list(old), *list(assigned), *list(new.states))}
    others, keys, pressed, unnamed = {name for name in held if not name.startswith("$$")}, set(), set(), 0
    for name in held if session is not None else held & shown_widgets():
        metadata, key = new.widget_metadata.get(name), user_key_from_element_id(name)
        if not is_element_id(name) or metadata is None:
            continue
        if metadata.value_type in _PRESSES:
            pressed.add(key)
        elif key is None:
            unnamed += 1
        else:
            keys.add(key)
    return PlainKeys(widgets=frozenset(keys), others=frozenset(others - pressed), unnamed=unnamed)


def shown_widgets() -> frozenset[str]:
    """Return the ids of the widgets that the run in progress has shown."""
    context = get_script_run_ctx()
    return frozenset(context.shared.widget_ids_this_run.snapshot()) if context is not None else frozenset()


def noted(frame: bytes) -> FormPart | FragmentRun | None:
    """Return what a message to the browser says of a form's block, of one of its buttons, or of a run of fragments."""
    if len(frame) > _LONGEST_NOTED:
        return None
    message = ForwardMsg()
    try:
        message.ParseFromString(frame)
    except DecodeError:
        return None
    kind = message.WhichOneof("type")
    if kind in ("new_session", "script_finished"):
        return FragmentRun(ended=kind == "script_finished") if message.metadata.run.fragment_ids else None
    if kind != "delta":
        return None
    if message.delta.add_block.WhichOneof("type") == "form":
        form = message.delta.add_block.form
        return FormPart(form=form.form_id, clears=form.clear_on_submit)
    button = message.delta.new_element.button
    return FormPart(form=button.form_id, button=button.id) if button.is_form_submitter else None


def with_status(frame: bytes, status: Mapping[str, Any]) -> bytes:
    """Return a message to the browser with something for the page's script, which Streamlit passes over."""
    content = orjson.dumps(status)
    added = _tag(_CONTENT, _LENGTH_DELIMITED) + _varint(len(content)) + content
    return frame + added + _tag(_NUMBER, _FIXED32) + len(content).to_bytes(4, "little")


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


def is_press(state: WidgetState) -> bool:
    """Whether something was pressed or handed in, which comes once, and is no value that a widget goes on holding."""
    return state.WhichOneof("value") in _PRESSES


def page_name() -> str:
    """What the browser's messages call the page that this run shows."""
    context = get_script_run_ctx()
    return context.pages_manager.current_page_script_hash if context is not None else ""


def key_of(state: WidgetState) -> str | None:
    """Return the key the script gave the widget, None for one without a key."""
    return key_in(state.id)


def key_in(element: str) -> str | None:
    """The same, by the id of its element."""
    return user_key_from_element_id(element)


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


def _app_session(session_id: str) -> AppSession | None:
    return runtime.get_instance().get_app_session(session_id) if runtime.exists() and session_id else None


def uploaders(session_id: str) -> frozenset[str]:
    """Return the keys of the widgets that take files on an open page, as it is now; `""` for any without a key.

    `session_id` is Streamlit's own. For the event loop's own thread.
    """
    session = _app_session(session_id)
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
    session = _app_session(session_id)
    if session is None:
        return
    state = ClientState()
    state.CopyFrom(session._client_state)  # noqa: SLF001
    state.ClearField("widget_states")
    state.ClearField("fragment_id")
    session.request_rerun(state)


def is_running(session_id: str) -> bool:
    """Whether the script of an open page runs now. For the event loop's own thread."""
    session = _app_session(session_id)
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
