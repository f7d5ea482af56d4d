"""Files: the reference that a field holds, a safe name, and the type that the content has.

Types are told by a short list: the formats people hand in, and the programs nobody should. A format that isn't in it is
taken as it is, as bytes nobody vouches for; this is no virus scanner.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 120
HEAD_BYTES = 8192
UNKNOWN = "application/octet-stream"
_ZIPPED = "docx xlsx pptx odt ods odp epub jar zip"
_OLE = "doc xls ppt msg"
_SIGNATURES: tuple[tuple[bytes, int, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "png", "image/png"),
    (b"\xff\xd8\xff", 0, "jpg jpeg", "image/jpeg"),
    (b"GIF87a", 0, "gif", "image/gif"),
    (b"GIF89a", 0, "gif", "image/gif"),
    (b"WEBP", 8, "webp", "image/webp"),
    (b"II*\0", 0, "tif tiff", "image/tiff"),
    (b"MM\0*", 0, "tif tiff", "image/tiff"),
    (b"%PDF-", 0, "pdf ai", "application/pdf"),
    (b"PK\x03\x04", 0, _ZIPPED, "application/zip"),
    (b"PK\x05\x06", 0, _ZIPPED, "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, _OLE, "application/x-ole-storage"),
    (b"\x1f\x8b", 0, "gz tgz", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", 0, "7z", "application/x-7z-compressed"),
    (b"WAVE", 8, "wav", "audio/wav"),
    (b"OggS", 0, "ogg oga opus ogv", "audio/ogg"),
    (b"fLaC", 0, "flac", "audio/flac"),
    (b"ID3", 0, "mp3", "audio/mpeg"),
    (b"\xff\xfb", 0, "mp3", "audio/mpeg"),
    (b"ftyp", 4, "mp4 m4a m4v mov heic avif", "video/mp4"),
    (b"\x1aE\xdf\xa3", 0, "webm mkv", "video/webm"),
    (b"PAR1", 0, "parquet", "application/vnd.apache.parquet"),
    (b"SQLite format 3\0", 0, "db sqlite sqlite3", "application/vnd.sqlite3"),
    (b"MZ", 0, "exe dll", "application/x-msdownload"),
    (b"\x7fELF", 0, "so elf", "application/x-executable"),
)
"""The bytes that content begins with, their place, the endings such a file may have, and its type."""
_TEXTS = frozenset(re.findall(r"\w+", "txt csv tsv md json jsonl xml html htm svg yaml yml toml ini log py js css sql"))
_KNOWN = frozenset(ending for _, _, endings, _ in _SIGNATURES for ending in endings.split())
_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""The beginnings of UTF-16, which has zero bytes and is text all the same."""
_PROGRAMS = frozenset({"application/x-msdownload", "application/x-executable"})
_DECLARED = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "audio/wav"})
"""Types that browsers declare by looking at the name, and always the same way."""
_UNSAFE = re.compile(r'[<>:"|?*\\/]')


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """A kept file: SHA-256 of its bytes (hex), a safe name, the type its content has, its size in bytes.

    `upload` is the id under which Streamlit received it, so that one upload is taken once.
    """

    digest: str
    name: str
    type: str
    size: int
    upload: str = ""

    def __post_init__(self) -> None:
        if not DIGEST.fullmatch(self.digest):
            raise ValueError(f"{self.digest[:80]!r} is no SHA-256 in hex")

    def __str__(self) -> str:
        return self.name


def safe_name(name: str) -> str:
    """Return a name that came from a browser without folders and what file systems or headers stumble over."""
    last = PurePosixPath(name.replace("\\", "/")).name
    printable = "".join(character for character in last if unicodedata.category(character)[0] != "C")
    cleaned = _UNSAFE.sub("_", unicodedata.normalize("NFC", printable)).strip(" .")
    if len(cleaned) > _LONGEST_NAME:
        ending = PurePosixPath(cleaned).suffix[:20]
        cleaned = cleaned[: _LONGEST_NAME - len(ending)] + ending
    return cleaned or "file"


def recognise(head: bytes) -> tuple[str, frozenset[str]] | None:
    """Return the type of content that begins so, and the endings it may have; None for what is not in the list."""
    for mark, place, endings, kind in _SIGNATURES:
        if head[place : place + len(mark)] == mark and (len(mark) > 2 or _is_binary(head)):
            return kind, frozenset(endings.split())
    return None


def agrees(name: str, declared: str, head: bytes) -> bool:
    """Return whether content that begins so may have this name, and the type that the browser declared."""
    ending, found = _ending(name), recognise(head)
    if found is None:
        named_as_known = ending in _KNOWN and ending != "mp3"  # which may begin with anything
        return not named_as_known and declared not in _DECLARED and not (ending in _TEXTS and _is_binary(head))
    kind, endings = found
    if ending in _KNOWN or ending in _TEXTS or not ending:
        return ending in endings and (declared not in _DECLARED or _family(declared) == _family(kind))
    return kind not in _PROGRAMS


def type_of(name: str, head: bytes) -> str:
    """Return the type of a file whose name and content agree."""
    guessed = mimetypes.guess_type(name)[0]
    found = recognise(head)
    if found is not None and found[0] not in ("application/zip", "application/x-ole-storage", "video/mp4"):
        return found[0]
    return guessed or (found[0] if found else UNKNOWN)


def _family(kind: str) -> str:
    return "image/jpeg" if kind == "image/jpg" else kind


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.removeprefix(".").lower()


def _is_binary(head: bytes) -> bool:
    return b"\0" in head and not head.startswith(_MARKS)
