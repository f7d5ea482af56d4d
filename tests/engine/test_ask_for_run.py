"""A page that is asked to run while it opens runs for the address it is opened at: with Streamlit's own runtime."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime, RuntimeConfig, SessionClient
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from core.streamlit_compat.server import ask_for_run

SCRIPT = f"""
import streamlit as st
from {__name__} import MOMENT

def home():
    st.text("home")

def shop():
    st.text(f"shop, step {{st.query_params.get('step')}}")
    MOMENT.come("in the page")

MOMENT.come("before the navigation")
st.navigation([st.Page(home, default=True), st.Page(shop)]).run()
"""
PATIENCE_SECONDS = 60.0


class Moment:
    """A moment of the first run, at which it waits."""

    def __init__(self) -> None:
        self.wait_for("")

    def wait_for(self, name: str) -> None:
        self.name = name
        self.is_there, self.goes_on = threading.Event(), threading.Event()

    def come(self, name: str) -> None:
        if name == self.name and not self.is_there.is_set():
            self.is_there.set()
            self.goes_on.wait(PATIENCE_SECONDS)


MOMENT = Moment()


class Browser(SessionClient):
    """A page's end of the connection: the texts that its last run has shown, once that has ended."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.has_ended = asyncio.Event()

    def write_forward_msg(self, msg: ForwardMsg) -> None:
        match msg.WhichOneof("type"):
            case "new_session":
                self.texts.clear()
            case "delta":
                self.texts.append(msg.delta.new_element.text.body)
            case "script_finished" if msg.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.has_ended.set()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    script = tmp_path / "main.py"
    script.write_text(SCRIPT, encoding="utf-8")
    files = MemoryMediaFileStorage("/media"), MemoryUploadedFileManager("/upload")
    yield Runtime(RuntimeConfig(str(script), *files))
    Runtime._instance = None


def opened(step: int) -> BackMsg:
    """What a browser sends that opens a page: its address."""
    message = BackMsg()
    message.rerun_script.page_name, message.rerun_script.query_string = "shop", f"step={step}"
    return message


async def ask_at(moment: str, runtime: Runtime, *clicked: BackMsg) -> list[str]:
    """Return what a page shows that was asked to run at a moment of its first run, after what was clicked then."""
    MOMENT.wait_for(moment)
    browser = Browser()
    await runtime.start()
    session = runtime.connect_session(browser, {})
    try:
        if moment:
            runtime.handle_backmsg(session, opened(2))
            await asyncio.to_thread(MOMENT.is_there.wait, PATIENCE_SECONDS)
            for click in clicked:
                runtime.handle_backmsg(session, click)
            ask_for_run(session)
            MOMENT.goes_on.set()
        else:
            ask_for_run(session)
            runtime.handle_backmsg(session, opened(2))
            ask_for_run(session)
        await asyncio.wait_for(browser.has_ended.wait(), PATIENCE_SECONDS)
        return [text for text in browser.texts if text]
    finally:
        runtime.stop()
        await runtime.stopped


@pytest.mark.parametrize("moment", ["", "before the navigation", "in the page"])
def test_it_stays_at_the_address_it_is_opened_at(runtime: Runtime, moment: str) -> None:
    assert asyncio.run(ask_at(moment, runtime)) == ["shop, step 2"]


def test_it_goes_where_somebody_has_clicked_meanwhile(runtime: Runtime) -> None:
    assert asyncio.run(ask_at("in the page", runtime, opened(3))) == ["shop, step 3"]
