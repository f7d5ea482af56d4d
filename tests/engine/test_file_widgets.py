"""Files that are uploaded: kept, shown again, removed, refused with words; and safe from the moment they arrived."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core import ui
from core.clock import FakeClock
from core.errors import FilesUnavailableError
from core.files import FileRef
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.state.paths import upload_path
from core.storage.models import Base
from core.streamlit_compat.messages import ClientMessage
from core.ui.kept_file import KeptFile
from core.web.live_tab import Edit
from tests.engine.writing import put

PAGE = """
import streamlit as st
from core import bootstrap_session, ui

bootstrap_session()
with st.form("f") if st.session_state.get("in_form") else st.container():
    found = ui.file_uploader(
        "Plan",
        st.session_state.get("type"),
        bool(st.session_state.get("many")),
        form="f",
        field="plan",
        max_upload_size=1,
    )
    if st.session_state.get("in_form"):
        st.form_submit_button("Send")
if st.session_state.get("unread"):
    st.stop()
files = found if isinstance(found, list) else [found] if found else []
st.session_state["found"] = [(file.name, file.type, file.size, file.read(), file.getvalue()) for file in files]
"""
TEXT = ("notes.txt", b"some notes", "text/plain")


@pytest.fixture
def built(make_settings: Callable[..., Settings]) -> Iterator[Services]:
    """Services of a project without sign-in, whose one person is there in every tab."""
    services = build_services(make_settings(auth="none"))
    Base.metadata.create_all(services.database)
    with use_services(services):
        yield services


def page(**state: Any) -> AppTest:
    tab = AppTest.from_string(PAGE)
    for name, value in state.items():
        tab.session_state[name] = value
    return tab.run()


def upload(tab: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    tab.file_uploader[0].set_value(list(files)).run()
    assert not tab.exception, tab.exception
    return tab


def found(tab: AppTest) -> list[tuple[str, bytes]]:
    return [(name, content) for name, _, _, content, _ in tab.session_state["found"]]


@pytest.mark.usefixtures("built")
class TestAnUpload:
    def test_it_is_there_at_once_in_a_new_tab_and_after_a_restart(self, built: Services) -> None:
        tab = upload(page(), TEXT)
        name, kind, size, content, again = tab.session_state["found"][0]
        assert (name, kind, size, content, again) == ("notes.txt", "text/plain", 10, b"some notes", b"some notes")
        assert found(page()) == [("notes.txt", b"some notes")]

        built.engine.flush()
        restarted = build_services(built.settings)
        with use_services(restarted):
            assert found(page()) == [("notes.txt", b"some notes")]

    def test_the_field_holds_a_small_reference(self, built: Services) -> None:
        upload(page(), TEXT)
        built.engine.flush()
        local = built.accounts.users.find("local")
        assert local is not None
        stored = built.engine.open(local.session_id).form("f").values["plan"]
        assert isinstance(stored, FileRef)
        assert b"".join(built.files.pieces(stored.digest)) == b"some notes"

    def test_the_widget_is_empty_again_and_the_kept_file_is_shown(self) -> None:
        tab = upload(page(), TEXT)
        tab.run()
        assert tab.file_uploader[0].value is None
        assert [button.label for button in tab.button] == ["Remove"]
        assert [button.label for button in tab.get("download_button")] == [f"Download {ui.plain('notes.txt')}, 10 B"]
        tab.run()
        assert found(tab) == [("notes.txt", b"some notes")]

    def test_another_one_takes_its_place_and_with_many_joins_it(self) -> None:
        tab = upload(page(), TEXT)
        assert found(upload(tab, ("b.txt", b"b", "text/plain"))) == [("b.txt", b"b")]
        tab = upload(page(many=True), ("c.txt", b"c", "text/plain"), TEXT)
        assert [name for name, _ in found(tab)] == ["b.txt", "c.txt", "notes.txt"]

    def test_removing_is_an_edit_that_can_be_taken_back(self, built: Services) -> None:
        tab = upload(page(), TEXT)
        built.engine.flush()
        session = built.engine.open(built.store.headers(1)[0].session_id)
        snapshot = session.create_form_snapshot("f")
        tab.button[0].click().run()
        assert found(tab) == []
        assert tab.file_uploader[0].value is None
        session.restore_form_snapshot(snapshot.snapshot_id)
        assert found(tab.run()) == [("notes.txt", b"some notes")]

    def test_in_a_form_it_is_kept_when_that_is_sent(self) -> None:
        tab = page(in_form=True)
        tab.file_uploader[0].set_value(TEXT)
        tab.button[0].click().run()
        assert not tab.exception
        assert found(tab) == [("notes.txt", b"some notes")]
        assert found(page()) == [("notes.txt", b"some notes")]

    def test_an_unsafe_name_is_made_safe(self) -> None:
        assert found(upload(page(), ("../../x", b"content", ""))) == [("x", b"content")]

    @pytest.mark.parametrize(
        ("file", "said"),
        [
            (("a.txt", b"", "text/plain"), "is empty"),
            (("a.txt", bytes(1024 * 1024 + 1), "text/plain"), "the limit is"),
            (("a.png", b"%PDF-1.7", "image/png"), "match its name or type"),
        ],
        ids=["empty", "large", "lying"],
    )
    def test_what_is_refused_is_said_and_what_was_kept_stays(
        self, file: tuple[str, bytes, str], said: str, built: Services
    ) -> None:
        tab = upload(upload(page(), TEXT), file)
        assert said in tab.error[0].value
        assert found(tab) == [("notes.txt", b"some notes")]
        assert len(list(built.files.store.digests())) == 1

    def test_of_several_the_fit_ones_are_kept_and_the_others_said(self) -> None:
        tab = upload(page(many=True), TEXT, ("a.txt", b"", "text/plain"))
        assert ui.plain("“a.txt” is empty") in tab.error[0].value
        assert found(tab) == [("notes.txt", b"some notes")]
        assert not upload(tab, ("b.txt", b"b", "text/plain")).error

    def test_a_value_that_is_no_file_is_said_and_stays(self, built: Services) -> None:
        upload(page(), TEXT)
        built.engine.flush()
        session = built.engine.open(built.store.headers(1)[0].session_id)
        session.set_field("f", "plan", "plan.pdf")
        tab = page()
        assert "t a file" in tab.warning[0].value
        assert found(tab) == []

    def test_a_file_whose_bytes_are_gone_is_still_shown(self, built: Services) -> None:
        upload(page(), TEXT)
        for digest in list(built.files.store.digests()):
            built.files.store.remove(digest)
        tab = page(unread=True)
        assert not tab.exception
        assert [button.label for button in tab.button] == ["Remove"]
        assert page().exception


class TestAMessageOfTheBrowser:
    """What arrived is noted by the middleware; the message that names it comes before any run."""

    def arrived(self, built: Services, tab: AppTest, *uploads: str, size: int = 1) -> list[Edit]:
        manager = tab.session_state["_keep_manager"]
        state = WidgetState(id=tab.file_uploader[0].proto.id)
        for upload in uploads:
            digest, _ = built.files.keep(io.BytesIO(upload.encode()))
            note = FileRef(digest=digest, name=f"{upload}.txt", type="text/plain", size=size, upload=upload)
            put(built.engine, manager.session.session_id, {upload_path(upload): note})
            state.file_uploader_state_value.uploaded_file_info.add(file_id=upload)
        read = manager.live.read(ClientMessage(states=[state]))
        assert not read.rejected
        manager.live.keep(read.edits)
        return list(read.edits)

    def test_the_field_has_the_file_though_no_run_ever_comes(self, built: Services) -> None:
        assert len(self.arrived(built, page(), "a")) == 1
        assert found(page()) == [("a.txt", b"a")]

    def test_several_join_what_was_kept(self, built: Services) -> None:
        tab = upload(page(many=True), TEXT)
        self.arrived(built, tab.run(), "a", "b")
        assert [name for name, _ in found(page(many=True))] == ["notes.txt", "a.txt", "b.txt"]

    def test_one_that_is_too_large_is_left_to_the_run_which_says_so(self, built: Services) -> None:
        assert self.arrived(built, page(), "a", size=2 * 1024 * 1024) == []
        assert found(page()) == []

    def test_one_of_a_type_the_widget_does_not_take_is_left_out(self, built: Services) -> None:
        assert self.arrived(built, page(type="pdf"), "a") == []
        assert found(page()) == []

    @pytest.mark.parametrize(("answer", "kept"), [("Add it here", [("a.txt", b"a")]), ("No", [])])
    def test_what_no_message_ever_named_is_asked_about_in_the_next_tab(
        self, built: Services, answer: str, kept: list[tuple[str, bytes]]
    ) -> None:
        tab = page()
        session_id = tab.session_state["_keep_manager"].session.session_id
        digest, _ = built.files.keep(io.BytesIO(b"a"))
        note = FileRef(digest=digest, name="a.txt", type="text/plain", size=1, upload="a")
        put(built.engine, session_id, {upload_path("a"): note})
        assert not tab.run().button, "it may be on its way"

        tab = page()
        assert [button.label for button in tab.button] == ["Add it here", "No"]
        next(button for button in tab.button if button.label == answer).click().run()
        assert found(tab) == kept
        assert found(page()) == kept
        assert all(button.label == "Remove" for button in page().button)

    def test_a_file_that_could_not_be_read_is_read_later(self, built: Services, tmp_path: Path) -> None:
        digest, size = built.files.keep(io.BytesIO(b"a"))
        file = KeptFile(FileRef(digest=digest, name="a.txt", type="text/plain", size=size))
        place = tmp_path / "files"
        place.rename(tmp_path / "elsewhere")
        for _ in range(2):
            with pytest.raises(FilesUnavailableError):
                file.getvalue()
        (tmp_path / "elsewhere").rename(place)
        assert (file.read(), file.getvalue()) == (b"a", b"a")

    def test_an_id_that_nothing_arrived_under_is_no_edit(self, built: Services) -> None:
        tab = upload(page(), TEXT).run()
        state = WidgetState(id=tab.file_uploader[0].proto.id)
        state.file_uploader_state_value.uploaded_file_info.add(file_id="forged")
        assert list(tab.session_state["_keep_manager"].live.read(ClientMessage(states=[state])).edits) == []

    def test_the_note_goes_when_a_field_has_the_file_and_after_a_day_in_any_case(
        self, make_settings: Callable[..., Settings]
    ) -> None:
        clock = FakeClock()
        built = build_services(make_settings(auth="none"), clock)
        Base.metadata.create_all(built.database)
        with use_services(built):
            tab = page()
            self.arrived(built, tab, "a")
            self.arrived(built, tab, "b", size=2 * 1024 * 1024)
            tab.run()
            session = tab.session_state["_keep_manager"].session
            assert [path for path in session.values if path.startswith("upload/")] == [upload_path("b")]
            clock.advance(86401)
            tab.run()
            assert [path for path in session.values if path.startswith("upload/")] == []


FORM = """
import streamlit as st
from pydantic import BaseModel
from core import bootstrap_session, ui
from core.files import FileRef

