"""Tell which files of the engine differ from what the template gave. Needs nothing but Python.

`core/MANIFEST` holds the SHA-256 of every file in `core/`, a line each, as `sha256sum` writes them. The template writes
it when a project is made; `make check` and `manage.py doctor` compare.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

ENGINE = "core"
MANIFEST = "MANIFEST"


def write_manifest(root: Path) -> Path:
    """Write the manifest of the engine in `root/core` and return its path."""
    manifest = root / ENGINE / MANIFEST
    lines = [f"{digest}  {name}\n" for name, digest in sorted(_digests(root / ENGINE).items())]
    manifest.write_text("".join(lines), encoding="utf-8")
    return manifest


def differences(root: Path) -> list[str] | None:
    """Return a line for each file of the engine that was changed, removed or added; None without a manifest."""
    manifest = root / ENGINE / MANIFEST
    if not manifest.is_file():
        return None
    lines = manifest.read_text(encoding="utf-8").splitlines()
    given = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    present = _digests(root / ENGINE)
    found = {name: "changed" for name in given.keys() & present.keys() if given[name] != present[name]}
    found |= dict.fromkeys(given.keys() - present.keys(), "removed")
    found |= dict.fromkeys(present.keys() - given.keys(), "added")
    return [f"{ENGINE}/{name} was {what}" for name, what in sorted(found.items())]


def _digests(engine: Path) -> dict[str, str]:
    return {
        path.relative_to(engine).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(engine)
    }


def _files(engine: Path) -> Iterator[Path]:
    for path in engine.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path != engine / MANIFEST:
            yield path


def main() -> int:
    """Print what differs. Always succeeds: a project may change its engine, and has to know it when it is updated."""
    found = differences(Path(__file__).resolve().parents[2])
    for line in found or ():
        print(f"{line}. The engine is replaced as a whole by an update; keep changes of your own in apps/.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
