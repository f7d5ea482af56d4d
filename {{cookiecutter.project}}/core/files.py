"""What a field holds of a file: a small reference. The bytes are elsewhere, under their own digest."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 120
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
    """What remains of a name that came from a browser: no folders, nothing a file system or a header stumbles over."""
    last = PurePosixPath(name.replace("\\", "/")).name
    printable = "".join(character for character in last if unicodedata.category(character)[0] != "C")
    cleaned = _UNSAFE.sub("_", unicodedata.normalize("NFC", printable)).strip(" .")
    if len(cleaned) > _LONGEST_NAME:
        ending = PurePosixPath(cleaned).suffix[:20]
        cleaned = cleaned[: _LONGEST_NAME - len(ending)] + ending
    return cleaned or "file"
