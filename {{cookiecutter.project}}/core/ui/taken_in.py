"""Checks of uploaded files: size, type and content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from core.errors import FilesUnavailableError, JournalError, StoreUnavailableError
from core.files import HEAD_BYTES, FileRef, agrees, safe_name, type_of
from core.services import get_services
from core.state.paths import upload_path
from core.streamlit_compat.server import takes
from core.ui.kept_file import written
from core.ui.times import words

log = structlog.get_logger(__name__)


class RefusedFileError(Exception):
    """A file is not taken; the message says why, to the person who handed it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The files that an uploader accepts: at most `limit` bytes, and of these types; all types for None."""

    limit: int
    types: str | Sequence[str] | None

    def fits(self, ref: FileRef) -> bool:
        return ref.size <= self.limit and (not self.types or takes(ref.name, ref.type, self.types))

    def take_in(self, file: Any, session_id: str) -> FileRef | None:
        """Keep the bytes of one of Streamlit's uploaded files, unless they were kept when they arrived.

        Returns None for one that came to a server that is gone, and was not kept there. Raises RefusedFileError.
        """
        noted = _noted(file, session_id)
        name = str(getattr(file, "name", noted.name if noted else ""))
        size = noted.size if noted else getattr(file, "size", None)
        if size is None:
            return None
        self._check_size(name, size)
        return noted if noted and self.fits(noted) else self._keep(file, name)

    def _check_size(self, name: str, size: int) -> None:
        if size == 0:
            raise RefusedFileError(words()("files.empty", name=safe_name(name)))
        if size > self.limit:
            limits = {"size": written(size), "limit": written(self.limit)}
            raise RefusedFileError(words()("files.too_large", name=safe_name(name), **limits))

    def _keep(self, file: Any, name: str) -> FileRef:
        head = file.read(HEAD_BYTES) if hasattr(file, "read") else b""
        if head:
            file.seek(0)
        kind = type_of(name, head)
        unwanted = self.types and not takes(name, kind, self.types)
        if unwanted or not agrees(name, str(getattr(file, "type", "")), head):
            raise RefusedFileError(words()("files.mismatch", name=safe_name(name)))
        try:
            digest, size = get_services().files.keep(file)
        except FilesUnavailableError as error:
            raise RefusedFileError(words()("files.away", name=safe_name(name), reason=str(error))) from error
        return FileRef(digest=digest, name=safe_name(name), type=kind, size=size, upload=file.file_id)


def _noted(file: Any, session_id: str) -> FileRef | None:
    """Return the reference that was stored when the file's bytes arrived (see `core.web.uploads`), if any."""
    path = upload_path(file.file_id)
    held: Any = None
    try:
        held = get_services().engine.read_paths(session_id, [path]).values.get(path)
    except (StoreUnavailableError, JournalError) as error:
        log.info("an upload is taken from memory", error=str(error))
    return held if isinstance(held, FileRef) else None
