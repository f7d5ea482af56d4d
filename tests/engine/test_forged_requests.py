"""The real server and requests no browser of its people sends: whose session they open, and what they are told."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from websockets.exceptions import InvalidStatus

from core.settings import PROJECT_ROOT
from core.web import routes
from core.web.token import new_token, token_hash
from tests.engine import HERE
from tests.engine.office import Office
from tests.engine.open_page import OpenPage
from tests.lab.server import Server

pytestmark = pytest.mark.xdist_group("servers")

ENTERED = b"nobody else's business"
FINISHED = ForwardMsg.FINISHED_SUCCESSFULLY
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office.opened(tmp_path_factory.mktemp("office"), app=HERE / "with_diary.py") as office:
        yield office


@pytest.fixture(scope="module")
def server(office: Office) -> Server:
    return office.server


@dataclass
class Owner:
    """Somebody with something on a page of theirs that nobody else shall see."""

    user_id: str
    token: str
    cookie: str
    before: str
    """What the browser had before they signed in with it."""


@pytest.fixture(scope="module")
def owner(office: Office) -> Owner:
    user_id, before = office.person(), new_token(office.secret)
    token = office.sign_in(user_id, before)
    with office.open(token, "diary") as page:
        page.commit("diary.name", ENTERED.decode())
        page.wait_for_runs(2)
    return Owner(user_id, token, office.cookie(token), before)


def ask(server: Server, method: str, path: str, *, raw: bytes = b"", **headers: str) -> HTTPResponse:
    """Send a request with no headers but these, `raw` as its cookie, and return the answer."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": f"127.0.0.1:{server.port}", **headers}.items():
        connection.putheader(name.replace("_", "-"), value)
    if raw:
        connection.putheader("Cookie", raw)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    return answer


# The cookie


def forged(office: Office, owner: Owner) -> dict[str, bytes]:
    """What somebody may send in place of a cookie that is theirs, by what is wrong with it."""
    name, token = office.services.settings.cookie_name, owner.token
    value = {
        "empty": b"",
        "invented": b"x" * 87,
        "8 KB": b"a" * 8000,  # a longer line is no header of a handshake: websockets' limit is 8192
        "of another project": new_token("1" * 64).encode(),
        "another random part": (new_token(office.secret)[:43] + token[43:]).encode(),
        "cut": token[:-1].encode(),
        "longer": token.encode() + b"=",
        "in capitals": token.upper().encode(),
        "quoted": b'"' + token.encode() + b'"',
        "twice, different": token.encode() + f"; {name}={new_token(office.secret)}".encode(),
        "no characters": b"\xff\xfe\x80",
    }
    return {key: name.encode() + b"=" + each for key, each in value.items()} | {
        "under another name": b"x_" + owner.cookie.encode()
    }


def test_a_forged_cookie_opens_nobody_s_session(office: Office, owner: Owner) -> None:
    for kind, cookie in forged(office, owner).items():
        answer = ask(office.server, "GET", "/", raw=cookie)
        assert answer.status == 200, kind
        assert answer.headers["Set-Cookie"].startswith(f"{office.services.settings.cookie_name}="), kind
        assert owner.token not in answer.headers["Set-Cookie"], kind
        for path in ("/keep/drafts", "/keep/position"):
            assert ask(office.server, "POST", path, raw=cookie, Sec_Fetch_Site="same-origin").status == 401, kind
        with OpenPage(office.server.port, cookie.decode("latin-1"), "diary") as page:
            assert ENTERED not in page.received, kind


def test_a_cookie_that_was_good_once_opens_nothing_any_more(office: Office, owner: Owner) -> None:
    """Played again from before somebody signed in or after they signed out, and one whose time is over."""
    replayed, expired = office.sign_in(owner.user_id), office.sign_in(owner.user_id)
    for good in (replayed, expired, owner.token):
        with OpenPage(office.server.port, office.cookie(good), "diary") as page:
            assert ENTERED in page.received
    office.accounts.tokens.revoke(token_hash(replayed), event="sign_out")
    office.expire(expired)
    for kind, token in {"before": owner.before, "signed out": replayed, "expired": expired}.items():
        with OpenPage(office.server.port, office.cookie(token), "diary") as page:
            assert ENTERED not in page.received, kind


