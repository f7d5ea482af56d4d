"""What the tests share: baking, one installed default project, a browser's path, a running server."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.bake import TEMPLATE, BakedProject, bake
from tests.support.browser import find_chromium, find_windowless
from tests.support.programs import need_strace
from tests.support.server import Server, serving

Bake = Callable[..., BakedProject]

# The tests start hundreds of processes; each would compile the whole project anew, which is most of what it does.
# The modules of the tests are compiled once, too: with their assertions rewritten, that is half of what collecting is.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Kept between runs, because installing takes a minute. Everything else in it is baked anew.
INSTALLED = TEMPLATE / os.environ.get("BUILD", "build") / "tests"
CHECKED = INSTALLED / "checked"
"""What was found well in this run: an empty file for each."""


# The modules with tests of half a minute and more, the longest first.
LONG = ["test_readme.py", "test_generated_project.py", "test_keystrokes.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, alone or because one worker does it all, so that none is left alone at the end."""

    def place(item: pytest.Item) -> int:
        if item.path.name in LONG:
            return LONG.index(item.path.name)
        return len(LONG) + (item.get_closest_marker("xdist_group") is None)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """What is loaded stays: collecting garbage among it, again and again, is a tenth of what the tests do."""
    gc.collect()
    gc.freeze()


@pytest.fixture(name="bake")
def bake_fixture(tmp_path: Path) -> Bake:
    """`bake(**answers)` bakes into a folder of its own each time."""
    count = 0

    def bake_here(**options: object) -> BakedProject:
        nonlocal count
        count += 1
        return bake(tmp_path / f"bake-{count}", **options)  # type: ignore[arg-type]

    return bake_here


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder for PostgreSQL, which root starts as another user: each pytest that begins closes its own to others."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def baked_default(testrun_uid: str) -> BakedProject:
    """The project that the defaults give, freshly baked, and installed from its lock by its own `make setup`.

    There is one for the whole run. Whoever needs it first makes it; the other workers wait.
    """
    project = BakedProject(path=INSTALLED / "streamlit_keep", answers={}, output="")
    made_for = INSTALLED / "made-for"
    with one_at_a_time("default"):
        if not made_for.exists() or made_for.read_text() != testrun_uid:
            made_for.unlink(missing_ok=True)
            make_default(project)
            made_for.write_text(testrun_uid)
    return project


def make_default(project: BakedProject) -> None:
    shutil.rmtree(CHECKED, ignore_errors=True)
    kept = INSTALLED / "kept-venv"
    if (project.path / ".venv").exists():
        shutil.rmtree(kept, ignore_errors=True)
        (project.path / ".venv").rename(kept)
    shutil.rmtree(project.path, ignore_errors=True)
    bake(INSTALLED / "fresh").path.rename(project.path)
    if kept.exists():
        kept.rename(project.path / ".venv")
    tools = f"{os.environ['PATH']}{os.pathsep}{Path(sys.prefix) / 'bin'}"  # there is uv; the template's came by pip
    result = project.run("make", "setup", PATH=tools)
    assert result.returncode == 0, result.stdout


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Keep the other workers of this machine out for the length of a block."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def served(baked_default: BakedProject, tmp_path: Path) -> Iterator[Server]:
    """The default project, served on a free port with an empty database and journal."""
    with serving(baked_default, tmp_path / "data") as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium. Where there is none the test fails and says what to do."""
    with one_at_a_time("programs"):
        return find_chromium()


@pytest.fixture(scope="session")
def windowless() -> str:
    """The path of a Chromium that works for less; it has no profile on the disk."""
    with one_at_a_time("programs"):
        return find_windowless()


@pytest.fixture(scope="session")
def strace() -> None:
    """With strace the crash laboratory kills at every system call; without it those of its tests would be skipped."""
    with one_at_a_time("programs"):
        need_strace()
