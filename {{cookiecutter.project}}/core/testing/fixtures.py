"""pytest fixtures for a project's own tests. Its `conftest.py` names this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.streamlit_compat.testing import browsers_at
from core.testing.app import TestApp


@pytest.fixture
def app(tmp_path: Path) -> Iterator[TestApp]:
    """The project over an empty database, with nobody signed in."""
    with TestApp.running(tmp_path) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def components_found_once() -> Iterator[None]:
    """Search the installed packages for components once: each `AppTest` would, which takes 0.2 s."""
    with browsers_at("192.0.2.1"):  # an AppTest has no browser, and so no address
        yield
