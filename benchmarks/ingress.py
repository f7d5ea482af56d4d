"""What taking edits in before the script adds to a message of the browser, on its way through the middleware.

The page has twenty text fields, and a person who is signed in. Each message carries the states of all of them, as a
browser's do. Both kinds go through the same connection in turn; "without" is the same app without the middleware.
After every ten edits what waits is flushed, as it is after two seconds of a person who makes five a second.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.testing.v1 import AppTest

from benchmarks.measuring import milli, row
from benchmarks.parts import services_in
from benchmarks.warm_run import browser_of_ada
from core.services import use_services
from core.web.ingress import Connections, IngressMiddleware

FIELDS, MESSAGES, WARM_UP, FLUSHED_AFTER = 20, 300, 20, 10
PAGE = f"""
import streamlit as st
from core import bootstrap_session, get_session_manager, ui

bootstrap_session()
for number in range({FIELDS}):
    ui.text_input(f"Field {{number}}", form="f", field=str(number))
st.session_state["live"] = get_session_manager().live
"""


def ingress(folder: Path, **settings: object) -> None:
    """Print what a message costs more, with and without an edit in it."""
    services = services_in(folder, **settings)
    with use_services(services):
        with browser_of_ada(services):
            page = AppTest.from_string(PAGE, default_timeout=60).run()
        if page.exception:
            raise SystemExit(page.exception[0].value)
        frames = [_frame(page, f"edit {number}") for number in range(WARM_UP + MESSAGES)]
        took = asyncio.run(_measure(page, frames, services.engine.flush))
    for name, seconds in (("a message without an edit", took["same"]), ("a message with an edit", took["edit"])):
        added = seconds - took["without"]
        row(f"ingress adds to {name}, p50", milli(added), target="at most 1 ms", met=added <= 0.001)


def _frame(page: AppTest, text: str) -> bytes:
    page.text_input[0].set_value(text)
    message = BackMsg()
    message.rerun_script.widget_states.widgets.extend(widget._widget_state for widget in page.text_input)  # noqa: SLF001
    return message.SerializeToString()


async def _measure(page: AppTest, frames: list[bytes], flush: Callable[[], None]) -> dict[str, float]:
    connections = Connections()
    took: dict[str, list[float]] = {"without": [], "same": [], "edit": []}
    kinds = [(kind, frame) for frame in frames for kind in ("edit", "same")]
    queue = iter(kinds)

    async def receive() -> Message:
        return {"type": "websocket.receive", "bytes": next(queue)[1]}

    async def send(_message: Message) -> None:
        """Nobody listens."""

    async def app(scope: Scope, receive: Receive, _send: Send) -> None:
        for name, value in scope["headers"]:
            if name == b"x-keep-connection":
                connections.attach(value.decode(), page.session_state["live"])
        with_ingress = bool(scope["headers"])
        for number, (kind, _) in enumerate(kinds):
            if number % (2 * FLUSHED_AFTER) == 0:
                flush()
            began = time.perf_counter()
            await receive()
            took[kind if with_ingress else "without"].append(time.perf_counter() - began)

    scope: Scope = {"type": "websocket", "path": "/_stcore/stream", "headers": []}
    await IngressMiddleware(app, connections=connections)(dict(scope), receive, send)
    queue = iter(kinds)
    await app(scope, receive, send)
    return {kind: statistics.median(times[WARM_UP:]) for kind, times in took.items()}
