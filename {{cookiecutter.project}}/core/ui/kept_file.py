"""A kept file, as a page gets it, and its size as a person reads it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from streamlit.typing import UploadedFile

from core.files import FileRef
from core.services import get_services

MEGABYTE = 1024 * 1024


class KeptFile(UploadedFile):
    """A kept file, as Streamlit gives an uploaded one. Its bytes are read when they are first asked for.

    `ref` is what the field holds. Reading raises FilesUnavailableError as long as the bytes can't be had.
    """

    def __init__(self, ref: FileRef) -> None:
        io.BytesIO.__init__(self)
        self.ref = ref
        self.file_id, self.name, self.type, self.size = ref.upload or ref.digest, ref.name, ref.type, ref.size
        self._filled = False

    def _fill(self) -> None:
        if not self._filled:
            io.BytesIO.__init__(self, get_services().files.read(self.ref.digest))
            self._filled = True


def _reading(name: str) -> Callable[..., Any]:
    method = getattr(io.BytesIO, name)

    def read(self: KeptFile, *args: Any) -> Any:
        self._fill()
        return method(self, *args)

    return read


for _name in ("read", "read1", "readinto", "readline", "readlines", "seek", "getvalue", "getbuffer", "__next__"):
    setattr(KeptFile, _name, _reading(_name))


def files_in(value: object, *, many: bool) -> list[FileRef]:
    """The references a field holds; what is none is left out."""
    values = value if isinstance(value, list) else [value]
    refs = [ref for ref in values if isinstance(ref, FileRef)]
    return refs if many else refs[:1]


def written(size: int) -> str:
    """A size as a person reads it."""
    if size < 1000:
        return f"{size} B"
    if size < MEGABYTE:
        return f"{size / 1024:.0f} KB"
    return f"{size / MEGABYTE:.1f} MB"
