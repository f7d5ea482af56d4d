"""Files: kept whole or not at all, once each, found again as they were, removed only when nothing refers to them."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from core.clock import FakeClock
from core.codec import decode, encode
from core.errors import CorruptValueError, FilesUnavailableError, UnreadableValueError
from core.files import FileRef, agrees, recognise, safe_name, type_of
from core.services import Services
from core.settings import Settings
from core.storage.database import open_database
from core.storage.file_store import FileStore
from core.storage.files import GRACE, PIECE, Files
from core.storage.models import Base

KEY = Fernet.generate_key().decode()
CONTENT = b"what is in the file" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
LATER = GRACE + timedelta(hours=1)


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileStore]:
    """Each kind of store, empty."""
    if request.param == "folder":
        yield FileStore("files", tmp_path)
    else:
        yield FileStore("memory://files", tmp_path)
        fsspec.filesystem("memory").store.clear()


def put(store: FileStore, content: bytes = CONTENT) -> str:
    digest = hashlib.sha256(content).hexdigest()
    store.publish(store.write([content]), digest)
    return digest


class TestAStore:
    def test_what_was_published_is_there_as_it_was(self, store: FileStore) -> None:
        assert store.written_at(DIGEST) is None
        put(store)
        with store.open(DIGEST) as file:
            assert file.read() == CONTENT
        assert list(store.digests()) == [DIGEST]
        assert store.written_at(DIGEST) is not None

    def test_what_was_only_written_is_not_there(self, store: FileStore) -> None:
        store.write([CONTENT])
        assert list(store.digests()) == []

    def test_a_crash_in_the_middle_leaves_nothing_that_could_be_found(self, store: FileStore) -> None:
        def breaking() -> Iterator[bytes]:
            yield CONTENT
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.write(breaking())
        assert list(store.digests()) == []
        store.remove_leftovers(datetime.now(UTC) + timedelta(minutes=1))
        assert store.remove_leftovers(datetime.now(UTC) + timedelta(minutes=1)) == 0

    def test_leftovers_go_and_younger_ones_stay(self, store: FileStore) -> None:
        temporary = store.write([CONTENT])
        assert store.remove_leftovers(datetime.now(UTC) - timedelta(minutes=1)) == 0
        store.publish(temporary, DIGEST)
        store.write([CONTENT])
        assert store.remove_leftovers(datetime.now(UTC) + timedelta(minutes=1)) == 1
        assert list(store.digests()) == [DIGEST]

    def test_publishing_twice_is_one_file_with_the_time_of_now(self, store: FileStore) -> None:
        put(store)
        before = store.written_at(DIGEST)
        put(store)
        after = store.written_at(DIGEST)
        assert before is not None
        assert after is not None
        assert after >= before
        assert list(store.digests()) == [DIGEST]

    def test_removing_and_opening_what_is_not_there(self, store: FileStore) -> None:
        put(store)
        store.remove(DIGEST)
        store.remove(DIGEST)
        with pytest.raises(FileNotFoundError):
            store.open(DIGEST)


def test_a_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    put(FileStore("files", tmp_path))
    written = tmp_path / "files" / DIGEST[:2] / DIGEST
    assert written.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["files", "file://files", "file://{}/files", "{}/files"])
def test_a_folder_is_named_by_its_path_or_as_an_address(name: str, tmp_path: Path) -> None:
    put(FileStore(name.format(tmp_path), tmp_path))
    assert (tmp_path / "files" / DIGEST[:2] / DIGEST).read_bytes() == CONTENT


PNG, PDF, ZIP, EXE = (
    b"\x89PNG\r\n\x1a\n" + b"\0" * 20,
    b"%PDF-1.7\n",
    b"PK\x03\x04" + b"\0" * 20,
    b"MZ\x90\0" + b"\0" * 20,
)
WAV = b"RIFF\x24\0\0\0WAVEfmt "


@pytest.mark.parametrize(
    ("name", "declared", "head"),
    [
        ("a.png", "image/png", PNG),
        ("a.PDF", "application/pdf", PDF),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ZIP),
        ("a.csv", "application/vnd.ms-excel", b"a,b\n1,2\n"),
        ("a.csv", "text/csv", "a;ü\n".encode("utf-16")),
        ("a.txt", "text/plain", b"MZ is how it begins"),
        ("a.wav", "audio/wav", WAV),
        ("a.mp3", "audio/mpeg", b"\xff\xf3\x40"),
        ("a.xyz", "", b"\0\1\2"),
        ("a", "", b"text"),
    ],
)
def test_content_that_agrees_with_its_name(name: str, declared: str, head: bytes) -> None:
    assert agrees(name, declared, head)


@pytest.mark.parametrize(
    ("name", "declared", "head"),
    [
        ("a.png", "image/png", PDF),
        ("a.pdf", "image/png", PDF),
        ("a.pdf", "application/pdf", b"<html>"),
        ("a.txt", "text/plain", EXE),
        ("a.txt", "text/plain", b"\0\1\2"),
        ("a.jpg", "image/jpeg", EXE),
        ("a.xyz", "", EXE),
        ("a.csv", "image/png", b"a,b"),
        ("a", "", ZIP),
    ],
)
def test_content_that_belies_its_name(name: str, declared: str, head: bytes) -> None:
    assert not agrees(name, declared, head)


def test_the_type_is_what_the_content_is() -> None:
    assert type_of("a.png", PNG) == "image/png"
    assert type_of("a.docx", ZIP).endswith("wordprocessingml.document")
    assert type_of("a.xyz", b"\0") == "chemical/x-xyz" or type_of("a.xyz", b"\0") == "application/octet-stream"
    assert recognise(b"nothing of the kind") is None


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../x", "x"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/passwd", "passwd"),
        ("a\r\nSet-Cookie: b.txt", "aSet-Cookie_ b.txt"),
        ("..", "file"),
        ("", "file"),
        ("Über uns.pdf", "Über uns.pdf"),
        ("\u202egnp.exe", "gnp.exe"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_names_are_made_safe(given_name: str, kept: str) -> None:
    assert safe_name(given_name) == kept


@given(st.text())
def test_a_safe_name_is_one_name_and_stays_it(name: str) -> None:
    kept = safe_name(name)
    assert kept
    assert Path(kept).name == kept
    assert kept not in (".", "..")
    assert len(kept) <= 120
    assert safe_name(kept) == kept


def test_a_reference_is_kept_like_any_value() -> None:
    ref = FileRef(digest=DIGEST, name="ä.pdf", type="application/pdf", size=3, upload="u")
    assert decode(encode([ref, None])) == [ref, None]
    assert str(ref) == "ä.pdf", "what a page shows of it"
    with pytest.raises(CorruptValueError):
        decode(encode(ref).replace(DIGEST, "../../x"))


# All together


@pytest.fixture
def now() -> FakeClock:
    """A clock that begins at the real time, which is what a disk writes beside its files."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
