"""What a browser sends is forged until checked: nothing unfit is kept, or seen by the script, and the rest goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.services import build_services, get_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.web.ingress import CONNECTION_HEADER, Connections, IngressMiddleware
from core.web.live_tab import LiveTab

HUGE = "x" * 300_000


def page() -> None:
    from datetime import date, datetime, time

    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui
    from core.streamlit_compat.widgets import WidgetKey

    bootstrap_session()
    moment = datetime.fromisoformat("2026-05-01T12:00")
    shown: dict[str, object] = {}

    def show(kind: str, name: str, *args: object, **options: object) -> None:
        shown[name] = getattr(ui, kind)(*args, form="f", field=name, **options)

    show("text_input", "text", "Text", max_chars=9)
    show("text_area", "area", "Area", max_chars=9)
    show("number_input", "whole", "Whole", 0, 10)
    show("number_input", "decimal", "Decimal", 0.0, 1.0)
    show("slider", "slider", "Slider", 0, 10)
    show("slider", "range", "Range", 0, 10, (2, 8))
    show("slider", "disabled", "Disabled", 0, 10, disabled=True)
    show("selectbox", "select", "Select", ["a", "b"])
    show("radio", "radio", "Radio", ["a", "b"])
    show("multiselect", "multi", "Multi", ["a", "b", "c"], max_selections=2)
    show("select_slider", "steps", "Steps", options=["a", "b"])
    show("pills", "pill", "Pill", ["a", "b"])
    show("segmented_control", "segments", "Segments", ["a", "b"], selection_mode="multi")
    show("checkbox", "tick", "Tick")
    show("toggle", "toggle", "Toggle")
    show("date_input", "date", "Date", date(2026, 5, 1), date(2026, 1, 1), date(2026, 12, 31))
    show("date_input", "days", "Days", (date(2026, 5, 1), date(2026, 5, 2)))
    show("datetime_input", "moment", "Moment", moment, moment.replace(month=1), moment.replace(month=12))
    show("time_input", "time", "Time", time(9))
    show("color_picker", "colour", "Colour")
    show("feedback", "feedback", "thumbs")
    show("pagination", "page", 9)
    show("text_input", "other", "Other")
    st.session_state["shown"] = shown
    st.session_state["ids"] = {name: WidgetKey(ui.widget_key("f", name)).element() for name in shown}
    st.session_state["live"] = get_session_manager().live
    st.session_state["id"] = get_session_manager().session.session_id


NUMBERS: list[float] = [11, -1, 1e300, float("nan"), float("inf"), 0.5]
FORGED: dict[str, dict[str, list[Any]]] = {
    # By widget: what is sent in which field of the message.
    "text": {"string_value": ["ten letters", HUGE], "int_value": [5]},
    "area": {"string_value": ["ten letters", HUGE], "bool_value": [True]},
    "whole": {"double_value": NUMBERS, "string_value": ["7", HUGE], "bool_value": [True]},
    "decimal": {"double_value": NUMBERS[:-1], "string_value": ["0.5"], "bool_value": [True]},
    "slider": {"double_array_value": [[number] for number in NUMBERS] + [[1, 2], [1] * 9999], "string_value": ["3"]},
    "range": {"double_array_value": [[8, 2], [1], [1, 11], [float("nan"), 3], [1, 2, 3]], "double_value": [4]},
    "select": {"string_value": ["c", HUGE], "int_value": [1, 99], "string_array_value": [["a"]]},
    "radio": {"string_value": ["c"], "int_value": [99], "bool_value": [True]},
    "multi": {
        "string_array_value": [["d"], ["a", "a"], ["a", "b", "c"], ["a"] * 9999],
        "string_value": ["a", "ab"],
        "int_value": [1],
    },
    "steps": {"string_array_value": [["c"], ["a", "b"], ["a", "b", "a"]], "string_value": ["c"], "int_value": [99]},
    "pill": {"string_array_value": [["c"], ["a", "b"]], "int_array_value": [[0]], "int_value": [99]},
    "segments": {"string_array_value": [["c"], ["a", "a"]], "int_array_value": [[99]], "string_value": ["ab"]},
    "tick": {"string_value": ["yes"], "int_value": [1, 7], "double_value": [float("nan")]},
    "toggle": {"string_value": ["yes"], "double_value": [1.0]},
    "date": {
        "string_array_value": [["2027-01-01"], ["x"], ["2026-02-02", "2026-02-03"]],
        "string_value": ["2026-02-02"],
    },
    "days": {"string_array_value": [["2026-05-02", "2026-05-01"], ["2026-05-01"] * 3, ["2099-01-01"]]},
    "moment": {
        "string_array_value": [["2027-01-01T00:00"], ["x"], ["2026-05-01"]],
        "string_value": ["2026-05-01T12:00"],
    },
    "time": {"string_value": ["25:00", "x", HUGE], "int_value": [9]},
    "colour": {"string_value": ["javascript:1", "#12", HUGE], "int_value": [1]},
    "feedback": {"string_value": ["2", "-1", "x", "1.0"], "int_value": [1]},
    "page": {"int_value": [0, 10, -1, 2**40], "string_value": ["3"], "double_value": [2.5], "bool_value": [True]},
    "disabled": {"double_array_value": [[3.0]]},
}
CASES = [
    (name, way, number)
    for name, ways in FORGED.items()
    for way, values in ways.items()
    for number in range(len(values))
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("forged")


@pytest.fixture(scope="module")
def open_page(folder: Any) -> Iterator[AppTest]:
    """One page with every kind of widget on it. No case leaves anything behind."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,  # type: ignore[call-arg]
        title="Forged",
        auth="none",
        secret_key="s" * 64,  # type: ignore[arg-type]
        database_url=f"sqlite:///{folder / 'sessions.db'}",
        journal_path=folder / "journal.db",
    )
    services = build_services(settings)
    Base.metadata.create_all(services.database)
    with use_services(services):
        tab = AppTest.from_function(page).run()
        assert not tab.exception, tab.exception[0].message
        yield tab


