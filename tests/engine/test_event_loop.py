"""The server's event loop, on which everybody's pages depend, never waits for the journal, the database or pandas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.engine import HERE
from tests.engine.office import Office
from tests.engine.open_page import OpenPage

pytestmark = pytest.mark.xdist_group("servers")

WAITS = "the event loop waits for "
BOUNDARY = "the-boundary"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("office")


@pytest.fixture(scope="module")
def office(folder: Path) -> Iterator[Office]:
    with Office.opened(folder, app=HERE / "desk/watched.py") as office:
        yield office


class Browser:
    """A member's, which asks by HTTP beside its page."""

    def __init__(self, office: Office) -> None:
        self._port = office.server.port
        self.user_id = office.person("admin")
        self.cookie = office.cookie(office.sign_in(self.user_id))
        self.ask("GET", "/_stcore/health")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        sent = {"Cookie": self.cookie, "Sec-Fetch-Site": "same-origin", **headers}
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=60)) as line:
            line.request(method, path, body, {name.replace("_", "-"): value for name, value in sent.items()})
            answer = line.getresponse()
            answer.read()
        if xsrf := re.findall(r"_streamlit_xsrf=([^;]+)", str(answer.headers)):
            self.xsrf = xsrf[0]
        return answer.status

    def put(self, address: str) -> int:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="a.bin"; filename="a.bin"\r\n\r\n'
        return self.ask(
            "PUT",
            address,
            head.encode() + f"content\r\n--{BOUNDARY}--\r\n".encode(),
            Cookie=f"{self.cookie}; _streamlit_xsrf={self.xsrf}",
            X_Xsrftoken=self.xsrf,
            Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
        )


def waits(folder: Path) -> list[str]:
    """What the event loop has waited for so far."""
    lines = (folder / "server.log").read_text().splitlines()
    return [line.removeprefix(WAITS) for line in lines if line.startswith(WAITS)]


def test_nothing_that_browsers_send_makes_the_event_loop_wait(office: Office, folder: Path) -> None:
    browser = Browser(office)
    with OpenPage(office.server.port, browser.cookie, "desk") as page:
        page.fill("Note", "typed")
        page.run()
        page.press("Write")
        tokens = page.field_tokens
        assert tokens
        for number, token in enumerate(tokens, start=1):
            post = {"tab": "t" * 16, "number": number, "token": token, "text": "typed on", "seen": "", "age_ms": 0}
            browser.ask("POST", "/keep/drafts", json.dumps(post).encode(), Content_Type="application/json")
        page.go_to("counter")
        address = page.upload_address()
        assert browser.put(address) == 204
        upload = urlsplit(address).path.rpartition("/")[2]
        state = FileUploaderState(uploaded_file_info=[UploadedFileInfo(file_id=upload, name="a.bin", size=7)])
        page.run(WidgetState(id=page.labels["Plans"], file_uploader_state_value=state))
        page.run()
    here = {"tab": "t" * 16, "page": "desk", "entries": [], "index": 0, "scroll": 0}
    browser.ask("POST", "/keep/position", json.dumps(here).encode(), Content_Type="application/json")
    browser.ask("POST", "/keep/last-message", b"0" * 32)
    browser.ask("POST", "/keep/rotate", json.dumps({"ticket": "none"}).encode())
    assert browser.ask("GET", "/keep/health") == 200
    assert office.services.engine.open(office.session(browser.user_id)).form("desk").values["note"].startswith("typed")
    assert len(office.services.engine.open(office.session(browser.user_id)).form("desk").values["plans"]) == 1
    assert waits(folder) == []


def test_what_makes_it_wait_is_noticed(office: Office, folder: Path) -> None:
    assert Browser(office).ask("GET", "/keep/wait") == 204
    assert "core.storage.journal.pending" in waits(folder)
