"""The last message of a page that is gone, sent once more: kept once, for the person whose connection it was."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.proto.BackMsg_pb2 import BackMsg

from core.errors import KeepError
from core.services import Services
from core.settings import Settings
from core.state.paths import field_path
from core.streamlit_compat.messages import read_message
from core.web import routes
from core.web.ingress import Connections, get_connections
from core.web.live_tab import Edit, LiveTab
from core.web.token import anonymous_session_id, new_token
from tests.engine.writing import put

KEY, FIELD = "f.choice", field_path("f", "choice")
OURS = {"Sec-Fetch-Site": "same-origin"}


def frame(text: str, number: int = 0) -> bytes:
    message = BackMsg()
    message.rerun_script.widget_states.widgets.add(id=f"$$ID-0123-{KEY}", string_value=text)
    return message.SerializeToString() + (b"\xc5\x3e" + number.to_bytes(4, "little") if number else b"")


class Browser:
    """A browser whose page shows one field, and goes."""

    def __init__(self, client: TestClient, services: Services) -> None:
        settings: Settings = services.settings
        secret = settings.secret_key.get_secret_value()
        self._client, self._services, self._cookie = client, services, settings.cookie_name
        self._token = new_token(secret)
        self.session_id = anonymous_session_id(self._token, secret)
        self.kept: list[str] = []
        self.works = True
        tab = LiveTab(self._keep, session_id=self.session_id)
        tab.show(
            KEY,
            form="f",
            field="choice",
            read=lambda state: state.string_value,
            refuse=lambda value: KeepError("is no option") if value == "foreign" else None,
            value="before",
            given=True,
        )
        self.tab = tab
        self.connection = get_connections().open()
        get_connections().attach(self.connection, tab)

    def send(self, content: bytes) -> None:
        """What the connection brings."""
        self.tab.keep(self.tab.read(read_message(content)).edits)

    def leave(self) -> None:
        get_connections().close(self.connection)

    def repeat(self, content: bytes, *, connection: str | None = None, headers: Mapping[str, str] = OURS) -> int:
        """Send a message once more; returns the status of the answer."""
        body = (connection or self.connection).encode() + content
        cookies = {"Cookie": f"{self._cookie}={self._token}"}
        return self._client.post("/keep/last-message", content=body, headers={**headers, **cookies}).status_code

    @property
    def choice(self) -> object:
        return self._services.engine.open(self.session_id).values.get(FIELD)

    def _keep(self, edits: Sequence[Edit]) -> Mapping[str, str] | None:
        if not self.works:
            return None
        self.kept += [edit.value for edit in edits]
        stamps = put(self._services.engine, self.session_id, {field_path(e.form, e.field): e.value for e in edits})
        return {edit.key: stamps[field_path(edit.form, edit.field)] for edit in edits}


@pytest.fixture
def connect(services: Services) -> Iterator[Callable[[], Browser]]:
    with TestClient(Starlette(routes=routes())) as client:
        yield lambda: Browser(client, services)


@pytest.fixture
def browser(connect: Callable[[], Browser]) -> Browser:
    return connect()


def test_what_never_arrived_is_kept(browser: Browser) -> None:
    browser.leave()
    assert browser.repeat(frame("chosen")) == 204
    assert browser.choice == "chosen"


def test_what_had_arrived_is_kept_once(browser: Browser) -> None:
    browser.leave()
    assert [browser.repeat(frame("chosen")) for _ in range(3)] == [204, 204, 204]
    assert browser.kept == ["chosen"]


def test_what_comes_late_changes_nothing_back(browser: Browser) -> None:
    browser.send(frame("first", 1))
    browser.send(frame("second", 2))
    assert browser.repeat(frame("first", 1)) == 204
    assert browser.kept == ["first", "second"]
    assert browser.repeat(frame("third", 3)) == 204
    browser.send(frame("third", 3))
    assert browser.repeat(frame("second", 2)) == 204
    assert browser.choice == "third"


def test_what_the_page_showed_all_along_is_no_edit(browser: Browser) -> None:
    browser.leave()
    assert browser.repeat(frame("before")) == 204
    assert browser.kept == []


@pytest.mark.parametrize("content", [frame("foreign"), b"", b"\xff\x00 no message", frame("x")[:-3]])
def test_what_no_page_sends_is_never_kept(browser: Browser, content: bytes) -> None:
    browser.leave()
    assert browser.repeat(content) == 204
    assert browser.kept == []


def test_nobody_writes_through_the_connection_of_another(connect: Callable[[], Browser]) -> None:
    ada, eve = connect(), connect()
    ada.leave()
    assert eve.repeat(frame("eve's"), connection=ada.connection) == 403
    assert ada.choice is None
    assert eve.choice is None


def test_an_unknown_connection_is_refused(browser: Browser) -> None:
    assert browser.repeat(frame("chosen"), connection="0" * 32) == 404
    assert browser.repeat(b"", connection="short") == 404


def test_other_sites_and_large_bodies_are_refused(browser: Browser) -> None:
    assert browser.repeat(frame("chosen"), headers={"Sec-Fetch-Site": "cross-site"}) == 403
    assert browser.repeat(b"x" * 65_536) == 413
    assert browser.kept == []


def test_what_cannot_be_kept_now_is_not_acknowledged(browser: Browser) -> None:
    browser.works = False
    browser.send(frame("chosen", 1))
    assert [browser.repeat(frame("chosen", 1)) for _ in range(2)] == [503, 503]
    browser.works = True
    assert browser.repeat(frame("chosen", 1)) == 204
    assert browser.kept == ["chosen"]


def test_a_connection_is_remembered_as_long_as_streamlit_holds_its_session() -> None:
    connections, tab = Connections(), LiveTab(lambda _edits: None, session_id="anon-1")
    name = connections.open()
    assert connections.last_tab("") is None
    connections.attach(name, tab)
    connections.close(name)
    assert connections.page(name) is None
    assert connections.last_tab(name) is tab
    assert connections.last_tab("") is None, "a browser that names no session has none"
    del tab
    gc.collect()
    assert connections.last_tab(name) is None
