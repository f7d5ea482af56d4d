"""An edit beside what people would use instead, each as its documentation says: part of `make bench`.

Each store is a process of its own (`benchmarks.other_stores`); they take turns. Then each is killed right after it has
acknowledged an edit, and started again: is the edit there? And how often does it tell the disk to sync before it
acknowledges? Without that a power cut takes the edit.
"""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from benchmarks.measuring import micro, row, title
from benchmarks.other_stores import STORES

PACKAGES = ("Django==5.2.19", "Flask-Session==0.8.0", "Flask-SQLAlchemy==3.1.1", "diskcache==5.6.3", "nicegui==3.18.0")
ENVIRONMENT = Path("build/alternatives")
OURS = ("here", "bare SQLite")
ROUNDS, KILLS, TRACED = 200, 10, 10
_SYNCS = "fsync,fdatasync,sync_file_range,msync,sync,syncfs"


class Store:
    """A process that keeps one session in one of the ways."""

    def __init__(self, name: str, folder: Path, size: str, *, before: tuple[str, ...] = ()) -> None:
        self.process = subprocess.Popen(
            [*before, _python(name), "-m", "benchmarks.other_stores", name, str(folder), size],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._to, self._from = cast(IO[str], self.process.stdin), cast(IO[str], self.process.stdout)
        if self._answer() != "ready":
            raise SystemExit(f"{name} did not start.")

    def edit(self, value: str) -> float:
        """Make an edit. Returns the seconds it took once it is acknowledged."""
        self._to.write(f"{value}\n")
        self._to.flush()
        return float(self._answer())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        with suppress(BrokenPipeError):
            self._to.close()  # a process that was traced ends by that

    def last(self) -> str:
        """Return the stored value. Asked of a process that was just started."""
        self._to.write("?\n")
        self._to.flush()
        return self._answer()

    def _answer(self) -> str:
        return self._from.readline().strip()


@contextmanager
def store(name: str, folder: Path, size: str, *, before: tuple[str, ...] = ()) -> Iterator[Store]:
    folder.mkdir(exist_ok=True)
    running = Store(name, folder, size, before=before)
    try:
        yield running
    finally:
        running.kill()


def times(folder: Path, size: str) -> dict[str, float]:
    """Return the median seconds of an edit in each store. They take turns."""
    took: dict[str, list[float]] = {name: [] for name in STORES}
    with ExitStack() as stack:
        running = {name: stack.enter_context(store(name, folder / str(place), size)) for place, name in _numbered()}
        for number in range(ROUNDS):
            for name, one in running.items():
                took[name].append(one.edit(f"edit {number}"))
    return {name: statistics.median(seconds[ROUNDS // 10 :]) for name, seconds in took.items()}


def killed(name: str, folder: Path) -> int:
    """Return how many edits were lost of those after whose acknowledgement the process was killed at once."""
    lost, expected = 0, ""
    for number in range(KILLS + 1):
        with store(name, folder, "small") as one:
            lost += number > 0 and one.last().rstrip(" x") != expected
            one.edit(f"{number} first")
            one.edit(f"{number} last")
        expected = f"{number} last"
    return lost


def syncs(name: str, folder: Path) -> int | None:
    """Return how often a store syncs the disk for an edit before it acknowledges it; None where nobody can tell."""
    tracer, output = shutil.which("strace"), folder.with_suffix(".trace")
    if tracer is None:
        return None
    with store(name, folder, "small", before=(tracer, "-f", "-e", f"trace={_SYNCS}", "-o", str(output))) as one:
        one.edit("before")
        counts = [_calls(output)]
        for number in range(TRACED):
            one.edit(f"traced {number}")
            counts.append(_calls(output))
    return min(after - before for before, after in itertools.pairwise(counts))


def _calls(output: Path) -> int:
    lines = output.read_text(encoding="ascii", errors="replace").splitlines()
    return sum("sync(" in line and "resumed" not in line for line in lines)


def _numbered() -> Iterator[tuple[int, str]]:
    yield from enumerate(STORES)


def _python(name: str) -> str:
    return sys.executable if name in OURS else str(ENVIRONMENT / "bin" / "python")


def install() -> None:
    """Install the packages into an environment of their own, the first time."""
    note = ENVIRONMENT / "packages"
    if not note.exists() or note.read_text(encoding="ascii").split() != list(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        subprocess.run([ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        note.write_text("\n".join(PACKAGES), encoding="ascii")


def main() -> int:
    install()
    os.environ["PYTHONWARNINGS"] = "ignore"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for size in ("small", "large"):
            (folder / size).mkdir()
        small, large = times(folder / "small", "small"), times(folder / "large", "large")
        title("An edit, beside what else one would use (a small and a large session)")
        safe = []
        for place, name in _numbered():
            lost, synced = killed(name, folder / f"killed{place}"), syncs(name, folder / f"traced{place}")
            cut = "not known" if synced is None else "survives" if synced >= 1 else "lost"
            safe += [name] if synced else []
            measured = f"{micro(small[name])} / {micro(large[name])}, kill: {lost} of {KILLS} lost, power cut: {cut}"
            row(name, measured)
        others = [name for name in safe if name not in OURS]
        for size, took in (("small", small), ("large", large)):
            best = min((took[name] for name in others), default=float("inf"))
            factor = took["here"] / took["bare SQLite"]
            row(f"here, {size}, beside bare SQLite", f"{factor:.2f}x", target="at most 1.5x", met=factor <= 1.5)
            fastest = took["here"] <= best
            row(
                f"here, {size}, beside the others that survive",
                f"{took['here'] / best:.2f}x",
                target="fastest",
                met=fastest,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
