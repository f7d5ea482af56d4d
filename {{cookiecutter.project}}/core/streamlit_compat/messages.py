"""Messages of the browser and of the server over the WebSocket: `BackMsg` and `ForwardMsg`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from core.streamlit_compat.features import Feature, part_of

if TYPE_CHECKING:
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from streamlit.proto.WidgetStates_pb2 import WidgetState as WidgetState
else:
    WidgetState = Any

PRESSES = ("trigger_value", "string_trigger_value", "chat_input_value", "json_trigger_value")
_NUMBER, _CONTENT = 1000, 1001
"""The fields that are added to messages, in both directions: a number, and something in JSON. The browser has them in
`core/ui/last_message.js`. Of a message to it the number is the length of the JSON, by which it finds that."""
_LENGTH_DELIMITED, _FIXED32 = 2, 5
"""Protobuf's marks for the content of a field."""
_LONGEST_NOTED = 4096
"""Bytes of a message to the browser that may be about a form, its button or a run's begin: none holds much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A widget of the page that shows something which the browser hasn't sent."""

    id: str
    form: str
    """The key of the `st.form` it waits for; empty outside of any."""
    number: int
    """The number of messages that the page had sent when it was entered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMessage:
    """One message of the browser."""

    states: Sequence[WidgetState] = ()
    """Those of all widgets, in Streamlit's own words."""
    asks: bool = False
    """True if it asks for a run, or for what a page has offered: a file, rows of a table."""
    asks_where: bool = False
    """True if it asks for the addresses that files are uploaded to."""
    page: str = ""
    """From which page, or for which one (see `page_name`); empty where the browser doesn't know its name yet."""
    by_itself: bool = False
    """True if no widget was touched: a part of the page is due again, or somebody went back to another page."""
    number: int = 0
    """The number of messages that the page had sent with this one, as its script counts them; 0 for one without."""
    drafts: Sequence[Mapping[str, Any]] = ()
    """Texts that the page's fields show and the browser alone has, each as it is posted to `/keep/drafts`; `text` may
    be None, for what the browser can't send."""
    unsent: Sequence[Unsent] = ()
    """All else that the page shows and the browser hasn't sent, as far as it knows."""
    touched: Collection[str] = ()
    """The ids of the widgets into which something may have been entered since the message before."""
    has_dialog: bool = False
    """True while a dialog is open on the page."""


EMPTY_MESSAGE = ClientMessage()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPart:
    """One `st.form` or a button that submits it, as it is sent to the browser."""

    form: str
    """Its key."""
    button: str = ""
    """The id of the button; empty for the form."""
    clears: bool = False
    """True if the browser puts the form's widgets back to their defaults when it is submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentRun:
    """A run of parts of the page has begun, or ended."""

    ended: bool


@part_of(Feature.INGRESS, otherwise=EMPTY_MESSAGE)
def read_message(frame: bytes) -> ClientMessage:
    """Return what one message of the browser says; nothing for a broken one.

    Streamlit itself closes the connection for those: with 1002 for garbage, with 1009 for what is too large.
    """
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes

    if len(frame) > get_max_widget_state_size_bytes():
        return EMPTY_MESSAGE
    message = BackMsg()
    try:
        message.ParseFromString(frame)
    except DecodeError:
        return EMPTY_MESSAGE
    kind = message.WhichOneof("type")
    if kind != "rerun_script":
        return ClientMessage(asks=kind == "backend_operation_request", asks_where=kind == "file_urls_request")
    wish = message.rerun_script
    added = {field.field_number: field.data for field in UnknownFieldSet(message)}
    number, content = added.get(_NUMBER), _content(added.get(_CONTENT))
    return ClientMessage(
        states=wish.widget_states.widgets,
        asks=True,
        page=wish.page_script_hash,
        by_itself=wish.is_auto_rerun or wish.is_history_navigation,
        number=number if isinstance(number, int) else 0,
        drafts=[each for each in _listed(content, "drafts") if isinstance(each, dict)],
        unsent=[found for each in _listed(content, "unsent") if (found := _unsent(each))],
        touched={each for each in _listed(content, "touched") if isinstance(each, str)},
        has_dialog=content.get("has_dialog") is True,
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


@part_of(Feature.INGRESS, otherwise=None)
def noted(frame: bytes) -> FormPart | FragmentRun | None:
    """Return what a message to the browser says of a form's block, of one of its buttons, or of a run of fragments."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    if len(frame) > _LONGEST_NOTED:
        return None
    message = ForwardMsg()
    try:
        message.ParseFromString(frame)
    except DecodeError:
        return None
    kind = message.WhichOneof("type")
    if kind in ("new_session", "script_finished"):
        return FragmentRun(ended=kind == "script_finished") if _is_of_fragments(message) else None
    if kind != "delta":
        return None
    if message.delta.add_block.WhichOneof("type") == "form":
        form = message.delta.add_block.form
        return FormPart(form=form.form_id, clears=form.clear_on_submit)
    button = message.delta.new_element.button
    return FormPart(form=button.form_id, button=button.id) if button.is_form_submitter else None


