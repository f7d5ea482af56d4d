"""What may be on a disk after a power cut, worked out from the system calls that came before it.

Only what was synced is there for sure. Of the writes since the last sync of a file, each sector may have arrived or
not, in any order; of the files made, renamed and deleted since the last sync of the folder, the first few have been.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from chaos.chance import chance

Luck = Literal["none", "some", "all"]
"""How much of what was not synced arrived all the same."""

TRACED = (
    "openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "unlink", "unlinkat", "rename", "sendto",
)  # fmt: skip
"""What strace has to record, with `-y -xx` and long strings. `sendto` carries the victim's answers."""

_SECTOR = 512
_CALL = re.compile(r"\d+ +(\w+)\((.*)\) += +(-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OPEN_FILE = re.compile(r"\d+<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")
_MEMORY_ONLY = "-shm"
"""SQLite's shared memory: rebuilt after a crash, never read from the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call: its name, the name of the file (empty for another folder's, or none), and its arguments."""

    name: str
    file: str = ""
    data: bytes = b""
    number: int = 0
    """An offset or a length."""
    target: str = ""
    creates: bool = False
    empties: bool = False


@dataclass(slots=True)
class _File:
    synced: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """What was written and not yet synced: (offset, data), or (length, None) where it was cut to a length."""

    def sync(self) -> None:
        self.synced = self.content("all")
        self.pending.clear()

    def content(self, luck: Luck) -> bytes:
        found = bytearray(self.synced)
        for offset, data in self.pending if luck != "none" else ():
            if data is None:
                if luck == "all" or chance().random() < 0.5:
                    del found[offset:]
                    found.extend(bytes(offset - len(found)))
                continue
            for at, sector in _sectors(offset, data):
                if luck == "all" or chance().random() < 0.5:
                    found.extend(bytes(max(0, at - len(found))))
                    found[at : at + len(sector)] = sector
        return bytes(found)


class Platter:
    """The files of one folder, and which of their changes are there to stay. Starts with all of them synced."""

    def __init__(self, folder: Path) -> None:
        files = (path for path in folder.iterdir() if path.suffix.startswith(".db"))
        self._files = {path.name: _File(synced=path.read_bytes()) for path in files if _lasts(path.name)}
        self._synced_files = dict(self._files)
        self._changes: list[dict[str, _File | None]] = []

    def apply(self, call: Call) -> None:
        file = self._files.get(call.file)
        match call.name:
            case "fsync" | "fdatasync" if call.file == ".":
                self._synced_files = dict(self._files)
                self._changes.clear()
            case "openat" if file is None and call.creates and _lasts(call.file):
                self._change({call.file: _File()})
            case "openat" if file is not None and call.empties:
                file.pending.append((0, None))
            case "unlink" if file is not None:
                self._change({call.file: None})
            case "rename" if file is not None:
                self._change({call.file: None, call.target: file})
            case "fsync" | "fdatasync" if file is not None:
                file.sync()
            case "pwrite64" if file is not None:
                file.pending.append((call.number, call.data))
            case "ftruncate" if file is not None:
                file.pending.append((call.number, None))

    def after_power_cut(self, folder: Path, luck: Luck) -> None:
        """Write into a folder what may be left."""
        files: dict[str, _File | None] = dict(self._synced_files)
        happened = {"none": 0, "some": chance().randint(0, len(self._changes)), "all": len(self._changes)}[luck]
        for change in self._changes[:happened]:
            files.update(change)
        for name, file in files.items():
            if file is not None:
                (folder / name).write_bytes(file.content(luck))

    def _change(self, change: dict[str, _File | None]) -> None:
        self._changes.append(change)
        for name, file in change.items():
            if file is None:
                self._files.pop(name, None)
            else:
                self._files[name] = file


def calls(lines: Sequence[str], folder: Path) -> Iterator[Call]:
    """Read what strace wrote. Failed calls, and those on files elsewhere, are left out; answers are kept."""
    for line in lines:
        match = _CALL.match(line)
        if match is None or int(match[3]) < 0:
            continue
        name, arguments = match[1], match[2]
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
        if name == "sendto":
            yield Call(name=name, data=texts[0])
            continue
        opened = _OPEN_FILE.match(arguments)
        if name in ("openat", "unlink", "unlinkat", "rename"):
            paths = [_within(folder, text.decode()) for text in texts]
        elif opened is not None and not opened[2]:
            paths = [_within(folder, bytes.fromhex(opened[1].replace("\\x", "")).decode())]
        else:
            continue
        if not paths[0]:
            continue
        last = arguments.rsplit(", ", 1)[-1]
        yield Call(
            name=name.removesuffix("at") if name == "unlinkat" else name,
            file=paths[0],
            data=texts[0] if name == "pwrite64" else b"",
            number=int(last) if name in ("pwrite64", "ftruncate") else 0,
            target=paths[1] if name == "rename" else "",
            creates="O_CREAT" in arguments,
            empties="O_TRUNC" in arguments,
        )
        if name == "write":
            raise ValueError(f"A write without an offset is not understood: {line[:200]}")


def _within(folder: Path, path: str) -> str:
    """The name of a file in the folder, `.` for the folder itself, nothing for any other."""
    if Path(path) == folder:
        return "."
    return Path(path).name if Path(path).parent == folder else ""


def _lasts(name: str) -> bool:
    return not name.endswith(_MEMORY_ONLY)


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut a write where sectors begin."""
    begin = 0
    while begin < len(data):
        end = min(len(data), begin + _SECTOR - (offset + begin) % _SECTOR)
        yield offset + begin, data[begin:end]
        begin = end
