"""The connection's middleware: what it takes in, hands on, closes, and lets finish."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.errors import KeepError, SignedOutError
from core.streamlit_compat.messages import with_status
from core.web.ingress import CONNECTION_HEADER, Connections, IngressMiddleware
from core.web.live_tab import Edit, LiveTab

KEY = "f.name"
GONE: Message = {"type": "websocket.disconnect", "code": 1001}


def frame(text: str) -> Message:
    message = BackMsg()
    message.rerun_script.widget_states.widgets.add(id=f"$$ID-0123-{KEY}", string_value=text)
    return {"type": "websocket.receive", "bytes": message.SerializeToString()}


class Visit:
    """One connection through the middleware, to an app that does what Streamlit's does: it listens and answers."""

    def __init__(self, *messages: Message, path: str = "/_stcore/stream", headers: Sequence[Any] = ()) -> None:
        self.messages = list(messages)
        self.scope: Scope = {"type": "websocket", "path": path, "headers": list(headers)}
        self.happened: list[Any] = []
        """What was kept and what the app heard, in order."""
        self.sent: list[Message] = []
        self.broken = False
        self.answer = b"answer"
        self.names: list[bytes] = []
        self.connections = Connections()
        self.signed_out = False
        self.tab = LiveTab(self._keep, session_id="anon-1", keep_drafts=self._keep_drafts)
        self.tab.show(
            KEY, form="f", field="name", read=lambda s: s.string_value, refuse=lambda _: None, value="", given=False
        )

    def run(self) -> Visit:
        asyncio.run(IngressMiddleware(self._app, connections=self.connections)(self.scope, self._receive, self._send))
        return self

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.names = [value for name, value in scope["headers"] if name == CONNECTION_HEADER.encode()]
        for name in self.names:
            self.connections.attach(name.decode(), self.tab, "streamlit-1")
        while True:
            message = await receive()
            self.happened.append(message["type"])
            await send({"type": "websocket.send", "bytes": self.answer})
            if message["type"] == "websocket.disconnect":
                return

    async def _receive(self) -> Message:
        return self.messages.pop(0)

    async def _send(self, message: Message) -> None:
        if self.broken:
            raise OSError("nobody is there")
        self.sent.append(message)

    def _keep_drafts(
        self, drafts: Sequence[Mapping[str, Any]], edits: Sequence[Edit]
    ) -> Mapping[tuple[str, str], KeepError]:
        if self.signed_out:
            raise SignedOutError
        self.happened.append([*drafts, *(edit.value for edit in edits)])
        return {("f", "name"): KeepError("is no name")} if drafts else {}

    def _keep(self, edits: Sequence[Edit]) -> Mapping[str, str]:
        self.happened.append([edit.value for edit in edits])
        return {edit.key: "stamp" for edit in edits}


def test_an_edit_is_kept_before_the_app_hears_of_it() -> None:
    visit = Visit(frame("one"), frame("one"), frame("two"), GONE).run()
    received = "websocket.receive"
    assert visit.happened == [["one"], received, received, ["two"], received, "websocket.disconnect"]


def with_draft(text: str) -> Message:
    message = frame(text)
    message["bytes"] += b'\xca\x3e\x17{"drafts":[{"text":1}]}'
    return message


def test_a_draft_is_kept_before_the_edits_it_came_with_and_what_it_was_refused_for_is_known_until_the_next() -> None:
    visit = Visit(with_draft("one"), GONE).run()
    received = "websocket.receive"
    assert visit.happened == [[{"text": 1}, "one"], ["one"], received, "websocket.disconnect"]
    assert [str(error) for error in visit.tab.untaken.values()] == ["is no name"]

    assert Visit(with_draft("one"), frame("two"), GONE).run().tab.untaken == {}


def test_of_somebody_signed_out_nothing_is_left_of_a_message_with_a_draft() -> None:
    visit = Visit(with_draft("one"), GONE)
    visit.signed_out = True
    visit.run()
    assert visit.happened == ["websocket.receive", "websocket.disconnect"]


def test_a_connection_has_a_name_that_no_browser_can_choose() -> None:
    planted = (CONNECTION_HEADER.encode(), b"another's")
    visit = Visit(GONE, headers=[planted]).run()
    assert len(visit.names) == 1
    assert visit.names[0] != b"another's"


def test_a_connection_that_ended_is_forgotten() -> None:
    visit = Visit(GONE).run()
    visit.connections.attach(visit.names[0].decode(), visit.tab)
    assert visit.connections.page(visit.names[0].decode()) is None


def test_other_addresses_are_left_alone() -> None:
    visit = Visit(frame("one"), GONE, path="/elsewhere").run()
    assert visit.names == []
    assert visit.happened == ["websocket.receive", "websocket.disconnect"]


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff", b"", b"\x00" * 10_000])
def test_what_is_no_message_is_left_to_streamlit_to_refuse(garbage: bytes) -> None:
    visit = Visit({"type": "websocket.receive", "bytes": garbage}, GONE).run()
    assert visit.happened == ["websocket.receive", "websocket.disconnect"]


def test_a_text_frame_ends_the_connection_as_unsupported() -> None:
    visit = Visit({"type": "websocket.receive", "text": "hello", "bytes": None}).run()
    assert visit.sent == [{"type": "websocket.close", "code": 1003}]
    assert visit.happened == ["websocket.disconnect"]


@pytest.mark.parametrize("ended", [True, False])
def test_the_page_is_told_how_things_stand_with_a_run_of_a_part_of_it(ended: bool) -> None:
    answer = ForwardMsg()
    if ended:
        answer.script_finished = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
    else:
        answer.new_session.name = "app"
    visit = Visit(frame("one"), GONE)
    visit.tab.describe = lambda session_id: {"of": session_id}
    visit.answer = answer.SerializeToString()
    assert visit.run().sent[0]["bytes"] == visit.answer, "of the whole page its own components tell"

    answer.metadata.run.fragment_ids.append("a part")
    visit = Visit(frame("one"), GONE)
    visit.tab.describe = lambda session_id: {"of": session_id}
    visit.answer = answer.SerializeToString()
    assert visit.run().sent[0]["bytes"] == with_status(visit.answer, {"of": "streamlit-1", "ended": ended})


def test_a_run_may_speak_on_when_its_browser_has_gone() -> None:
    visit = Visit(frame("one"), GONE)
    visit.broken = True
    visit.run()
    assert visit.sent == []
    assert visit.happened == [["one"], "websocket.receive", "websocket.disconnect"]
