"""The template's released versions, taken from its own history."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.bake import TEMPLATE

RELEASED = [
    (commit, way)
    for commit, way in map(
        str.split, (TEMPLATE / "tests/template/released.txt").read_text(encoding="utf-8").splitlines()
    )
]
"""A commit of each released version, oldest first, and the way in which a project is made of it."""


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ["git", "-C", str(folder), *identity, *arguments]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stdout
    return result.stdout.strip()


def commit(folder: Path, message: str) -> str:
    """Commit all that is in a folder, and return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def need_history() -> None:
    """Fail, with the remedy, where the template's history lacks a released version, as in a zip or a shallow clone."""
    remedy = "Clone the whole repository; in a shallow clone run: git fetch --unshallow"
    for released, _ in RELEASED:
        command = ["git", "-C", str(TEMPLATE), "cat-file", "-e", f"{released}^{{commit}}"]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.fail(f"The template's history is missing here: there is no commit {released}. {remedy}")
