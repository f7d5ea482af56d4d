"""Tell which version of the template a project has, and which files of its engine differ. Needs nothing but Python.

`core/VERSION` is the version. `core/MANIFEST` holds the SHA-256 of every file in `core/`, a line each, as `sha256sum`
writes them. `.cruft.json` notes the template, its commit and the answers. The template writes both when a project is
made; `make check` and `manage.py doctor` compare, and `make update` begins with them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ENGINE = "core"
MANIFEST = "MANIFEST"
NOTE = ".cruft.json"


def version(root: Path) -> str:
    """Return the version of the engine in `root/core`; 0.1.0 is the last that didn't say."""
    file = root / ENGINE / "VERSION"
    return file.read_text(encoding="utf-8").strip() if file.is_file() else "0.1.0"


def read_note(root: Path) -> dict[str, Any]:
    """Return the note of what the project was made from; empty where there is none that can be read."""
    file = root / NOTE
    try:
        note: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return note


def note_of(
    template: str | None, commit: str | None, version: str, context: dict[str, Any], unknown: str = ""
) -> dict[str, Any]:
    """Return a note in cruft's format; `context` holds the answers.

    Where template or commit are None, `unknown` says why they can't be known.
    """
    known = {"template": template, "commit": commit, "version": version, "checkout": None, "directory": None}
    return known | ({"unknown": unknown} if unknown else {}) | {"context": context}


def write_note(root: Path, note: dict[str, Any]) -> None:
    """Write the note of what the project was made from."""
    (root / NOTE).write_text(json.dumps(note, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def describe(root: Path) -> str:
    """Return the version, the template's commit where it is known, and the files of the engine that were changed."""
    commit = read_note(root).get("commit")
    found = differences(root)
    engine = "no core/MANIFEST, so changes in core/ aren't known" if found is None else "; ".join(found)
    parts = [version(root), f"commit {commit[:12]}" if commit else "commit unknown", engine or "core/ is unchanged"]
    return ", ".join(parts)


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


def engine_version(root: Path) -> str:
    """Return a short digest of all files of the engine in `root/core`: two servers with the same one run the same."""
    lines = sorted(f"{digest} {name}" for name, digest in _digests(root / ENGINE).items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


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
