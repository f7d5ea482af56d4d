"""The real server and pages without a browser: what they may send, and whose edits it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes

from tests.lab import sheet
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.page import Page
from tests.lab.server import Server

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("server")
    with (
        Laboratory(Setup.SQLITE, folder) as laboratory,
        laboratory.bench() as bench,
        closing(Server(bench.settings(), folder / "server.log", app=sheet.APP)) as server,
    ):
        yield server


@pytest.mark.parametrize(
    ("frame", "code"),
    [("text", 1003), (b"\xff\xff\xff", 1002), (b"\x00" * (get_max_widget_state_size_bytes() + 1), 1009)],
    ids=["text", "garbage", "oversized"],
)
def test_what_no_page_sends_closes_that_one_connection_with_the_right_code(
    server: Server, frame: str | bytes, code: int
) -> None:
    with Page(server.port) as decent, Page(server.port) as rude:
        assert rude.send_raw(frame) == code
        decent.commit("sheet.one", "goes on")
        decent.wait_for_runs(2)
        with Page(server.port, decent.cookie) as again:
            assert again.fields["sheet.one"] == "goes on"


def test_each_browser_has_its_own(server: Server) -> None:
    with Page(server.port) as one, Page(server.port) as other:
        one.commit("sheet.one", "of one")
        other.commit("sheet.one", "of the other")
        for page in (one, other):
            page.wait_for_runs(2)
    for page, text in ((one, "of one"), (other, "of the other")):
        with Page(server.port, page.cookie) as again:
            assert again.fields["sheet.one"] == text


@pytest.mark.parametrize("gone", [True, False], ids=["closed just now", "still open"])
def test_a_page_that_connects_again_at_once_goes_on_with_the_session_it_had(server: Server, gone: bool) -> None:
    with Page(server.port) as page:
        page.commit("sheet.one", "entered before")
        page.wait_for_runs(2)
        if gone:
            page.close()
        with Page(server.port, page.cookie, resume=page.session_id) as again:
            assert again.session_id == page.session_id
            page.close()
            for number in range(2, 7):  # for longer than the old connection may still have a run
                again.commit("sheet.two", f"entered after, {number}")
                again.wait_for_runs(number)


def test_an_old_view_is_not_taken_for_an_edit(server: Server) -> None:
    """A page sends all it shows with each edit. What another tab saved since must not be put back by that."""
    with Page(server.port) as one, Page(server.port) as browser:
        browser.commit("sheet.one", "before")
        browser.wait_for_runs(2)
        with Page(server.port, browser.cookie) as tab:
            tab.commit("sheet.one", "after")
            tab.wait_for_runs(2)
            browser.commit("sheet.two", "another field")
            browser.wait_for_runs(3)
        assert one.fields["sheet.one"] == ""
        with Page(server.port, browser.cookie) as again:
            assert again.fields["sheet.one"] == "after"
            assert again.fields["sheet.two"] == "another field"


def test_what_is_entered_again_right_after_news_came_is_an_edit(server: Server) -> None:
    with Page(server.port) as browser:
        browser.commit("sheet.one", "before")
        browser.wait_for_runs(2)
        with Page(server.port, browser.cookie) as tab:
            tab.commit("sheet.one", "after")
            tab.wait_for_runs(2)
        browser.commit("sheet.two", "another field")
        browser.wait_for_runs(3)
        assert browser.fields["sheet.one"] == "after"
        browser.commit("sheet.one", "before")
        browser.wait_for_runs(4)
        assert browser.fields["sheet.one"] == "before"
        with Page(server.port, browser.cookie) as again:
            assert again.fields["sheet.one"] == "before"


def test_a_lost_connection_opens_no_dialog_for_it_would_take_the_focus_in_the_middle_of_a_word(server: Server) -> None:
    """Streamlit has this wish of a host's, and asks for it here."""
    with urlopen(f"http://127.0.0.1:{server.port}/_stcore/host-config", timeout=60) as answer:
        assert json.load(answer)["blockErrorDialogs"] is True
