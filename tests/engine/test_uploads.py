"""Uploads at the real server: which pages may have them, how many may wait for a field, and what nobody gets rid of."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from hashlib import sha256
from http.client import HTTPConnection

import pytest
from streamlit import config

from core.files import FileRef
from core.state.paths import UPLOADS, upload_path
from core.web.token import new_token
from core.web.uploads import MOST_FILES, MOST_SIZES
from tests.engine import HERE
from tests.engine.office import Office
from tests.engine.open_page import OpenPage
from tests.engine.writing import put

pytestmark = pytest.mark.xdist_group("chaos")

BOUNDARY = "the-boundary"
LARGEST = int(config.get_option("server.maxUploadSize")) * 1024 * 1024


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office.opened(tmp_path_factory.mktemp("office"), app=HERE / "desk/app.py") as office:
        yield office


class Browser:
    """One browser of a member, or of nobody yet, which uploads as a page does."""

    def __init__(self, office: Office, *, signed_in: bool = True) -> None:
        self._port = office.server.port
        self._line = HTTPConnection("127.0.0.1", self._port, timeout=60)
        self.user_id = office.person() if signed_in else ""
        self._cookie = office.cookie(office.sign_in(self.user_id) if signed_in else new_token(office.secret))
        self._line.request("GET", "/_stcore/health", headers={"Cookie": self._cookie})
        answer = self._line.getresponse()
        answer.read()
        self._xsrf = re.findall(r"_streamlit_xsrf=([^;]+)", str(answer.headers))[0]

    def open(self, page: str = "") -> OpenPage:
        return OpenPage(self._port, self._cookie, page)

    def put(self, page: OpenPage, content: bytes, upload: str = "") -> int:
        """Upload a file. Returns the status of the answer."""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="a.bin"; filename="a.bin"\r\n\r\n'
        self._line.request(
            "PUT",
            f"/_stcore/upload_file/{page.session_id}/{upload or secrets.token_hex(8)}",
            head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode(),
            {
                "Cookie": f"{self._cookie}; _streamlit_xsrf={self._xsrf}",
                "X-Xsrftoken": self._xsrf,
                "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            },
        )
        answer = self._line.getresponse()
        answer.read()
        return answer.status


def noted(office: Office, member: Browser) -> dict[str, FileRef]:
    values = office.services.engine.open(office.session(member.user_id)).values
    return {path: value for path, value in values.items() if path.startswith(UPLOADS)}


def test_a_page_that_asks_for_no_file_takes_none_and_leaves_no_row(office: Office) -> None:
    stranger, before = Browser(office, signed_in=False), office.rows()
    with stranger.open() as sign_in:
        assert stranger.put(sign_in, b"x") == 403
    assert office.rows() == before
    member = Browser(office)
    with member.open("counter") as page:
        assert member.put(page, b"of the counter") == 204
        page.go_to("lobby")
        assert member.put(page, b"of the lobby") == 403
    assert len(noted(office, member)) == 1


def test_a_widget_that_keeps_nothing_takes_its_files_as_streamlit_does(office: Office) -> None:
    member = Browser(office)
    with member.open("chat") as page:
        assert member.put(page, b"of the chat") == 204
    assert noted(office, member) == {}


def test_whoever_may_not_see_the_page_any_more_hands_nothing_in(office: Office) -> None:
    member = Browser(office)
    with member.open("counter") as page:
        office.accounts.users.set_roles(member.user_id, [])
        assert member.put(page, b"x") == 403
    assert noted(office, member) == {}


@pytest.mark.parametrize("sizes", [[1] * (MOST_FILES - 1), [MOST_SIZES * LARGEST - 1000]], ids=["many", "much"])
def test_what_waits_for_a_field_has_an_end_which_the_page_tells(office: Office, sizes: list[int]) -> None:
    member = Browser(office)
    refs = [FileRef(digest="0" * 64, name="a", type="", size=size, upload=secrets.token_hex(8)) for size in sizes]
    put(office.services.engine, office.session(member.user_id), {upload_path(ref.upload): ref for ref in refs})
    with member.open("counter") as page:
        assert member.put(page, b"1") == 204
        assert member.put(page, b"2" * 1000) == 413
        page.run()
        assert "wait for a field" in page.shown
    assert len(noted(office, member)) == len(sizes) + 1


def test_nothing_takes_the_place_of_a_file_that_has_arrived(office: Office) -> None:
    """Each would be on the disk for a week, though the session knows of one."""
    member = Browser(office)
    with member.open("counter") as page:
        assert [member.put(page, content, "the-same") for content in (b"first", b"second")] == [204, 409]
    assert [file.digest for file in noted(office, member).values()] == [sha256(b"first").hexdigest()]