def state(tab: AppTest, name: str, way: str, value: Any) -> WidgetState:
    made = WidgetState(id=tab.session_state["ids"][name])
    if way.endswith("array_value"):
        getattr(made, way).data.extend(value)
    else:
        setattr(made, way, value)
    return made


def send(live: LiveTab, *states: WidgetState) -> list[WidgetState]:
    """Send a message through the middleware. Returns what Streamlit sees of it."""
    message = BackMsg()
    message.rerun_script.widget_states.widgets.extend(states)
    frames: list[Message] = [
        {"type": "websocket.receive", "bytes": message.SerializeToString()},
        {"type": "websocket.disconnect", "code": 1001},
    ]
    connections = Connections()
    seen = BackMsg()

    async def receive() -> Message:
        return frames.pop(0)

    async def answer(_message: Message) -> None:
        raise AssertionError("the connection goes on")

    async def streamlit(scope: Scope, receive: Receive, _send: Send) -> None:
        (name,) = [value for key, value in scope["headers"] if key == CONNECTION_HEADER.encode()]
        connections.attach(name.decode(), live)
        seen.ParseFromString((await receive())["bytes"])

    scope: Scope = {"type": "websocket", "path": "/_stcore/stream", "headers": []}
    asyncio.run(IngressMiddleware(streamlit, connections=connections)(scope, receive, answer))
    return list(seen.rerun_script.widget_states.widgets)


def kept(tab: AppTest) -> dict[str, Any]:
    return get_services().engine.open(tab.session_state["id"]).form("f").values


@pytest.mark.parametrize(("name", "way", "number"), CASES)
def test_what_a_widget_would_not_send_reaches_neither_the_journal_nor_the_script(
    open_page: AppTest, name: str, way: str, number: int
) -> None:
    live = open_page.session_state["live"]
    other = state(open_page, "other", "string_value", f"{name} {way} {number}")
    forged = state(open_page, name, way, FORGED[name][way][number])
    assert send(live, forged, other) == [other]
    assert kept(open_page) == {"other": other.string_value}, "the message's other edits are kept"
    assert live.take_refused(f"f.{name}") is not None
    assert live.take_refused(f"f.{name}") is None, "it is told once"


def test_every_widget_of_the_page_is_forged(open_page: AppTest) -> None:
    assert FORGED.keys() == open_page.session_state["shown"].keys() - {"other"}


@pytest.mark.parametrize("identity", ["$$ID-0123-f.never shown", "$$ID-0123-None", "x", ""])
def test_a_widget_that_was_never_shown_is_not_kept(open_page: AppTest, identity: str) -> None:
    before = kept(open_page)
    send(open_page.session_state["live"], WidgetState(id=identity, string_value="forged"))
    assert kept(open_page) == before


def test_a_run_after_a_forged_message_shows_what_was_there_and_says_so(open_page: AppTest) -> None:
    shown = open_page.session_state["shown"]
    send(open_page.session_state["live"], state(open_page, "slider", "double_array_value", [11.0]))
    open_page.run()
    assert not open_page.exception
    assert {**open_page.session_state["shown"], "other": ""} == {**shown, "other": ""}
    assert len(open_page.warning) == 1


@pytest.mark.usefixtures("as_one_person")
class TestAConnectionNobodyKnowsYet:
    """What a page sends that connects anew arrives before a run has said which widgets it has."""

    def test_a_callback_keeps_nothing_unfit(self) -> None:
        tab = AppTest.from_function(page).run()
        tab.number_input[0].set_value(7)
        tab.slider[0].set_value(11)
        tab.run()
        assert not tab.exception
        assert kept(tab) == {"whole": 7}
        assert tab.session_state["shown"]["slider"] == 0
