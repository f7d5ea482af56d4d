"""What is relied on in Streamlit, as a table of small tests over a page that nobody sees."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import streamlit as st
import structlog
from streamlit import runtime

from core.streamlit_compat import messages, run, server, widgets
from core.streamlit_compat.features import Feature

_KEY = "a key"
_TEXT = "a value"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Contract:
    """One thing relied on. `holds` looks at it as the engine does; where it raises, it doesn't hold either."""

    feature: Feature
    says: str
    """What Streamlit does, and where."""
    holds: Callable[[], bool]


def test() -> Mapping[Feature, tuple[str, ...]]:
    """Return what doesn't hold, by feature, and log it."""
    found: dict[Feature, list[str]] = defaultdict(list)

    def look() -> None:
        failed = ""
        try:
            _show()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is Streamlit that has changed
            failed = f" (no page can be shown: {error!r})"
        for contract in CONTRACTS:
            try:
                why = "" if contract.holds() else "it is otherwise"
            except Exception as error:  # noqa: BLE001
                why = repr(error)
            if why:
                found[contract.feature].append(f"{contract.says}: {why}{failed}")

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    for feature, moved in found.items():
        log.error("Streamlit has changed", streamlit=st.__version__, so=feature.value, moved=moved)
    return {feature: tuple(moved) for feature, moved in found.items()}


_sent: list[Any] = []
"""What the page sends to the browser."""
_inside: list[tuple[str, bool]] = []
"""What is found inside its form and in its `st.empty()`."""


def _show() -> None:
    """Show a page as a run does, in this thread."""
    from streamlit.runtime.fragment import MemoryFragmentStorage
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.runtime.scriptrunner import ScriptRunContext, add_script_run_ctx
    from streamlit.runtime.state import SafeSessionState, SessionState

    _sent.clear()
    _inside.clear()
    context = ScriptRunContext(
        session_id="",
        _enqueue=_sent.append,
        query_string="",
        session_state=SafeSessionState(SessionState(), lambda: None),
        uploaded_file_mgr=cast("Any", None),
        main_script_path=__file__,
        user_info={},
        fragment_storage=MemoryFragmentStorage(),
        pages_manager=PagesManager(__file__),
    )
    add_script_run_ctx(threading.current_thread(), context)
    context.reset()
    st.text_input("A text", key=_KEY)
    with st.form("a form", clear_on_submit=True), patch.object(runtime, "exists", lambda: True):
        _inside.append(("form", _raises_nothing(lambda: run.form_around() == "a form")))
        st.form_submit_button("Send")
    with st.empty():
        _inside.append(("empty", _raises_nothing(run.takes_one_element)))


