"""Whether memory stays flat over many edits of many people: part of `make bench`, which makes some of them.

    PYTHONPATH="{{cookiecutter.project}}" .venv/bin/python -m benchmarks.memory 100000

The first tenth is for what fills once: caches, and what Python's allocator takes in advance.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.crowd import sides
from benchmarks.measuring import row, title

PEOPLE, PAUSE_SECONDS, PARTS = 100, 2.0, 10
EDITS = 10_000
GROWS_AT_MOST = 0.10


def main(edits: int) -> None:
    if sys.platform != "linux":
        raise SystemExit("This reads /proc, which only Linux has.")
    title(f"Memory over {edits:,} edits by {PEOPLE} people")
    with tempfile.TemporaryDirectory() as folder, sides(Path(folder), PEOPLE) as compared:
        ours = compared["ours"]
        ours.people.open(PEOPLE)
        sizes = []
        for _ in range(PARTS):
            for _ in range(edits // PARTS // PEOPLE):
                ours.people.edit(PEOPLE, pause=PAUSE_SECONDS, edits=1)
            sizes.append(ours.memory())
    row(f"MB, every {edits // PARTS:,} edits", " ".join(f"{size / 1e6:.0f}" for size in sizes))
    growth, limit = sizes[-1] / sizes[0] - 1, f"at most {GROWS_AT_MOST:.0%}"
    row("growth after the first tenth", f"{growth:.1%}", target=limit, met=growth <= GROWS_AT_MOST)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EDITS)
