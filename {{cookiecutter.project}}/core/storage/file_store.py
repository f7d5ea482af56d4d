"""The place for the bytes of files: a folder, or anything else that fsspec reaches.

Names are digests, so a name's content never changes. What is written has another name until it is whole and safe; then
it is renamed. So a crash leaves no half file under a name that anything refers to, only a temporary one, which is
removed later.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from core.errors import FilesUnavailableError
from core.files import DIGEST

_TEMPORARY = "tmp"
_PLACE = "place"


class FileStore:
    """The files at one place. Every method raises FilesUnavailableError when it can't be reached.

    `url` is a folder (relative to `root`), or an address that fsspec knows, such as `s3://…`. In a folder a file is
    synced before it gets its name, and only this user may read it; object storage makes durable what it has taken.
    """

    def __init__(self, url: str, root: Path) -> None:
        self._system: Any
        self._is_folder = "://" not in url or url.startswith("file://")
        if self._is_folder:
            self._system, self._root = LocalFileSystem(), str(root / url.removeprefix("file://"))
        else:
            self._system, self._root = url_to_fs(url, use_listings_cache=False)
        self._root = self._root.rstrip("/")
        self._unfinished = f"{self._root}/{_TEMPORARY}"

    def write(self, pieces: Iterable[bytes]) -> str:
        """Store pieces durably under a temporary name, and return it."""
        name = secrets.token_hex(16)
        path = f"{self._unfinished}/{name}"
        with _reachable():
            try:
                self._make_folder(self._unfinished)
                with self._create(path) as file:
                    for piece in pieces:
                        file.write(piece)
                    if self._is_folder:
                        file.flush()
                        os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):  # a leftover is removed later
                    self._system.rm_file(path)
                raise
        return name

    def publish(self, temporary: str, digest: str) -> None:
        """Give what was written its name. What had it before is replaced, and has the time of now."""
        source, target = f"{self._unfinished}/{temporary}", self._path(digest)
        folder = target.rpartition("/")[0]
        with _reachable():
            self._make_folder(folder)
            if self._is_folder:
                os.utime(source)
                Path(source).replace(target)
                for changed in (folder, self._root):
                    _sync(changed)
            else:
                self._system.copy(source, target)
                self._remove(source)

    def open(self, digest: str) -> BinaryIO:
        """Open a file for reading. Raises FileNotFoundError."""
        with _reachable():
            return cast(BinaryIO, self._system.open(self._path(digest), "rb"))

    def place_id(self) -> str:
        """Return a random name of this place, written there by whoever asks first: the same at all that share files."""
        path = f"{self._root}/{_PLACE}"
        with _reachable():
            if not self._system.exists(path):
                self._make_folder(self._root)
                with suppress(FileExistsError), self._create(path) as file:
                    file.write(secrets.token_hex(16).encode())
            with self._system.open(path, "rb") as file:
                return str(file.read().decode("ascii", "replace"))

    def written_at(self, digest: str) -> datetime | None:
        """Return when a file got its name last, aware UTC; None for one that isn't there."""
        return self._modified(self._path(digest))

    def digests(self) -> Iterator[str]:
        """Yield the digests of all files."""
        for path in self._found(self._root):
            name = path.rpartition("/")[2]
            if DIGEST.fullmatch(name):
                yield name

    def remove(self, digest: str) -> None:
        """Remove a file, if it is there."""
        self._remove(self._path(digest))

    def remove_leftovers(self, before: datetime) -> int:
        """Remove what was begun before that time and never got its name; returns how many."""
        removed = 0
        for path in self._found(self._unfinished):
            modified = self._modified(path)  # None for one that got its name, or was removed, just now
            if modified is not None and modified < before:
                self._remove(path)
                removed += 1
        return removed

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}"

    def _make_folder(self, folder: str) -> None:
        if self._is_folder:
            Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        else:
            self._system.makedirs(folder, exist_ok=True)

    def _create(self, path: str) -> Any:
        if self._is_folder:
            return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        return self._system.open(path, "wb")

    def _modified(self, path: str) -> datetime | None:
        with _reachable():
            try:
                moment: datetime = self._system.modified(path)
            except FileNotFoundError:
                return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def _found(self, folder: str) -> list[str]:
        with _reachable():
            try:
                return [str(path) for path in self._system.find(folder)]
            except FileNotFoundError:
                return []

    def _remove(self, path: str) -> None:
        with _reachable(), suppress(FileNotFoundError):
            self._system.rm_file(path)


@contextmanager
def _reachable() -> Iterator[None]:
    """Turn what goes wrong at the place into the project's own error, except that a file isn't there."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FilesUnavailableError(f"Files can't be kept or read now ({error.strerror or error}).") from error


def _sync(folder: str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