def test_somebody_else_s_cookie_opens_their_own_session(office: Office, owner: Owner) -> None:
    with OpenPage(office.server.port, office.cookie(office.sign_in(office.person())), "diary") as page:
        assert b"diary.name" in page.received
        assert ENTERED not in page.received


# Streamlit's own id


def test_another_browser_s_streamlit_id_opens_a_session_of_one_s_own(office: Office, owner: Owner) -> None:
    stranger = office.cookie(office.sign_in(office.person()))
    port = office.server.port
    with OpenPage(port, owner.cookie, "diary") as page:
        name = page.session_id
    with OpenPage(port, stranger, "diary", protocols=("xsrf", name)) as page:
        assert page.session_id not in ("", name)
        assert ENTERED not in page.received
    with OpenPage(port, owner.cookie, "diary", protocols=("xsrf", name)) as page:
        assert page.session_id == name, "its own browser comes back to it"


def test_another_browser_s_streamlit_id_takes_no_file(office: Office, owner: Owner) -> None:
    stranger = office.cookie(office.sign_in(office.person()))
    with OpenPage(office.server.port, owner.cookie) as page:
        path = f"/_stcore/upload_file/{page.session_id}/file"
        for cookie in (stranger, "", office.cookie("forged")):
            for method in ("PUT", "DELETE"):
                assert ask(office.server, method, path, Cookie=cookie).status == 403


# Hosts and origins


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000"])
def test_a_page_of_another_site_opens_no_connection(server: Server, owner: Owner, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        OpenPage(server.port, owner.cookie, origin=origin)


@pytest.mark.parametrize("path", ["/keep/rotate", "/keep/drafts", "/keep/position", "/keep/last-message"])
def test_a_page_of_another_site_changes_nothing(server: Server, owner: Owner, path: str) -> None:
    assert ask(server, "POST", path, Cookie=owner.cookie, Origin="https://evil.example").status == 403
    assert ask(server, "POST", path, Cookie=owner.cookie, Sec_Fetch_Site="cross-site").status == 403


@pytest.mark.parametrize("path", ["/", "/keep/health", "/_stcore/health", "/_stcore/host-config", "/media/x.png"])
def test_a_page_of_another_site_reads_nothing(server: Server, owner: Owner, path: str) -> None:
    headers = ask(server, "GET", path, Cookie=owner.cookie, Origin="https://evil.example").headers
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/keep/health", "/_stcore/host-config", "/media/x.png"])
def test_under_a_foreign_name_nothing_is_served(server: Server, path: str) -> None:
    answer = ask(server, "GET", path, Host="evil.example")
    assert answer.status == 400
    assert "Set-Cookie" not in answer.headers
    assert ask(server, "GET", path, Host=socket.gethostname()).status != 400


@pytest.mark.parametrize(
    ("path", "status"),
    [*((path, b"200") for path in ("/keep/live", "/keep/ready", "/keep/health", "/_stcore/health")), ("/", b"400")],
)
def test_a_probe_that_names_no_host_is_answered(server: Server, path: str, status: bytes) -> None:
    """As load balancers ask, unless they are told otherwise."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert connection.recv(1024).split()[1] == status


# Routes


def test_every_route_is_known_and_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version of Streamlit may bring one: the list in docs/security.md says of each who may use it."""
    monkeypatch.setattr(Runtime, "_instance", None)
    app = st.App(PROJECT_ROOT / "main.py", routes=routes())
    found = {getattr(route, "path", "") or "/" for route in app._build_starlette_app().routes}
    document = Path(PROJECT_ROOT, "docs", "security.md").read_text(encoding="utf-8")
    table = document.partition("## Routes")[2].partition("\n## ")[0]
    assert found == set(re.findall(r"^\| `(/[^`]*)`", table, re.MULTILINE))


@pytest.mark.parametrize("path", ["/_stcore/agent/interact", "/_stcore/agent/mcp", "/_stcore/agent/openapi.json"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_page_is_driven_by_nobody_without_a_browser(server: Server, method: str, path: str) -> None:
    assert ask(server, method, path).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/media/none.png"),
        ("POST", "/"),
        ("GET", "/_stcore/bidi-components/none/x.js"),
        ("GET", "/media/../../etc/passwd"),
    ],
)
def test_an_error_tells_nothing_of_the_inside(server: Server, method: str, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    assert answer.status in (400, 404, 405)
    assert len(body) < 100
    assert not re.search(r"Traceback|File \"|site-packages|/core/", body)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
