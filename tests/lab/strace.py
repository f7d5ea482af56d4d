"""strace, attached to a living victim: counts its system calls, kills it at one of them, or makes them fail."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.waiting import PATIENCE_SECONDS
from tests.support.programs import apt_install

CHANGES = (
    "write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "ftruncate", "unlink", "unlinkat", "rename",
    "renameat", "renameat2",
)  # fmt: skip
"""The system calls by which files change, or are made to last."""
_CALL = re.compile(r"(?:(?P<thread>\d+) +)?(?P<name>\w+)\(")
"""The beginning of a call. Of a single thread strace doesn't name the thread."""


class NoStraceError(Exception):
    """strace can't be used here. The message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The system call of this name that is the `number`th of its thread."""

    name: str
    number: int
    thread: int | None
    """The place of the thread among those that there were when the trace began; None for one that began during it."""


class Trace:
    """An strace at work. `lines` are what it wrote so far, `threads` those that there were when it began.

    `first` is the thread meant by a line that names none: strace names them from the second one on.
    """

    def __init__(self, process: subprocess.Popen[str], output: Path, threads: Sequence[str], first: str) -> None:
        self._process, self._output, self.threads, self.first = process, output, threads, first

    @property
    def lines(self) -> list[str]:
        return self._output.read_text(encoding="ascii", errors="replace").splitlines()

    def end(self, *, with_victim: bool) -> None:
        """Let go of a victim, which goes on undisturbed; or, `with_victim`, follow one that dies to its end."""
        if not with_victim:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise


@contextlib.contextmanager
def attached(
    pid: int, output: Path, *options: str, until_death: bool = False, only: int | None = None
) -> Iterator[Trace]:
    """Trace all threads of a process during the block; with `until_death`, the block ends by killing it.

    With `only`, just the thread at that place among those there are. Raises NoStraceError where that is not possible.
    """
    if (reason := missing()) is not None:
        raise NoStraceError(reason)
    threads = sorted((task.name for task in Path(f"/proc/{pid}/task").iterdir()), key=int)
    first = threads[0 if only is None else min(only, len(threads) - 1)]
    whom = ["-f", "-p", str(pid)] if only is None else ["-p", first]
    command = ["strace", *options, "-o", str(output), *whom]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        trace = Trace(process, output, threads, first)
        said = process.stderr.readline() if process.stderr else ""
        if "attached" not in said:
            process.kill()
            raise NoStraceError(f"strace can't attach to a process here: {said.strip()}")
        try:
            yield trace
        finally:
            trace.end(with_victim=until_death)


def missing() -> str | None:
    """Why there is no strace, or None where there is. As root on Debian and Ubuntu it is installed first."""
    if sys.platform != "linux":
        return f"strace is for Linux; this is {sys.platform}"
    if not shutil.which("strace"):
        apt_install("strace")
    return None if shutil.which("strace") else "strace is not installed: sudo apt-get install strace"


def points(trace: Trace) -> tuple[list[Point], int]:
    """The system calls of a trace at each of which a kill can be aimed, and how many there are for which it can't.

    strace counts the calls of each name in each thread by themselves, and the first to get there is hit. A thread that
    was there before is traced alone. For one that begins during the trace all are, so that a call of it is out of reach
    where another thread was there before.
    """
    counted, found, hidden = Counter[tuple[str, str]](), dict[Point, None](), 0
    reached: set[tuple[str, int]] = set()
    for call in filter(None, map(_CALL.match, trace.lines)):
        thread, name = call["thread"] or trace.first, call["name"]
        counted[thread, name] += 1
        place = trace.threads.index(thread) if thread in trace.threads else None
        point = Point(name=name, number=counted[thread, name], thread=place)
        if place is None and (name, point.number) in reached:
            hidden += 1
        else:
            found[point] = None
        reached.add((name, point.number))
    return list(found), hidden