def files(database: Engine, tmp_path: Path, now: FakeClock) -> Files:
    return Files(FileStore("files", tmp_path), database, now)


def age(files: Files, clock: FakeClock) -> None:
    """Let the grace pass, and two collections that find nothing referred to."""
    files.collect(list)
    clock.advance(LATER.total_seconds())
    files.collect(list)


class TestKeeping:
    def test_digest_size_and_content(self, files: Files) -> None:
        assert files.keep(io.BytesIO(CONTENT)) == (DIGEST, len(CONTENT))
        assert files.read(DIGEST) == CONTENT

    def test_the_same_content_is_stored_once(self, files: Files) -> None:
        for _ in range(3):
            files.keep(io.BytesIO(CONTENT))
        assert list(files.store.digests()) == [DIGEST]

    def test_it_is_read_in_pieces(self, files: Files) -> None:
        class Stream(io.BytesIO):
            largest = 0

            def read(self, size: int | None = -1) -> bytes:
                assert size is not None
                assert size > 0
                Stream.largest = max(Stream.largest, size)
                return super().read(size)

        files.keep(Stream(secrets.token_bytes(5 * PIECE)))
        assert Stream.largest <= PIECE

    def test_what_is_missing_or_damaged_is_said(self, files: Files, tmp_path: Path) -> None:
        with pytest.raises(FilesUnavailableError):
            files.read(DIGEST)
        other, _ = files.keep(io.BytesIO(b"other"))
        (path,) = (tmp_path / "files").glob(f"??/{other}")
        path.write_bytes(b"replaced")
        with pytest.raises(CorruptValueError):
            files.read(other)

    def test_a_full_disk_refuses_and_leaves_nothing(self, files: Files, tmp_path: Path) -> None:
        (tmp_path / "files").write_text("a file where the folder should be")
        with pytest.raises(FilesUnavailableError):
            files.keep(io.BytesIO(CONTENT))


