"""Uploads at the real server: which pages may have them, how many may wait for a field, and what nobody gets rid of."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from streamlit import config

from core.files import FileRef
from core.state.paths import UPLOADS, upload_path
from core.web.upload_grant import UploadGrant
from core.web.upload_notes import MOST_FILES, MOST_SIZES
from tests.engine import HERE
from tests.engine.office import Office
from tests.engine.uploading import Browser, names
from tests.engine.writing import put
from tests.lab.server import Server

pytestmark = pytest.mark.xdist_group("servers")

LARGEST = int(config.get_option("server.maxUploadSize")) * 1024 * 1024


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office.opened(tmp_path_factory.mktemp("office"), app=HERE / "desk/app.py") as office:
        yield office


@pytest.fixture(scope="module")
def other(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Another server of the same database and files, with a journal of its own."""
    folder = tmp_path_factory.mktemp("other")
    settings = {**office.settings, "journal_path": folder / "journal.db"}
    with closing(Server(settings, folder / "server.log", app=HERE / "desk/app.py")) as server:
        yield server


def noted(office: Office, member: Browser) -> dict[str, FileRef]:
    values = office.services.engine.open(office.session(member.user_id)).values
    return {path: value for path, value in values.items() if path.startswith(UPLOADS)}


def test_a_page_that_asks_for_no_file_takes_none_and_leaves_no_row(office: Office) -> None:
    stranger, before = Browser(office, signed_in=False), office.rows()
    with stranger.open() as sign_in:
        assert stranger.put(sign_in.upload_address(), b"x") == 403
    assert office.rows() == before
    member = Browser(office)
    with member.open("counter") as page:
        assert member.put(page.upload_address(), b"of the counter") == 204
        page.go_to("lobby")
        assert member.put(page.upload_address(), b"of the lobby") == 403
    assert len(noted(office, member)) == 1


def test_a_widget_that_keeps_nothing_takes_its_files_as_streamlit_does(office: Office) -> None:
    member = Browser(office)
    with member.open("chat") as page:
        assert member.put(page.upload_address(), b"of the chat") == 204
    assert noted(office, member) == {}


def test_whoever_may_not_see_the_page_any_more_hands_nothing_in(office: Office) -> None:
    member = Browser(office)
    with member.open("counter") as page:
        office.accounts.users.set_roles(member.user_id, [])
        assert member.put(page.upload_address(), b"x") == 403
    assert noted(office, member) == {}


@pytest.mark.parametrize("sizes", [[1] * (MOST_FILES - 1), [MOST_SIZES * LARGEST - 1000]], ids=["many", "much"])
def test_what_waits_for_a_field_has_an_end_which_the_page_tells(office: Office, sizes: list[int]) -> None:
    member = Browser(office)
    refs = [FileRef(digest="0" * 64, name="a", type="", size=size, upload=secrets.token_hex(8)) for size in sizes]
    put(office.services.engine, office.session(member.user_id), {upload_path(ref.upload): ref for ref in refs})
    with member.open("counter") as page:
        assert member.put(page.upload_address(), b"1") == 204
        assert member.put(page.upload_address(), b"2" * 1000) == 413
        page.run()
        assert "wait for a field" in page.shown
    assert len(noted(office, member)) == len(sizes) + 1


def test_nothing_takes_the_place_of_a_file_that_has_arrived(office: Office) -> None:
    """Each would be on the disk for a week, though the session knows of one."""
    member = Browser(office)
    with member.open("counter") as page:
        address = page.upload_address()
        assert [member.put(address, content) for content in (b"first", b"second")] == [204, 409]
    assert [file.digest for file in noted(office, member).values()] == [sha256(b"first").hexdigest()]


def test_another_server_takes_a_file_and_the_field_of_its_page_has_it(office: Office, other: Server) -> None:
    member = Browser(office)
    with member.open("counter") as page:
        address = page.upload_address()
        assert member.put(address, b"one", port=other.port) == 204
        assert member.put(address, b"two", port=other.port) == 409, "it has arrived"
        page.run(names(page.labels["Plans"], address))
    (kept,) = office.services.engine.open(office.session(member.user_id)).form("desk").values["plans"]
    assert kept.digest == sha256(b"one").hexdigest()
    assert noted(office, member) == {}


def test_streamlit_s_own_widgets_get_what_came_to_another_server_and_leave_no_note(
    office: Office, other: Server
) -> None:
    member = Browser(office)
    with member.open("chat") as page:
        address = page.upload_address()
        assert member.put(address, b"said elsewhere", port=other.port) == 204
        page.run(names(page.labels["Say it"], address, chat=True))
        assert "said elsewhere" in page.shown
    assert noted(office, member) == {}


def test_another_server_takes_nothing_without_the_address_that_the_page_was_given(
    office: Office, other: Server
) -> None:
    member, stranger = Browser(office), Browser(office)
    with member.open("counter") as page:
        address, second = page.upload_address(), page.upload_address()
        grant = address.partition("?")[2]
        for forged in (address.partition("?")[0], f"{second.partition('?')[0]}?{grant}", address[:-1] + "!"):
            assert member.put(forged, b"x", port=other.port) == 403
        assert stranger.put(address, b"x", port=other.port) == 403
        office.accounts.users.set_roles(member.user_id, [])
        assert member.put(address, b"x", port=other.port) == 403
    assert noted(office, member) == noted(office, stranger) == {}


def test_what_no_field_would_take_is_refused_where_nobody_could_say_so(office: Office, other: Server) -> None:
    member = Browser(office)
    with member.open("counter") as page:
        assert member.put(page.upload_address(), b"no picture", name="a.png", port=other.port) == 415
        assert member.put(page.upload_address(), b"", port=other.port) == 415
    assert noted(office, member) == {}


def test_another_server_sends_the_browser_on_for_what_streamlit_holds_in_memory(office: Office, other: Server) -> None:
    member = Browser(office)
    with member.open("chat") as page:
        (held,) = set(re.findall(r"/media/\w+\.\w+", page.shown))
        here, there = Browser(office), Browser(office, port=other.port)
        assert here.get(held) == (200, b"in memory")
        assert there.get(held, most_redirects=0)[0] == 307
        assert there.get(held)[0] == 404, "it does so a limited number of times"


def test_an_address_counts_for_hours_only() -> None:
    given = datetime(2026, 1, 2, tzinfo=UTC)
    grant = UploadGrant(needs=["desk.hand_in"], kept=True)
    text = grant.sign("", "page/file", "browser", given, "secret").partition("=")[2]
    assert UploadGrant.open(text, "page/file", "browser", given + timedelta(hours=5), "secret") == grant
    assert UploadGrant.open(text, "page/file", "browser", given + timedelta(hours=6), "secret") is None
