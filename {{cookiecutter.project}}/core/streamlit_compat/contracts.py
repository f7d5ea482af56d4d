"""Tests of what the engine relies on in Streamlit: one for each feature, inside a run that nobody sees."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import streamlit as st
import structlog
from streamlit import runtime

from core.streamlit_compat import messages, run, server, widgets
from core.streamlit_compat.features import Feature

log = structlog.get_logger(__name__)


class MovedError(Exception):
    """Something in Streamlit is not as the engine expects it."""


def test() -> Mapping[Feature, str]:
    """Return why features can't be had, and log it."""
    found: dict[Feature, str] = {}

    def look() -> None:
        failed = ""
        try:
            _begin_run()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is Streamlit that has changed
            failed = f" (no run can be begun: {error!r})"
        for feature, contract in CONTRACTS.items():
            try:
                contract()
            except Exception as error:  # noqa: BLE001
                found[feature] = f"{error!r}{failed}"

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    for feature, moved in found.items():
        log.error("Streamlit has changed", streamlit=st.__version__, so=feature.value, moved=moved)
    return found


def _begin_run() -> None:
    """Let this thread be a run."""
    from streamlit.runtime.fragment import MemoryFragmentStorage
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.runtime.scriptrunner import ScriptRunContext, add_script_run_ctx
    from streamlit.runtime.state import SafeSessionState, SessionState

    context = ScriptRunContext(
        session_id="",
        _enqueue=lambda _message: None,
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


def _expect(holds: bool, says: str) -> None:
    """Raise MovedError where something doesn't hold. `says`: what Streamlit does, and where."""
    if not holds:
        raise MovedError(says)


def _expect_run() -> None:
    """Raise MovedError outside of runs: an `st.form` there would be around all other pages of this process."""
    _expect(run.run_context() is not None, "a run has a context (runtime/scriptrunner)")


def _is_taken_in() -> None:
    from streamlit.proto.BackMsg_pb2 import BackMsg

    _expect_run()
    key, text = "a key", "a value"
    st.text_input("A text", key=key)
    message = BackMsg()
    message.rerun_script.widget_states.widgets.add(id=widgets.widget_id(key), string_value=text)
    message.rerun_script.page_script_hash = "a page"
    frame = bytes(message.SerializeToString()) + b"\xc5\x3e\x02\x01\x00\x00"  # the number 258
    found = messages.read_message(frame)
    (state,) = found.states
    _expect(found.asks and found.page == "a page", "a rerun names its page (proto/BackMsg)")
    _expect(found.number == 258, "a message may have fields that Streamlit doesn't know (proto/BackMsg)")
    _expect(messages.key_of(state.id) == key, "a widget's id ends in its key (runtime/state/common)")
    read = widgets.WidgetKey(key).reader()
    reads = read is not None and read(state) == text and not messages.is_press(state)
    _expect(reads, "a widget's metadata reads its state (runtime/state/session_state)")
    left = [
        *messages.read_message(messages.without(frame, [state.id])).states,
        *messages.read_message(messages.harmless(frame)).states,
    ]
    _expect(not left, "what is missing in a message stays as it was (proto/WidgetStates)")
    knows = isinstance(run.page_name(), str) and key in widgets.plain_keys().widgets
    _expect(knows, "a run knows its page and its widgets (scriptrunner_utils/script_run_context)")
    sent: list[Any] = []
    with patch.object(run.run_context(), "_enqueue", sent.append), st.form("one form", clear_on_submit=True):
        st.form_submit_button("Send")
    parts = [messages.noted(message.SerializeToString()) for message in sent]
    forms = [part for part in parts if isinstance(part, messages.FormPart)]
    says = any(part.clears for part in forms) and any(part.button for part in forms)
    _expect(says, "a form and its buttons are sent in messages of their own (proto/Block)")


def _fragments_are_named() -> None:
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
    message.metadata.run.fragment_ids.append("a fragment")
    said = messages.noted(messages.with_status(message.SerializeToString(), {"seen": 1}))
    _expect(said == messages.FragmentRun(ended=True), "a run of fragments says so to the browser (proto/ForwardMsg)")
    _expect_run()
    context, done = run.run_context(), list[bool]()
    coordinator = context.parallel_coordinator if context is not None else None
    if coordinator is not None:
        coordinator.submit(lambda: done.append(True), context)
        run.wait_for_parallel_fragments()
    _expect(done == [True], "a run counts its parallel fragments (runtime/parallel_coordinator)")


def _fields_are_found() -> None:
    _expect_run()
    key = "a typed text"
    st.text_input("A text", key=key)
    _expect(widgets.widget_id(key) not in ("", key), "the widget of a key has an id (runtime/state/session_state)")
    with st.empty():
        inside = run.takes_one_element()
    _expect(inside and not run.takes_one_element(), "an element of its own has a cursor that stays (cursor)")
    _expect(not run.in_fragment(), "a script knows whether it is in a fragment (scriptrunner_utils/script_run_context)")


def _one_key_is_listed() -> None:
    _expect_run()
    key, other = "a listed text", "another value"
    st.session_state[key] = st.session_state[other] = None
    widgets.list_one_alone()
    with widgets.WidgetKey(key).alone():
        alone = dict(st.session_state)
        texts: list[str | None] = [st.text_input("A text", key=key)]
    holds = alone == {key: None} and texts == [None] and {key, other} <= set(st.session_state)
    _expect(holds, "a run lists what it holds in one place (runtime/state/safe_session_state)")


def _values_are_given() -> None:
    _expect_run()
    key, other = "a given text", "an assigned value"
    st.text_input("A text", key=key)
    given = widgets.WidgetKey(key)
    element = given.element()
    given.offer("offered")
    offered = bool(element) and given.has_left()
    given.settle(element)
    holds = offered and not given.has_left()
    _expect(holds, "what a widget holds is new or old (runtime/state/session_state)")
    st.session_state[other] = 1
    put_right = widgets.WidgetKey(other)
    put_right.put_right(2)
    holds = put_right.value(None) == 2 and put_right.is_assigned() and other in widgets.assigned()
    _expect(holds, "what a script assigns is apart (runtime/state/session_state)")
    holds = run.fragment_run() is None and not run.opens_dialog()
    _expect(holds, "a run knows its fragments and its dialog (scriptrunner_utils/script_run_context)")


def _forms_are_found() -> None:
    _expect_run()
    with st.form("a form"), patch.object(runtime, "exists", lambda: True):
        inside = run.form_around()
        st.form_submit_button("Send")
    holds = inside == "a form" and run.form_around() == ""
    _expect(holds, "a form is on the stack of containers (elements/lib/form_utils)")


def _limits_are_read() -> None:
    day, moment = date(2026, 1, 2), datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001 - as a page gives them
    limits = {"min_value": None, "max_value": None}
    values = widgets.date_values({"value": (day, day), **limits}), widgets.datetime_values({"value": moment, **limits})
    holds = [each.initial for each in values] == [(day, day), moment] and values[0].low < day < values[0].high
    _expect(holds, "date inputs read their arguments (elements/widgets/time_widgets)")
    _expect(widgets.options_of({"a": 1}) == ["a"], "options may be given as anything (dataframe_util)")


def _uploads_are_found() -> None:
    from streamlit.elements.widgets.chat import ChatInputSerde
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from streamlit.runtime import Runtime
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.uploaded_file_manager import UploadedFileRec

    manager = MemoryUploadedFileManager(server.UPLOAD)
    manager.add_file("a session", UploadedFileRec("an id", "a.txt", "text/plain", b"abc"))
    held = [len(file.data) for file in manager.file_storage["a session"].values()]
    manager.remove_file("a session", "an id")
    server.forget_upload("an id")
    holds = held == [3] and hasattr(Runtime, "uploaded_file_mgr") and hasattr(Runtime, "get_app_session")
    _expect(holds, "files are held in memory (runtime/memory_uploaded_file_manager)")
    answer = ForwardMsg()
    answer.file_urls_response.file_urls.add(upload_url="an address")
    changed = messages.with_addresses(answer.SerializeToString(), lambda address: f"{address}, signed")
    holds = b"an address, signed" in (changed or b"") and server.upload_route("", lambda _file: None) is not None
    _expect(holds, "a page is told where to upload to, and a route takes that (web/server/starlette/starlette_routes)")
    holds = {"accept_files", "accept_audio"} <= set(ChatInputSerde.__dataclass_fields__)
    _expect(holds, "a chat input may take files (elements/widgets/chat)")
    holds = server.takes("a.TXT", "text/plain", ["txt"]) and not server.takes("a.md", "text/plain", ["txt"])
    _expect(holds, "an uploader's types are endings or media types (elements/lib/file_uploader_utils)")


def _tables_are_read() -> None:
    from core.streamlit_compat import tables

    frame = tables.dataframe_util.convert_anything_to_pandas_df([{"a": 1}], ensure_copy=True)
    tables.fix_column_headers(frame)
    tables.stringify_incompatible(frame, {}, trial_conversion=True)
    holds = tables.parse_value("2", tables.ColumnDataKind.INTEGER) == 2 and bool(tables.EDITABLE_AS)
    _expect(holds, "the editor reads tables and cells (elements/widgets/data_editor)")


def _pages_can_be_run() -> None:
    from streamlit.proto.ClientState_pb2 import ClientState
    from streamlit.runtime import Runtime
    from streamlit.runtime.app_session import AppSession, AppSessionState
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.runtime.scriptrunner import ScriptRunContext, ScriptRunner

    fields = {"widget_states", "fragment_id", "page_name"} <= set(ClientState.DESCRIPTOR.fields_by_name)
    known = {"_client_state", "_state", "_scriptrunner"} <= set(AppSession.__init__.__code__.co_names)
    known &= "_script_thread" in ScriptRunner.__init__.__code__.co_names
    known &= "parallel_coordinator" in ScriptRunContext.__dataclass_fields__
    known &= {"intended_page_script_hash", "intended_page_name"} <= set(vars(PagesManager))
    able = hasattr(AppSession, "request_rerun") and hasattr(Runtime, "close_session")
    holds = fields and known and able and hasattr(AppSessionState, "APP_IS_RUNNING")
    _expect(holds, "an open page can be run again and ended (runtime/app_session)")


def _stopped_runs_go_on() -> None:
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
        if run.was_stopped_by_page(stopped):
            run.do_though_stopped(lambda: done.append(run.run_context() is not None))
    _expect(done == [True], "a stopped run takes elements from another thread (scriptrunner)")


def _user_is_asked_for() -> None:
    _expect_run()
    with patch("streamlit.user_info._get_user_info", lambda: {"name": "Ada"}):
        holds = st.user.name == "Ada" and st.user.to_dict() == {"name": "Ada"}
    _expect(holds, "st.user reads all it says in one place (user_info)")


def _cookies_are_signed() -> None:
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette import starlette_server_config as names

    value = server.signed("a name", {"sub": "1"}, "a secret")
    named = (names.USER_COOKIE_NAME, names.TOKENS_COOKIE_NAME) == (server.USER_COOKIE, server.TOKENS_COOKIE)
    said = server.read_signed({"a name": value}, "a name", "a secret")
    holds = callable(get_cookie_secret) and named and said == {"sub": "1"}
    _expect(holds, "the sign-in signs its cookies (web/server/starlette)")


CONTRACTS: Mapping[Feature, Callable[[], None]] = {
    Feature.INGRESS: _is_taken_in,
    Feature.FRAGMENTS: _fragments_are_named,
    Feature.TYPING: _fields_are_found,
    Feature.LISTING: _one_key_is_listed,
    Feature.IN_PLACE: _values_are_given,
    Feature.FORMS: _forms_are_found,
    Feature.LIMITS: _limits_are_read,
    Feature.UPLOADS: _uploads_are_found,
    Feature.TABLES: _tables_are_read,
    Feature.PAGES: _pages_can_be_run,
    Feature.STOPPED: _stopped_runs_go_on,
    Feature.USER: _user_is_asked_for,
    Feature.PROVIDER: _cookies_are_signed,
}
