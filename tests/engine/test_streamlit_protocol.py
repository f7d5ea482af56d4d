"""What this project relies on in Streamlit beyond its public API. When a new Streamlit breaks one of these, look at
`core/streamlit_compat`: it is the only place to mend.
"""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes
from streamlit.testing.v1 import AppTest

from core.streamlit_compat.messages import FragmentRun, Unsent, key_of, noted, read_message, with_status
from core.streamlit_compat.server import UPLOAD, takes

KEY = "a.b/c d-é"
KINDS: list[tuple[str, list[Any], dict[str, Any], Any]] = [
    ("text_input", ["Label"], {}, "Zoë\x00😀"),
    ("text_area", ["Label"], {}, "two\nlines"),
    ("number_input", ["Label", 0, 10], {}, 7),
    ("number_input", ["Label"], {}, 2.5),
    ("slider", ["Label", 0, 10, (2, 8)], {}, (3, 5)),
    ("slider", ["Label", date(2026, 1, 1), date(2026, 12, 31)], {}, date(2026, 6, 1)),
    ("selectbox", ["Label", [1, 2, 3]], {}, 2),
    ("radio", ["Label", ["x", "y"]], {}, "y"),
    ("multiselect", ["Label", ["x", "y"]], {}, ["y"]),
    ("select_slider", ["Label"], {"options": ["x", "y"]}, "y"),
    ("checkbox", ["Label"], {}, True),
    ("toggle", ["Label"], {}, True),
    ("date_input", ["Label", date(2026, 1, 1)], {}, date(2026, 3, 4)),
    ("time_input", ["Label", time(9, 0)], {}, time(14, 45)),
    ("color_picker", ["Label"], {}, "#1f6f5c"),
    ("feedback", ["stars"], {}, 3),
]


def page(kind: str, arguments: list[object], options: dict[str, object], key: str, *, in_form: bool) -> None:
    import contextlib

    import streamlit as st

    from core.streamlit_compat import run, widgets

    with st.form("form") if in_form else contextlib.nullcontext():
        getattr(st, kind)(*arguments, key=key, **options)
        st.session_state["inside"] = bool(run.form_around())
        if in_form:
            st.form_submit_button()
    st.session_state["reader"] = widgets.WidgetKey(key).reader()


@pytest.mark.parametrize(
    ("kind", "arguments", "options", "value"), KINDS, ids=lambda case: case if isinstance(case, str) else ""
)
def test_a_browser_s_message_gives_the_value_the_script_gets(
    kind: str, arguments: list[Any], options: dict[str, Any], value: Any
) -> None:
    given = {"kind": kind, "arguments": arguments, "options": options, "key": KEY, "in_form": False}
    tab = AppTest.from_function(page, kwargs=given).run()
    assert not tab.exception
    widget: Any = tab.get(kind)[0]
    widget.set_value(value)
    message = BackMsg()
    message.rerun_script.widget_states.widgets.append(widget._widget_state)
    (state,) = read_message(message.SerializeToString()).states
    assert key_of(state.id) == KEY
    read = tab.session_state["reader"](state)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("in_form", [True, False])
def test_a_form_is_noticed(in_form: bool) -> None:
    given = {"kind": "text_input", "arguments": ["Label"], "options": {}, "key": "k", "in_form": in_form}
    tab = AppTest.from_function(page, kwargs=given).run()
    assert tab.session_state["inside"] is in_form


def test_a_widget_that_is_not_on_the_page_has_no_reader() -> None:
    def empty() -> None:
        import streamlit as st

        from core.streamlit_compat import widgets

        st.session_state["reader"] = widgets.WidgetKey("absent").reader()

    assert AppTest.from_function(empty).run().session_state["reader"] is None


def test_other_messages_say_nothing_about_widgets() -> None:
    message = BackMsg(stop_script=True)
    assert list(read_message(message.SerializeToString()).states) == []
    assert list(read_message(b"\xff\xff").states) == []


def test_a_number_at_its_end_is_no_part_of_what_streamlit_hears() -> None:
    message = BackMsg()
    message.rerun_script.page_name = "here"
    numbered = message.SerializeToString() + b"\xc5\x3e\x02\x01\x00\x00"
    assert read_message(numbered).number == 258
    assert BackMsg.FromString(numbered).rerun_script == message.rerun_script
    assert read_message(message.SerializeToString()).number == 0