@part_of(Feature.FRAGMENTS, otherwise=False)
def _is_of_fragments(message: ForwardMsg) -> bool:
    return bool(message.metadata.run.fragment_ids)


def with_status(frame: bytes, status: Mapping[str, Any]) -> bytes:
    """Return a message to the browser with something for the page's script, which Streamlit passes over."""
    content = orjson.dumps(status)
    added = _tag(_CONTENT, _LENGTH_DELIMITED) + _varint(len(content)) + content
    return frame + added + _tag(_NUMBER, _FIXED32) + len(content).to_bytes(4, "little")


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(number: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, the lowest first."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


@part_of(Feature.INGRESS, otherwise=False)
def is_press(state: WidgetState) -> bool:
    """Return True for something pressed or handed in: it comes once, and is no value that a widget goes on holding."""
    return state.WhichOneof("value") in PRESSES


@part_of(Feature.INGRESS, otherwise=None)
def key_of(element: str) -> str | None:
    """Return the key that the script gave the widget of this id, None for one without a key."""
    from streamlit.runtime.state.common import user_key_from_element_id

    return user_key_from_element_id(element)


def without(frame: bytes, ids: Collection[str]) -> bytes:
    """Return a message of the browser without what it says about some widgets: they stay as they were."""
    from streamlit.proto.BackMsg_pb2 import BackMsg

    message = BackMsg()
    message.ParseFromString(frame)
    widgets = message.rerun_script.widget_states.widgets
    kept = [state for state in widgets if state.id not in ids]
    del widgets[:]
    widgets.extend(kept)
    return bytes(message.SerializeToString())


def harmless(frame: bytes) -> bytes:
    """Return a message of which only the wish to see a page is left: no widget, no button, no part of the page."""
    from streamlit.proto.BackMsg_pb2 import BackMsg

    message = BackMsg()
    message.ParseFromString(frame)
    if message.WhichOneof("type") != "rerun_script":
        message.app_heartbeat = True
        return bytes(message.SerializeToString())
    wish = message.rerun_script
    del wish.widget_states.widgets[:]
    wish.fragment_id, wish.is_auto_rerun = "", False
    return bytes(message.SerializeToString())


@part_of(Feature.UPLOADS, otherwise=None)
def with_addresses(frame: bytes, change: Callable[[str], str]) -> bytes | None:
    """Return a message that says where files are uploaded to with other addresses; None for any other message."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = ForwardMsg()
    message.ParseFromString(frame)
    if message.WhichOneof("type") != "file_urls_response":
        return None
    for each in message.file_urls_response.file_urls:
        each.upload_url, each.delete_url = change(each.upload_url), change(each.delete_url)
    return bytes(message.SerializeToString())


@part_of(Feature.UPLOADS, otherwise=())
def upload_ids(state: WidgetState) -> Sequence[str]:
    """Return the ids of the files that a widget's state names, in their order."""
    sent = state.chat_input_value
    shown = [*state.file_uploader_state_value.uploaded_file_info, *sent.file_uploader_state.uploaded_file_info]
    return [info.file_id for info in [*shown, sent.audio_file_info] if info.file_id]