class TestCollecting:
    def test_what_nothing_refers_to_goes_after_the_grace(self, files: Files, now: FakeClock) -> None:
        files.keep(io.BytesIO(CONTENT))
        assert files.collect(list) == 0
        now.advance(LATER.total_seconds() / 2)
        assert files.collect(list) == 0
        now.advance(LATER.total_seconds())
        assert files.collect(list) == 1
        assert list(files.store.digests()) == []

    def test_it_is_marked_first_however_old_it_is(self, files: Files, now: FakeClock) -> None:
        files.keep(io.BytesIO(CONTENT))
        now.advance(10 * LATER.total_seconds())
        assert files.collect(list) == 0

    def test_what_is_referred_to_again_is_marked_anew(self, files: Files, now: FakeClock) -> None:
        files.keep(io.BytesIO(CONTENT))
        files.collect(list)
        files.collect(lambda: [f'{{"v":"{DIGEST}"}}'])
        now.advance(LATER.total_seconds())
        assert files.collect(list) == 0

    def test_what_is_uploaded_again_stays(self, files: Files, now: FakeClock) -> None:
        files.keep(io.BytesIO(CONTENT))
        files.collect(list)
        now.advance(LATER.total_seconds())
        files.keep(io.BytesIO(CONTENT))
        assert files.collect(list) == 0
        assert files.read(DIGEST) == CONTENT

    def test_what_is_uploaded_while_it_is_being_collected_stays(self, database: Engine, tmp_path: Path) -> None:
        now = FakeClock(datetime.now(UTC) - timedelta(days=1))  # so that a week later is before what a disk writes now
        files = Files(FileStore("files", tmp_path), database, now)
        files.keep(io.BytesIO(CONTENT))
        long_ago = (now.now() - timedelta(days=1)).timestamp()
        os.utime(tmp_path / "files" / DIGEST[:2] / DIGEST, (long_ago, long_ago))
        files.collect(list)
        now.advance(LATER.total_seconds())
        uploading = threading.Thread(target=files.keep, args=(io.BytesIO(CONTENT),))

        def upload(connection: object, cursor: object, statement: str, *_: object) -> None:
            if statement.startswith("DELETE FROM files") and not uploading.ident:
                uploading.start()

        event.listen(database, "after_cursor_execute", upload)
        files.collect(list)
        uploading.join()
        event.remove(database, "after_cursor_execute", upload)
        assert files.read(DIGEST) == CONTENT

    def test_a_claim_keeps_it_until_it_is_released(self, files: Files, now: FakeClock, database: Engine) -> None:
        files.keep(io.BytesIO(CONTENT))
        ref = FileRef(digest=DIGEST, name="a", type="", size=1)
        with database.begin() as connection:
            files.claim(connection, [ref, ref], "requests:1")
            files.claim(connection, [ref], "requests:1")
        age(files, now)
        assert files.read(DIGEST) == CONTENT
        with database.begin() as connection:
            files.release(connection, "requests:1")
        age(files, now)
        assert list(files.store.digests()) == []

    def test_a_file_without_a_row_gets_one_and_its_time(self, files: Files, now: FakeClock) -> None:
        put(files.store)
        age(files, now)
        assert list(files.store.digests()) == []

    def test_nothing_goes_while_it_can_not_be_told_what_is_needed(self, files: Files, now: FakeClock) -> None:
        files.keep(io.BytesIO(CONTENT))
        files.collect(list)
        now.advance(LATER.total_seconds())

        def unreadable() -> Iterator[str]:
            raise UnreadableValueError("a key is missing")
            yield ""

        assert files.collect_when_due(unreadable) == 0
        assert files.read(DIGEST) == CONTENT

    @settings(max_examples=30)
    @given(
        story=st.lists(
            st.tuples(st.sampled_from(["upload", "refer", "forget", "collect", "wait"]), st.integers(0, 2)), max_size=25
        )
    )
    def test_what_is_referred_to_is_always_there(self, story: list[tuple[str, int]], tmp_path: Path) -> None:
        clock = FakeClock(datetime.now(UTC))
        database = open_database("sqlite://")
        Base.metadata.create_all(database)
        files = Files(FileStore(secrets.token_hex(8), tmp_path), database, clock)
        contents = [bytes([number]) * 10 for number in range(3)]
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        referred: set[int] = set()
        for step, number in story:
            match step:
                case "upload":
                    files.keep(io.BytesIO(contents[number]))
                    referred.add(number)
                case "forget":
                    referred.discard(number)
                case "refer" if files.store.written_at(digests[number]) is not None:
                    referred.add(number)
                case "collect":
                    files.collect(lambda: [digests[each] for each in referred])
                case "wait":
                    clock.advance(LATER.total_seconds())
            for each in referred:
                assert files.read(digests[each]) == contents[each]
        database.dispose()


class TestWhatRefers:
    def test_every_place_of_a_session_counts_until_it_is_purged(self, services: Services) -> None:
        digest, size = services.files.keep(io.BytesIO(CONTENT))
        ref = FileRef(digest=digest, name="a", type="", size=size)
        session = services.engine.open("s")
        session.set_field("f", "plan", [ref])
        session.create_form_snapshot("f")
        session.set_field("f", "plan", [])
        assert any(digest in text for text in services.engine.texts())
        services.engine.purge("s")
        assert not any(digest in text for text in services.engine.texts())

    def test_with_encryption_too_and_not_without_its_key(self, make_settings: Callable[..., Settings]) -> None:
        from core.services import build_services

        built = build_services(make_settings(session_encryption_keys=KEY))
        Base.metadata.create_all(built.database)
        built.engine.open("s").set_field("f", "plan", FileRef(digest=DIGEST, name="a", type="", size=1))
        assert any(DIGEST in text for text in built.engine.texts())
        other = build_services(make_settings())
        with pytest.raises(UnreadableValueError):
            list(other.engine.texts())
        for services in (built, other):
            services.engine.close()
