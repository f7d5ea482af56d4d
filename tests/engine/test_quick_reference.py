"""The quick reference tells the truth: every example in it runs, and its defaults are the real ones."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.services import Services
from core.settings import PROJECT_ROOT, Settings, get_settings

REFERENCE = (PROJECT_ROOT / "core" / "SESSION_QUICK_REFERENCE.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", REFERENCE, re.DOTALL)
BEGIN = "import streamlit as st\nfrom core import bootstrap_session\nbootstrap_session()\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.strip().splitlines()[-1][:40])
def test_every_example_runs(example: str, services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", services.settings.database_url)
    monkeypatch.setenv("JOURNAL_PATH", str(tmp_path / "own-journal.db"))
    get_settings.cache_clear()
    page = AppTest.from_string(BEGIN + example).run()
    assert not page.exception, page.exception
    for number in range(len(page.button)):
        page.button[number].click().run()
        assert not page.exception, page.exception
    get_settings.cache_clear()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8


def test_the_defaults_in_the_table_are_the_real_ones(make_settings: Callable[..., Settings]) -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)` \|", REFERENCE, re.MULTILINE)
    assert rows
    for name, shown in rows:
        default = Settings.model_fields[name.lower()].default
        assert type(default)(shown) == default, name


def test_the_demo_shows_every_feature() -> None:
    demo = [sys.executable, "demo_session_system.py"]
    shown = subprocess.run(demo, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout
    for title in ("Forms", "Snapshots", "Navigation", "Preferences", "Debouncing", "Serialization", "Expiry"):
        assert f"\n{title}" in shown
    assert "| lost: 0" in shown
