"""What the laboratory takes a disk to hold after a power cut follows from what strace wrote, whole or in parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.lab.platter import Luck, Platter, calls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.db").write_bytes(b"old")
    return tmp_path


def escaped(text: str) -> str:
    """As strace writes it with `-xx`."""
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def call(name: str, path: Path, more: str = "") -> str:
    """A call on an open file, without its thread and result."""
    return f"{name}(5<{escaped(str(path))}>{more}"


def write(path: Path, text: str) -> str:
    return call("pwrite64", path, f', "{escaped(text)}", {len(text)}, 0')


def answer(text: str) -> str:
    return f'sendto(3<{escaped("socket:[1]")}>, "{escaped(text)}", {len(text)}, 0, NULL, 0'


def left(folder: Path, lines: Sequence[str], *, after: int | None = None, luck: Luck = "none") -> dict[str, bytes]:
    """The files that a power cut leaves after so many of the calls, all if not said."""
    platter = Platter(folder)
    for done in list(calls(lines, folder))[:after]:
        platter.apply(done)
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    platter.after_power_cut(disk, luck)
    found = {file.name: file.read_bytes() for file in disk.iterdir()}
    for name in found:
        (disk / name).unlink()
    return found


def test_only_what_was_synced_is_there(folder: Path) -> None:
    file = folder / "a.db"
    lines = [f"7 {write(file, 'new')}) = 3", f"7 {call('fdatasync', file)}) = 0"]
    assert left(folder, lines, after=1) == {"a.db": b"old"}
    assert left(folder, lines, after=1, luck="all") == {"a.db": b"new"}
    assert left(folder, lines) == {"a.db": b"new"}


def test_a_call_that_another_thread_interrupts_counts_as_one(folder: Path) -> None:
    """strace writes a call in two parts where anything happens meanwhile, be it that another thread ends."""
    file = folder / "a.db"
    lines = [
        f"7 {write(file, 'new')} <unfinished ...>",
        "8 +++ exited with 0 +++",
        "7 <... pwrite64 resumed>) = 3",
        f"7 {call('fdatasync', file)} <unfinished ...>",
        f"9 {call('fdatasync', Path('/elsewhere'))}) = 0",
        "7 <... fdatasync resumed>)   = 0",
        f'7 unlink("{escaped(str(file))}" <unfinished ...>',
        "9 +++ exited with 0 +++",
        "7 <... unlink resumed>) = 0",
    ]
    assert [found.name for found in calls(lines, folder)] == ["pwrite64", "fdatasync", "unlink"]
    assert left(folder, lines, after=1) == {"a.db": b"old"}
    assert left(folder, lines) == {"a.db": b"new"}
    assert left(folder, lines, luck="all") == {}


def test_a_sync_is_for_what_had_ended_before_it_began(folder: Path) -> None:
    file, other = folder / "a.db", folder / "b.db"
    lines = [
        f"7 {call('fdatasync', file)} <unfinished ...>",
        f"8 {write(file, 'new')}) = 3",
        "7 <... fdatasync resumed>) = 0",
        f"7 {call('fsync', folder)} <unfinished ...>",
        f'8 openat(AT_FDCWD<{escaped("/")}>, "{escaped(str(other))}", O_RDWR|O_CREAT, 0644) = 6<{escaped(str(other))}>',
        "7 <... fsync resumed>) = 0",
    ]
    assert left(folder, lines) == {"a.db": b"old"}
    assert left(folder, [*lines, f"7 {call('fdatasync', file)}) = 0"]) == {"a.db": b"new"}
    assert left(folder, [*lines, f"7 {call('fsync', folder)}) = 0"]) == {"a.db": b"old", "b.db": b""}


def test_an_answer_counts_from_its_beginning(folder: Path) -> None:
    lines = [
        f"7 {answer('done')} <unfinished ...>",
        f"8 {call('fdatasync', folder / 'a.db')}) = 0",
        "7 <... sendto resumed>) = 4",
        f"7 {answer('once more')}) = 9",
    ]
    found = list(calls(lines, folder))
    assert [(each.name, each.data) for each in found] == [
        ("sendto", b"done"),
        ("fdatasync", b""),
        ("sendto", b"once more"),
    ]


def test_what_failed_or_never_ended_did_nothing(folder: Path) -> None:
    file = folder / "a.db"
    lines = [
        f"7 {call('fdatasync', file)}) = -1 EIO (Input/output error)",
        "7 --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=1, si_uid=0} ---",
        f"7 {call('fdatasync', file)}) = ?",
        f"8 {call('fdatasync', file)} <unfinished ...>",
        "7 +++ killed by SIGKILL +++",
        "8 +++ killed by SIGKILL +++",
    ]
    assert list(calls(lines, folder)) == []


@pytest.mark.parametrize("line", ["7 fdatasync(5", "fdatasync(5) = 0", '7 write(5<{file}>, "\\x61", 1) = 1'])
def test_what_is_not_understood_is_said(folder: Path, line: str) -> None:
    """A call that is overlooked would look like one that was never made."""
    with pytest.raises(ValueError, match="not understood"):
        list(calls([line.replace("{file}", escaped(str(folder / "a.db")))], folder))
