"""What may be on a disk after a power cut, worked out from the system calls that came before it.

Only what was synced is there for sure. Of the writes since the last sync of a file, each sector may have arrived or
not, in any order; of the files made, renamed and deleted since the last sync of the folder, the first few have been.

A call takes effect when it ends, a sync for what had ended before it began. An answer counts from its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from tests.lab.chance import chance

Luck = Literal["none", "some", "all"]
"""How much of what was not synced arrived all the same."""

TRACED = (
    "openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "unlink", "unlinkat", "rename", "sendto",
)  # fmt: skip
"""What strace has to record, with `-y -xx` and long strings. `sendto` carries the victim's answers."""

_SECTOR = 512
_LINE = re.compile(r"(\d+) +(.*)")
_NO_CALL = re.compile(r"\+\+\+ .* \+\+\+|--- .* ---")
"""The end of a thread, or a signal."""
_BEGUN = re.compile(r"((\w+)\(.*) <unfinished \.\.\.>")
_ENDED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
"""A call is written in two parts where another thread does anything meanwhile, be it that it ends."""
_CALL = re.compile(r"(\w+)\((.*)\) += +(-?\d+|\?)(?:<.*>)?(?: .*)?")
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
    begun: int = 0
    """How many of the calls before it had ended when it began: fewer than there are where threads work side by side."""


@dataclass(slots=True)
class _File:
    synced: bytes = b""
    pending: list[tuple[int, int, bytes | None]] = field(default_factory=list)
    """What was written and not yet synced: (call, offset, data), or (call, length, None) where it was cut."""

    def sync(self, begun: int) -> None:
        later = [write for write in self.pending if write[0] >= begun]
        self.pending = [write for write in self.pending if write[0] < begun]
        self.synced = self.content("all")
        self.pending = later

    def content(self, luck: Luck) -> bytes:
        found = bytearray(self.synced)
        for _, offset, data in self.pending if luck != "none" else ():
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
        self._synced_files: dict[str, _File | None] = dict(self._files)
        self._changes: list[tuple[int, dict[str, _File | None]]] = []
        self._calls = 0

    def apply(self, call: Call) -> None:
        """Do what the next call did."""
        number, self._calls = self._calls, self._calls + 1
        file = self._files.get(call.file)
        match call.name:
            case "fsync" | "fdatasync" if call.file == ".":
                for _, change in (done for done in self._changes if done[0] < call.begun):
                    self._synced_files.update(change)
                self._changes = [done for done in self._changes if done[0] >= call.begun]
            case "openat" if file is None and call.creates and _lasts(call.file):
                self._change(number, {call.file: _File()})
            case "openat" if file is not None and call.empties:
                file.pending.append((number, 0, None))
            case "unlink" if file is not None:
                self._change(number, {call.file: None})
            case "rename" if file is not None:
                self._change(number, {call.file: None, call.target: file})
            case "fsync" | "fdatasync" if file is not None:
                file.sync(call.begun)
            case "pwrite64" if file is not None:
                file.pending.append((number, call.number, call.data))
            case "ftruncate" if file is not None:
                file.pending.append((number, call.number, None))

    def after_power_cut(self, folder: Path, luck: Luck) -> None:
        """Write into a folder what may be left."""
        files = dict(self._synced_files)
        happened = {"none": 0, "some": chance().randint(0, len(self._changes)), "all": len(self._changes)}[luck]
        for _, change in self._changes[:happened]:
            files.update(change)
        for name, file in files.items():
            if file is not None:
                (folder / name).write_bytes(file.content(luck))

    def _change(self, number: int, change: dict[str, _File | None]) -> None:
        self._changes.append((number, change))
        for name, file in change.items():
            if file is None:
                self._files.pop(name, None)
            else:
                self._files[name] = file


def calls(lines: Sequence[str], folder: Path) -> Iterator[Call]:
    """Read what strace wrote, in the order in which the calls ended; answers are kept from their beginning.

    Failed calls, those that never ended, and those on files elsewhere are left out. Raises ValueError for what it does
    not understand: a call that is overlooked would look like one that was never made.
    """
    begun: dict[str, tuple[str, int]] = {}
    yielded = 0
    for line in lines:
        thread, said = _matched(_LINE, line).groups()
        if _NO_CALL.fullmatch(said):
            continue
        since = yielded
        if first := _BEGUN.fullmatch(said):
            begun[thread] = (first[1], yielded)
            if first[2] != "sendto":
                continue
        elif last := _ENDED.fullmatch(said):
            beginning, since = begun.pop(thread)
            if beginning.startswith("sendto("):
                continue
            said = beginning + last[1]
        call = _answer(said) if said.startswith("sendto(") else _file_call(said, folder)
        if call is not None:
            yield replace(call, begun=since)
            yielded += 1


def _answer(said: str) -> Call | None:
    complete = _CALL.fullmatch(said)
    if complete is not None and complete[3].startswith("-"):
        return None
    return Call(name="sendto", data=_texts(said)[0])


def _file_call(said: str, folder: Path) -> Call | None:
    """The call, None if it failed or is about a file elsewhere."""
    name, arguments, result = _matched(_CALL, said).groups()
    if not result.isdigit():
        return None
    texts, opened = _texts(arguments), _OPEN_FILE.match(arguments)
    if name in ("openat", "unlink", "unlinkat", "rename"):
        paths = [_within(folder, text.decode()) for text in texts]
    elif opened is not None and not opened[2]:
        paths = [_within(folder, bytes.fromhex(opened[1].replace("\\x", "")).decode())]
    else:
        return None
    if not paths[0]:
        return None
    if name == "write":
        raise ValueError(f"A write without an offset is not understood: {said[:200]}")
    last = arguments.rsplit(", ", 1)[-1]
    return Call(
        name=name.removesuffix("at") if name == "unlinkat" else name,
        file=paths[0],
        data=texts[0] if name == "pwrite64" else b"",
        number=int(last) if name in ("pwrite64", "ftruncate") else 0,
        target=paths[1] if name == "rename" else "",
        creates="O_CREAT" in arguments,
        empties="O_TRUNC" in arguments,
    )


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError(f"This line of strace is not understood: {text[:200]}")
    return match


def _texts(arguments: str) -> list[bytes]:
    return [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]


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
