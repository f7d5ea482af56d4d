"""Uploads in a real browser: 20 MB survive F5 and a killed server, and what comes back is what was sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.test_kinds import record, take_photo
from tests.browser.visitor import SETTLE_MS, Visitor
from tests.support.bake import BakedProject, bake
from tests.support.server import Server, serving

APP = """from core.router import App

app = App(title="Files")
"""
PAGE = """import streamlit as st

from core import ui
from core.permissions import requires
from core.router import page


@page(title="Plans")
@requires("intake.use")
def plans() -> None:
    st.title("Plans")
    files = ui.file_uploader("Plans", accept_multiple_files=True, max_upload_size=25, form="files", field="plans")
    st.caption(f"{len(files)} kept")
"""
RECORDINGS = """import streamlit as st

from core import ui
from core.permissions import requires
from core.router import page


@page(title="Recordings")
@requires("intake.use")
def recordings() -> None:
    st.title("Recordings")
    photo = ui.camera_input("Photo", form="files", field="photo")
    sound = ui.audio_input("Sound", form="files", field="sound")
    st.caption(f"{'a' if photo else 'no'} photo, {'a' if sound else 'no'} recording")
    sent = st.chat_input("Say it", accept_file="multiple")
    st.caption(f"{len(sent.files) if sent else 0} sent")
"""
SILENT_AFTER_AN_UPLOAD = """
const send = WebSocket.prototype.send, upload = XMLHttpRequest.prototype.send
XMLHttpRequest.prototype.send = function (...body) {
    this.addEventListener("readystatechange", () => { window.silent ||= this.readyState > 1 })
    return upload.apply(this, body)
}
WebSocket.prototype.send = function (...data) {
    if (!window.silent) return send.apply(this, data)
}
"""
LARGE = 20 * 1024 * 1024
UPLOAD_MS = 120_000


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a project that has one more app."""
    project = bake(tmp_path_factory.mktemp("files"))
    (project.path / ".venv").symlink_to(baked_default.path / ".venv")
    project.write_env()
    pages = project.path / "apps" / "files" / "pages"
    pages.mkdir(parents=True)
    (pages.parent / "__init__.py").write_text(APP, encoding="utf-8")
    (pages / "plans.py").write_text(PAGE, encoding="utf-8")
    (pages / "recordings.py").write_text(RECORDINGS, encoding="utf-8")
    with serving(project, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "plan.bin"
    path.write_bytes(hashlib.shake_256(b"plan").digest(LARGE))
    return path


@pytest.fixture
def visitor(visit: NewTab, new_person: NewPerson) -> Visitor:
    return visit().open("files").sign_in(new_person()).arrived("Plans")


def hand_in(visitor: Visitor, *files: Path | dict[str, object]) -> None:
    given = list(files)
    visitor.page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(given)  # type: ignore[arg-type]


def kept(visitor: Visitor, count: int) -> None:
    expect(visitor.page.get_by_text(f"{count} kept", exact=True)).to_be_visible(timeout=UPLOAD_MS)
    visitor.settled()


def downloaded(visitor: Visitor, name: str) -> bytes:
    with visitor.page.expect_download(timeout=UPLOAD_MS) as download:
        visitor.page.get_by_role("button", name=re.compile(rf"Download {re.escape(name)}")).click()
    assert download.value.suggested_filename == name
    return Path(download.value.path()).read_bytes()


def test_20_mb_survive_f5_and_a_killed_server(visitor: Visitor, large: Path) -> None:
    hand_in(visitor, large)
    kept(visitor, 1)
    visitor.reload()
    kept(visitor, 1)
    visitor.meets_another_server()
    visitor.arrived("Plans")
    kept(visitor, 1)
    assert downloaded(visitor, "plan.bin") == large.read_bytes()

    visitor.page.get_by_role("button", name="Remove").click()
    kept(visitor, 0)
    visitor.reload()
    kept(visitor, 0)


def test_what_arrived_is_kept_though_the_server_dies_before_it_hears_for_which_field(
    visit: NewTab, new_person: NewPerson, server: Server
) -> None:
    visitor = visit()
    visitor.page.add_init_script(SILENT_AFTER_AN_UPLOAD)
    visitor.open("files").sign_in(new_person()).arrived("Plans")
    with visitor.page.expect_response("**/_stcore/upload_file/**", timeout=UPLOAD_MS) as arrived:
        hand_in(visitor, {"name": "note.txt", "mimeType": "text/plain", "buffer": b"a note"})
    assert arrived.value.status == 204
    server.kill()
    server.start()
    visitor.reload()  # this page says nothing any more
    visitor.arrived("Plans")
    visitor.page.get_by_role("button", name="Add it here").click(timeout=UPLOAD_MS)
    kept(visitor, 1)
    assert downloaded(visitor, "note.txt") == b"a note"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"name": "empty.txt", "mimeType": "text/plain", "buffer": b""}, "is empty"),
        ({"name": "a.png", "mimeType": "image/png", "buffer": b"%PDF-1.7"}, "match its name or type"),
    ],
    ids=["empty", "lying"],
)
def test_what_is_refused_is_said(visitor: Visitor, file: dict[str, object], said: str) -> None:
    hand_in(visitor, file)
    expect(visitor.page.get_by_text(re.compile(said))).to_be_visible(timeout=SETTLE_MS)
    visitor.reload()
    kept(visitor, 0)


def test_one_that_is_too_large_is_refused_by_the_page(visitor: Visitor, tmp_path: Path) -> None:
    path = tmp_path / "huge.bin"
    path.write_bytes(bytes(26 * 1024 * 1024))
    hand_in(visitor, path)
    expect(visitor.page.get_by_text(re.compile("25MB or smaller|25.0MB or smaller|exceed"))).to_be_visible(
        timeout=SETTLE_MS
    )


def test_a_photo_and_a_recording_are_kept_and_files_are_sent(visit: NewTab, new_person: NewPerson) -> None:
    """The policies of the page let its own camera and microphone through, and nothing else."""
    visitor = visit()
    visitor.open("files-recordings").sign_in(new_person()).arrived("Recordings")
    take_photo(visitor.page.get_by_test_id("stCameraInput"))
    expect(visitor.page.get_by_text("a photo, no recording")).to_be_visible(timeout=SETTLE_MS)
    record(visitor.page.get_by_test_id("stAudioInput"))
    expect(visitor.page.get_by_text("a photo, a recording")).to_be_visible(timeout=SETTLE_MS)
    visitor.reload()
    expect(visitor.page.get_by_text("a photo, a recording")).to_be_visible(timeout=SETTLE_MS)
    chat = visitor.page.get_by_test_id("stChatInput")
    files = [{"name": f"{name}.txt", "mimeType": "text/plain", "buffer": b"a note"} for name in ("one", "two")]
    chat.locator("input[type=file]").first.set_input_files(files)  # type: ignore[arg-type]
    expect(chat.get_by_text(re.compile(r"(one|two)\.txt"))).to_have_count(2, timeout=SETTLE_MS)
    chat.get_by_role("textbox").fill("with both")
    expect(chat.get_by_role("button", name="Send message")).to_be_enabled()  # Streamlit sends no file half uploaded
    chat.get_by_role("textbox").press("Enter")
    expect(visitor.page.get_by_text("2 sent")).to_be_visible(timeout=SETTLE_MS)
