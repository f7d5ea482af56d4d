"""What Streamlit is told not to do: to forget modules by itself, and to collect all garbage after each run."""

from __future__ import annotations

import gc
import sys
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.watcher.folder_black_list import FolderBlackList

from core.services import build_services, use_services
from core.settings import PROJECT_ROOT, Settings
from core.web import lifespan


@pytest.fixture
def options() -> dict[str, Any]:
    return tomllib.loads((PROJECT_ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_streamlit_watches_no_module(options: dict[str, Any]) -> None:
    watched = FolderBlackList(options["server"]["folderWatchBlacklist"])
    files = [str(module.__file__) for name, module in sys.modules.items() if name.startswith("core.")]
    assert files
    assert all(watched.is_blacklisted(file) for file in files)


def test_nothing_is_collected_after_each_run(options: dict[str, Any]) -> None:
    assert options["runner"]["postScriptGC"] is False


def test_what_is_loaded_at_the_start_is_no_collection_s_business(make_settings: Callable[..., Settings]) -> None:
    before = gc.get_freeze_count()
    try:
        with use_services(build_services(make_settings())), TestClient(Starlette(lifespan=lifespan(dict))):
            assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
    assert gc.isenabled(), "what came since is collected as usual"
