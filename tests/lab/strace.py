"""strace, attached to a living victim: counts its system calls, kills it at one of them, or makes them fail."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.lab.waiting import PATIENCE_SECONDS

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
    born: bool
    """The thread began during the trace."""


class Trace:
    """An strace at work. `lines` are what it wrote so far, `threads` those that there were when it began."""

    def __init__(self, process: subprocess.Popen[str], output: Path, threads: Sequence[str]) -> None:
        self._process, self._output, self.threads = process, output, threads

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
def attached(pid: int, output: Path, *options: str, until_death: bool = False, born: bool = True) -> Iterator[Trace]:
    """Trace all threads of a process during the block; with `until_death`, the block ends by killing it.

    Without `born`, threads that begin during the block are let alone. Raises NoStraceError where that is not possible.
    """
    if (reason := missing()) is not None:
        raise NoStraceError(reason)
    threads = sorted((task.name for task in Path(f"/proc/{pid}/task").iterdir()), key=int)
    whom = ["-f", "-p", str(pid)] if born else [word for thread in threads for word in ("-p", thread)]
    command = ["strace", *options, "-o", str(output), *whom]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        trace = Trace(process, output, threads)
        for _ in [pid] if born else threads:
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
    if shutil.which("strace") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for action in (["update", "-q"], ["install", "-y", "-q", "strace"]):
            subprocess.run(["apt-get", *action], check=False, capture_output=True)
    return None if shutil.which("strace") else "strace is not installed: sudo apt-get install strace"


def points(trace: Trace) -> tuple[list[Point], int]:
    """The system calls of a trace at each of which a kill can be aimed, and how many there are for which it can't.

    strace counts the calls of each name in each thread by themselves, and the first to get there is hit. So a call is
    out of reach where another thread was there before.
    """
    counted, found, hidden = Counter[tuple[str, str]](), dict[Point, None](), 0
    for call in filter(None, map(_CALL.match, trace.lines)):
        thread, name = call["thread"] or trace.threads[0], call["name"]
        counted[thread, name] += 1
        point = Point(name=name, number=counted[thread, name], born=thread not in trace.threads)
        if point in found or (point.born and replace(point, born=False) in found):
            hidden += 1
        else:
            found[point] = None
    return list(found), hidden
