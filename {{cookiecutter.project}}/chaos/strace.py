"""strace, attached to a living victim: counts its system calls, kills it at one of them, or makes them fail."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

CHANGES = (
    "write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "ftruncate", "unlink", "unlinkat", "rename",
    "renameat", "renameat2",
)  # fmt: skip
"""The system calls by which files change, or are made to last."""

_END_SECONDS = 5.0


class NoStraceError(Exception):
    """strace can't be used here. The message says why and what to do."""


class Trace:
    """An strace at work. `lines` are what it wrote so far."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self._process, self._output = process, output

    @property
    def lines(self) -> list[str]:
        return self._output.read_text(encoding="ascii", errors="replace").splitlines()

    def end(self, *, with_victim: bool) -> None:
        """Let go of a victim, which goes on undisturbed; or, `with_victim`, follow one that dies to its end."""
        if not with_victim:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


@contextlib.contextmanager
def attached(pid: int, output: Path, *options: str, until_death: bool = False) -> Iterator[Trace]:
    """Trace all threads of a process during the block; with `until_death`, the block ends by killing it.

    Raises NoStraceError where that is not possible.
    """
    if (reason := missing()) is not None:
        raise NoStraceError(reason)
    command = ["strace", "-f", *options, "-o", str(output), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        trace = Trace(process, output)
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


def calls(lines: Sequence[str]) -> int:
    """How many system calls of the busiest thread a trace shows. Each thread is counted by itself."""
    threads = [line.split(maxsplit=1)[0] for line in lines if "(" in line and "<..." not in line]
    return max((threads.count(thread) for thread in set(threads)), default=0)
