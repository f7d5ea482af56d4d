"""What the tests share: baking, one installed default project, a browser's path, a running server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.bake import TEMPLATE, BakedProject, bake
from tests.support.browser import find_chromium
from tests.support.server import Server, serving

Bake = Callable[..., BakedProject]

# Kept between runs, because installing takes a minute. Everything else in it is baked anew.
INSTALLED = TEMPLATE / os.environ.get("BUILD", "build") / "tests"


@pytest.fixture(name="bake")
def bake_fixture(tmp_path: Path) -> Bake:
    """`bake(**answers)` bakes into a folder of its own each time."""
    count = 0

    def bake_here(**options: object) -> BakedProject:
        nonlocal count
        count += 1
        return bake(tmp_path / f"bake-{count}", **options)  # type: ignore[arg-type]

    return bake_here


@pytest.fixture(scope="session")
def baked_default() -> BakedProject:
    """The project that the defaults give, freshly baked, and installed from its lock by its own `make setup`."""
    project = INSTALLED / "streamlit_keep"
    environment = INSTALLED / "kept-venv"
    if (project / ".venv").exists():
        shutil.rmtree(environment, ignore_errors=True)
        (project / ".venv").rename(environment)
    shutil.rmtree(project, ignore_errors=True)
    baked = bake(INSTALLED / "fresh")
    baked.path.rename(project)
    if environment.exists():
        environment.rename(project / ".venv")
    baked = BakedProject(path=project, answers={}, output=baked.output)
    result = baked.run("make", "setup")
    assert result.returncode == 0, result.stdout
    return baked


@pytest.fixture
def served(baked_default: BakedProject, tmp_path: Path) -> Iterator[Server]:
    """The default project, served on a free port with an empty database and journal."""
    with serving(baked_default, tmp_path / "data") as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium. Where there is none the test fails and says what to do."""
    return find_chromium()
