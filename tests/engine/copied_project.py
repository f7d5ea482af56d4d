"""A copy of the project with data of its own, whose commands run in processes of their own."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.settings import PROJECT_ROOT, Settings
from tests.engine import HERE
from tests.support import forked

SHOP = HERE / "shop"
PASSWORD = "a phrase of some length"
LEFT_OUT = shutil.ignore_patterns(
    ".*_cache", ".venv", ".git", ".env", "__pycache__", "*.db*", "build", "docs", "files", "tests"
)


def add_shop(root: Path) -> Path:
    """Put the tests' app in place of the apps in a copy of the project, and return that."""
    for app in root.glob("apps/*/"):
        shutil.rmtree(app)
    shutil.copytree(SHOP, root / "apps" / SHOP.name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@dataclass
class Project:
    """`data` is the folder of its data, `env` what differs in its environment."""

    root: Path
    data: Path
    env: dict[str, str] = field(default_factory=dict)
    after: list[Callable[[], object]] = field(default_factory=list)

    @classmethod
    def copy(cls, root: Path) -> Project:
        """Copy the project into a folder, with an `.env`, and with the tests' app in place of its own."""
        shutil.copytree(PROJECT_ROOT, root, ignore=LEFT_OUT)
        add_shop(root)
        project = cls(root, root)
        (root / ".env").touch(0o600)
        project.set(SECRET_KEY=secrets.token_hex(32), ADMIN_INITIAL_PASSWORD=f"'{PASSWORD}'")
        return project

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        known = {name.upper() for name in Settings.model_fields} | {"PYTHONPATH"}
        outside = {name: value for name, value in os.environ.items() if name not in known}
        environment = {**outside, "TMPDIR": str(self.root.parent), **self.env}
        plain = command.removesuffix(" 2>&1")
        if arguments := forked.arguments(plain, sys.executable):
            return forked.run(arguments, self.root, environment, python=sys.executable, together=plain != command)
        return subprocess.run(
            command, shell=True, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def python(self, *arguments: str) -> str:
        done = self.run(" ".join(map(_quoted, [sys.executable, *arguments])))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def set(self, **settings: str) -> None:
        with (self.root / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Everything there is on the disk."""
        folders = {self.root, self.data}
        found = [path for folder in folders for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
        return {str(path): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"") for path in found}


def _quoted(text: str) -> str:
    return f"'{text}'"