def _raises_nothing(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except Exception:  # noqa: BLE001
        return False


# Messages


def _frame() -> bytes:
    from streamlit.proto.BackMsg_pb2 import BackMsg

    message = BackMsg()
    message.rerun_script.widget_states.widgets.add(id=widgets.widget_id(_KEY), string_value=_TEXT)
    message.rerun_script.page_script_hash = "a page"
    return bytes(message.SerializeToString()) + b"\xc5\x3e\x02\x01\x00\x00"  # the number 258


def _is_heard() -> bool:
    message = messages.told(_frame())
    return message.asks and message.page == "a page" and [state.string_value for state in message.states] == [_TEXT]


def _is_read() -> bool:
    (state,) = messages.told(_frame()).states
    read = widgets.reader(_KEY)
    return read is not None and read(state) == _TEXT and not messages.is_press(state)


def _is_left_out() -> bool:
    frame = messages.without(_frame(), [widgets.widget_id(_KEY)])
    return not messages.told(frame).states and not messages.told(messages.harmless(_frame())).states


def _form_is_sent() -> bool:
    parts = [part for message in _sent if (part := messages.noted(message.SerializeToString()))]
    forms = [part for part in parts if isinstance(part, messages.FormPart)]
    return any(part.clears for part in forms) and any(part.button for part in forms)


def _fragments_are_said() -> bool:
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
    message.metadata.run.fragment_ids.append("a fragment")
    frame = messages.with_status(message.SerializeToString(), {"seen": 1})
    return messages.noted(frame) == messages.FragmentRun(ended=True)


# The state of widgets


def _is_offered() -> bool:
    element = widgets.element_id(_KEY)
    widgets.offer(_KEY, "offered")
    was_offered = widgets.has_left(_KEY)
    widgets.settle(_KEY, element)
    return bool(element) and was_offered and not widgets.has_left(_KEY)


def _is_put_right() -> bool:
    st.session_state["another key"] = 1
    widgets.put_right("another key", 2)
    return widgets.held("another key", None) == 2 and "another key" in widgets.assigned()


def _dates_are_read() -> bool:
    day, moment = date(2026, 1, 2), datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001 - as a page gives them
    limits = {"min_value": None, "max_value": None}
    values = widgets.date_values({"value": (day, day), **limits}), widgets.datetime_values({"value": moment, **limits})
    return [each.initial for each in values] == [(day, day), moment] and values[0].low < day < values[0].high


# The server


def _uploads_are_found() -> bool:
    from streamlit.runtime import Runtime
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.uploaded_file_manager import UploadedFileRec

    manager = MemoryUploadedFileManager(server.UPLOAD)
    manager.add_file("a session", UploadedFileRec("an id", "a.txt", "text/plain", b"abc"))
    held = [len(file.data) for file in manager.file_storage["a session"].values()]
    manager.remove_file("a session", "an id")
    server.forget_upload("an id")
    return held == [3] and hasattr(Runtime, "uploaded_file_mgr") and hasattr(Runtime, "get_app_session")


def _chat_is_known() -> bool:
    from streamlit.elements.widgets.chat import ChatInputSerde

    return {"accept_files", "accept_audio"} <= set(ChatInputSerde.__dataclass_fields__)


def _tables_are_read() -> bool:
    from core.streamlit_compat import tables

    frame = tables.dataframe_util.convert_anything_to_pandas_df([{"a": 1}], ensure_copy=True)
    tables.fix_column_headers(frame)
    tables.stringify_incompatible(frame, {}, trial_conversion=True)
    return tables.parse_value("2", tables.ColumnDataKind.INTEGER) == 2 and bool(tables.EDITABLE_AS)


def _pages_are_run() -> bool:
    from streamlit.proto.ClientState_pb2 import ClientState
    from streamlit.runtime import Runtime
    from streamlit.runtime.app_session import AppSession, AppSessionState

    fields = {"widget_states", "fragment_id"} <= set(ClientState.DESCRIPTOR.fields_by_name)
    known = {"_client_state", "_state"} <= set(AppSession.__init__.__code__.co_names)
    able = hasattr(AppSession, "request_rerun") and hasattr(Runtime, "close_session")
    return fields and known and able and hasattr(AppSessionState, "APP_IS_RUNNING")


def _is_stopped() -> bool:
    class StoppedError(Exception):
        pass

    def stop() -> None:
        raise StoppedError

    done: list[bool] = []
    context = run.run_context()
    if context is not None:
        context.script_requests = cast("Any", SimpleNamespace(request_stop=stop))
    try:
        st.stop()
    except StoppedError as stopped:
        run.do_though_stopped(lambda: done.append(run.run_context() is not None))
        return run.was_stopped_by_page(stopped) and done == [True]


def _cookies_are_signed() -> bool:
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette import starlette_server_config as names

    value = server.signed("a name", {"sub": "1"}, "a secret")
    named = (names.USER_COOKIE_NAME, names.TOKENS_COOKIE_NAME) == (server.USER_COOKIE, server.TOKENS_COOKIE)
    said = server.read_signed({"a name": value}, "a name", "a secret")
    return callable(get_cookie_secret) and named and said == {"sub": "1"}


CONTRACTS = (
    Contract(Feature.INGRESS, "a rerun carries the states of all widgets (proto/BackMsg)", _is_heard),
    Contract(
        Feature.INGRESS,
        "a message may have fields that Streamlit doesn't know (proto/BackMsg)",
        lambda: messages.told(_frame()).number == 258,
    ),
    Contract(
        Feature.INGRESS,
        "a widget's id ends in its key (runtime/state/common)",
        lambda: [messages.key_of(state) for state in messages.told(_frame()).states] == [_KEY],
    ),
    Contract(Feature.INGRESS, "a widget's metadata reads its state (runtime/state/session_state)", _is_read),
    Contract(Feature.INGRESS, "what is missing in a message stays as it was (proto/WidgetStates)", _is_left_out),
    Contract(Feature.INGRESS, "a form and its buttons are sent in messages of their own (proto/Block)", _form_is_sent),
    Contract(Feature.FRAGMENTS, "a run of fragments says so to the browser (proto/ForwardMsg)", _fragments_are_said),
    Contract(
        Feature.INGRESS,
        "a run knows its page and its widgets (scriptrunner_utils/script_run_context)",
        lambda: isinstance(run.page_name(), str) and widgets.plain_keys().widgets == {_KEY},
    ),
    Contract(
        Feature.TYPING,
        "the widget of a key has an id (runtime/state/session_state)",
        lambda: widgets.widget_id(_KEY) not in ("", _KEY),
    ),
    Contract(
        Feature.TYPING,
        "an element of its own has a cursor that stays (cursor)",
        lambda: ("empty", True) in _inside and not run.takes_one_element(),
    ),
    Contract(Feature.IN_PLACE, "what a widget holds is new or old (runtime/state/session_state)", _is_offered),
    Contract(Feature.IN_PLACE, "what a script assigns is apart (runtime/state/session_state)", _is_put_right),
    Contract(
        Feature.IN_PLACE,
        "a run knows its fragments and its dialog (scriptrunner_utils/script_run_context)",
        lambda: run.fragment_run() is None and not run.opens_dialog(),
    ),
    Contract(
        Feature.FORMS,
        "a form is on the stack of containers (elements/lib/form_utils)",
        lambda: ("form", True) in _inside and run.form_around() == "",
    ),
    Contract(Feature.LIMITS, "date inputs read their arguments (elements/widgets/time_widgets)", _dates_are_read),
    Contract(
        Feature.LIMITS,
        "options may be given as anything (dataframe_util)",
        lambda: widgets.options_of({"a": 1}) == ["a"],
    ),
    Contract(Feature.UPLOADS, "files are held in memory (runtime/memory_uploaded_file_manager)", _uploads_are_found),
    Contract(Feature.UPLOADS, "a chat input may take files (elements/widgets/chat)", _chat_is_known),
    Contract(
        Feature.UPLOADS,
        "an uploader's types are endings or media types (elements/lib/file_uploader_utils)",
        lambda: server.takes("a.TXT", "text/plain", ["txt"]) and not server.takes("a.md", "text/plain", ["txt"]),
    ),
    Contract(Feature.TABLES, "the editor reads tables and cells (elements/widgets/data_editor)", _tables_are_read),
    Contract(Feature.PAGES, "an open page can be run again and ended (runtime/app_session)", _pages_are_run),
    Contract(Feature.STOPPED, "a stopped run takes elements from another thread (scriptrunner)", _is_stopped),
    Contract(Feature.PROVIDER, "the sign-in signs its cookies (web/server/starlette)", _cookies_are_signed),
)