def test_drafts_beside_its_number_are_no_part_of_what_streamlit_hears() -> None:
    message = BackMsg()
    message.rerun_script.page_name = "here"
    content = (
        b'{"drafts": [{"text": "a lamp"}, "forged"], "unsent": [{"id": "w", "form": "", "number": 2}, {"id": 1}], '
    )
    content += b'"unsent": [{"id": "w", "form": "", "number": 2}, {"id": 1}], "touched": ["w", 1]}'
    added = b"\xca\x3e" + bytes([len(content) & 127 | 128, len(content) >> 7]) + content + b"\xc5\x3e\x02\x01\x00\x00"
    heard = read_message(message.SerializeToString() + added)
    assert (heard.number, heard.drafts) == (258, [{"text": "a lamp"}])
    assert (heard.unsent, heard.touched) == ([Unsent(id="w", form="", number=2)], {"w"})
    assert BackMsg.FromString(message.SerializeToString() + added).rerun_script == message.rerun_script


@pytest.mark.parametrize("content", [b"{", b"\xff", b"1", b"null", b"[]", b'{"drafts": {"a": 1}, "unsent": 1}'])
def test_drafts_that_are_none_are_passed_over(content: bytes) -> None:
    message = BackMsg()
    message.rerun_script.page_name = "here"
    heard = read_message(message.SerializeToString() + b"\xca\x3e" + bytes([len(content)]) + content)
    assert (list(heard.drafts), list(heard.unsent)) == ([], [])


@pytest.mark.parametrize("kind", ["new_session", "script_finished"])
@pytest.mark.parametrize("length", [3, 300, 70_000])
def test_the_page_is_told_more_with_a_message_than_streamlit_hears(kind: str, length: int) -> None:
    message = ForwardMsg()
    if kind == "new_session":
        message.new_session.name = "app"
    else:
        message.script_finished = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
    assert noted(message.SerializeToString()) is None, "the page itself is told by its own components"
    message.metadata.run.fragment_ids.append("a part")
    frame = message.SerializeToString()
    assert noted(frame) == FragmentRun(ended=kind == "script_finished")

    told = with_status(frame, {"said": "x" * length})

    assert told.startswith(frame)
    passed_over = ForwardMsg.FromString(told)
    passed_over.DiscardUnknownFields()
    assert passed_over == message
    size = int.from_bytes(told[-4:], "little")
    assert json.loads(told[-6 - size : -6]) == {"said": "x" * length}
    assert told[-6:-4] == b"\xc5\x3e", "by which the page's script knows that there is something"


def test_a_message_over_the_limit_is_not_even_read() -> None:
    message = BackMsg()
    message.rerun_script.widget_states.widgets.add(id="x", string_value="x" * get_max_widget_state_size_bytes())
    assert list(read_message(message.SerializeToString()).states) == []


@pytest.mark.parametrize(
    ("name", "kind", "types", "taken"),
    [
        ("a.PDF", "application/pdf", "pdf", True),
        ("a.jpeg", "image/jpeg", ["jpg"], True),
        ("a.pdf.exe", "application/octet-stream", ["pdf"], False),
        ("a.png", "image/png", "image", True),
        ("a.png", "application/pdf", "image/*", False),
        ("a.txt", "text/plain", ["image/*", ".txt"], True),
    ],
)
def test_which_files_an_uploader_takes(name: str, kind: str, types: str | list[str], taken: bool) -> None:
    assert takes(name, kind, types) is taken


def test_a_file_that_was_taken_over_is_let_go_of() -> None:
    def upload() -> None:
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from core.streamlit_compat import server

        file, context = st.file_uploader("Label", key="k"), get_script_run_ctx()
        if file is not None and context is not None:
            arguments = context.session_id, [file.file_id]
            before = len(context.uploaded_file_mgr.get_files(*arguments))
            server.forget_upload(file.file_id)
            st.session_state["held"] = before, len(context.uploaded_file_mgr.get_files(*arguments))

    tab = AppTest.from_function(upload).run()
    tab.file_uploader[0].set_value(("a.txt", b"a", "text/plain")).run()
    assert tab.session_state["held"] == (1, 0)


def test_the_address_of_uploads_is_streamlit_s() -> None:
    from streamlit.web.server.starlette import starlette_routes

    assert f"{starlette_routes.BASE_ROUTE_UPLOAD_FILE}/".lstrip("/") == UPLOAD