class Request(BaseModel):
    plan: FileRef

def store(database, request):
    st.session_state["stored"] = request.plan
    return request.plan.name

bootstrap_session()
with ui.form("request", model=Request, on_save=store):
    ui.file_uploader("Plan", field="plan")
"""


@pytest.mark.usefixtures("built")
def test_a_model_asks_for_a_file_and_gets_its_reference() -> None:
    tab = AppTest.from_string(FORM).run()
    save = next(button for button in tab.button if button.label == "Save")
    save.click().run()
    assert tab.error
    upload(tab, TEXT)
    next(button for button in tab.button if button.label == "Save").click().run()
    assert not tab.exception, tab.exception
    assert tab.session_state["stored"].name == "notes.txt"


MEDIA = """
from core import bootstrap_session, ui

bootstrap_session()
picture = ui.camera_input("Picture", form="f", field="picture")
voice = ui.audio_input("Voice", form="f", field="voice")
"""
WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0"


@pytest.mark.usefixtures("built")
def test_a_picture_and_a_recording_are_there_again() -> None:
    picture = io.BytesIO()
    Image.new("RGB", (2, 2)).save(picture, "JPEG")
    tab = AppTest.from_string(MEDIA).run()
    tab.camera_input[0].set_value(("camera.jpg", picture.getvalue(), "image/jpeg")).run()
    tab.audio_input[0].set_value(("audio.wav", WAV, "audio/wav")).run()
    assert not tab.exception, tab.exception

    again = AppTest.from_string(MEDIA).run()
    assert not again.exception, again.exception
    assert [button.label for button in again.button] == ["Remove", "Remove"]


def test_they_are_part_of_what_pages_import() -> None:
    assert {"KeptFile", "audio_input", "camera_input", "file_uploader"} <= vars(ui).keys()
