"""The places for the bytes of files: a folder, or anything fsspec reaches.

Names are digests, so a name's content never changes. What is written has another name until it is whole and safe; then
it is renamed. So a crash leaves no half file under a name that anything refers to, only a temporary one, which is
removed later.
"""

from __future__ import annotations

import importlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from core.errors import FilesUnavailableError
from core.files import DIGEST

_TEMPORARY = "tmp"


class FileStore(Protocol):
    """A place for files. Every method raises FilesUnavailableError when it can't be reached."""

    def write(self, pieces: Iterable[bytes]) -> str:
        """Store pieces durably under a temporary name, and return it."""
        ...

    def publish(self, temporary: str, digest: str) -> None:
        """Give what was written its name. What had it before is replaced, and has the time of now."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """Open a file for reading. Raises FileNotFoundError."""
        ...

    def written_at(self, digest: str) -> datetime | None:
        """Return when a file got its name last, aware UTC; None for one that isn't there."""
        ...

    def digests(self) -> Iterator[str]:
        """Yield the digests of all files."""
        ...

    def remove(self, digest: str) -> None:
        """Remove a file, if it is there."""
        ...

    def remove_leftovers(self, before: datetime) -> int:
        """Remove what was begun before that time and never got its name; returns how many."""
        ...


def open_file_store(url: str, root: Path) -> FileStore:
    """Return the store that a setting names: a folder (relative to `root`), or an address that fsspec knows, such as `s3://…`."""
    if "://" in url and not url.startswith("file://"):
        return RemoteFiles(url)
    return Directory(root / url.removeprefix("file://"))


class Directory:
    """Files in a folder of a local disk, synced before they get their name."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, pieces: Iterable[bytes]) -> str:
        name = secrets.token_hex(16)
        path = self._root / _TEMPORARY / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except BaseException as error:
            with suppress(OSError):  # a leftover is removed later
                path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _unavailable(error) from error
            raise
        return name

    def publish(self, temporary: str, digest: str) -> None:
        target = self._path(digest)
        try:
            source = self._root / _TEMPORARY / temporary
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.utime(source)
            source.replace(target)
            for folder in (target.parent, self._root):
                _sync(folder)
        except OSError as error:
            raise _unavailable(error) from error

    def open(self, digest: str) -> BinaryIO:
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unavailable(error) from error

    def written_at(self, digest: str) -> datetime | None:
        return _written_at(self._path(digest))

    def digests(self) -> Iterator[str]:
        for path in self._root.glob("??/*"):
            if DIGEST.fullmatch(path.name):
                yield path.name

    def remove(self, digest: str) -> None:
        _unlink(self._path(digest))

    def remove_leftovers(self, before: datetime) -> int:
        removed = 0
        for path in (self._root / _TEMPORARY).glob("*"):
            written_at = _written_at(path)  # None for one that got its name, or was removed, just now
            if written_at is not None and written_at < before:
                _unlink(path)
                removed += 1
        return removed

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest


class RemoteFiles:
    """Files in a file system of fsspec. Object storage makes durable what it has taken."""

    def __init__(self, url: str) -> None:
        fsspec = importlib.import_module("fsspec.core")  # only for those who use it
        system, root = fsspec.url_to_fs(url, use_listings_cache=False)
        self._system: Any = system
        self._root = str(root).rstrip("/")

    def write(self, pieces: Iterable[bytes]) -> str:
        name = secrets.token_hex(16)
        path = f"{self._root}/{_TEMPORARY}/{name}"
        try:
            self._system.makedirs(f"{self._root}/{_TEMPORARY}", exist_ok=True)
            with self._system.open(path, "wb") as file:
                for piece in pieces:
                    file.write(piece)
        except OSError as error:
            raise _unavailable(error) from error
        return name

    def publish(self, temporary: str, digest: str) -> None:
        target = self._path(digest)
        try:
            self._system.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._system.copy(f"{self._root}/{_TEMPORARY}/{temporary}", target)
        except OSError as error:
            raise _unavailable(error) from error
        self._remove(f"{self._root}/{_TEMPORARY}/{temporary}")

    def open(self, digest: str) -> BinaryIO:
        try:
            return cast(BinaryIO, self._system.open(self._path(digest), "rb"))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unavailable(error) from error

    def written_at(self, digest: str) -> datetime | None:
        return self._modified(self._path(digest))

    def digests(self) -> Iterator[str]:
        for path in self._found(self._root):
            name = path.rpartition("/")[2]
            if DIGEST.fullmatch(name):
                yield name

    def remove(self, digest: str) -> None:
        self._remove(self._path(digest))

    def remove_leftovers(self, before: datetime) -> int:
        removed = 0
        for path in self._found(f"{self._root}/{_TEMPORARY}"):
            modified = self._modified(path)
            if modified is not None and modified < before:
                self._remove(path)
                removed += 1
        return removed

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}"

    def _modified(self, path: str) -> datetime | None:
        try:
            moment: datetime = self._system.modified(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(error) from error
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def _found(self, folder: str) -> list[str]:
        try:
            return [str(path) for path in self._system.find(folder)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unavailable(error) from error

    def _remove(self, path: str) -> None:
        try:
            self._system.rm_file(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unavailable(error) from error


def _written_at(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unavailable(error) from error


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _unavailable(error) from error


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(error: OSError) -> FilesUnavailableError:
    return FilesUnavailableError(f"Files can't be kept or read now ({error.strerror or error}).")
