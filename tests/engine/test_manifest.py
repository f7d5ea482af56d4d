"""What was changed in the engine's folder is named, file by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.commands import checks
from core.scripts.manifest import describe, differences, version, write_manifest, write_note


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("core/session.py", "core/ui/outbox.js", "core/ui/__pycache__/outbox.pyc"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name, encoding="utf-8")
    write_manifest(tmp_path)
    return tmp_path


def test_nothing_differs_at_first(root: Path) -> None:
    assert differences(root) == []


def test_each_difference_is_named(root: Path) -> None:
    (root / "core/session.py").write_text("ours", encoding="utf-8")
    (root / "core/ui/outbox.js").unlink()
    (root / "core/ours.py").touch()
    (root / "core/__pycache__").mkdir()
    (root / "core/__pycache__/session.pyc").touch()
    assert differences(root) == [
        "core/ours.py was added",
        "core/session.py was changed",
        "core/ui/outbox.js was removed",
    ]


def test_doctor_says_which_version_it_is_and_what_was_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PROJECT_ROOT", root)
    (root / "core/session.py").write_text("ours", encoding="utf-8")
    (root / "core/VERSION").write_text("0.3.0\n", encoding="utf-8")
    write_note(root, {"commit": "0123456789abcdef", "version": "0.3.0"})
    (finding,) = checks._engine()
    assert finding.says == "0.3.0, commit 0123456789ab, core/VERSION was added; core/session.py was changed"
    assert finding.fix is None


def test_without_a_note_and_a_manifest_nothing_is_claimed(tmp_path: Path) -> None:
    assert differences(tmp_path) is None
    assert version(tmp_path) == "0.1.0"
    assert describe(tmp_path) == "0.1.0, commit unknown, no core/MANIFEST, so changes in core/ aren't known"
