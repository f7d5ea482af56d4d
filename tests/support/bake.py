"""Bakes a project the way a person does: the answers arrive exactly as typed, unknown questions are an error."""

from __future__ import annotations

import json
import os
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support import forked

PYTHON = ".venv/bin/python"
TEMPLATE = Path(__file__).resolve().parents[2]
PROJECT_FOLDER = TEMPLATE / "{{cookiecutter.project}}"
QUESTIONS: dict[str, object] = {
    name: default
    for name, default in json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8")).items()
    if not name.startswith("_")
}


# What tools and trials leave in a template one works on. A fresh clone has none of it.
LEFTOVERS = (".*_cache", ".hypothesis", "__pycache__", ".venv", ".env", ".postgres", "*.db", "*.db-*")
_clone = tempfile.TemporaryDirectory(prefix="streamlit-keep-")


@cache
def fresh_template() -> Path:
    """A copy of the template as a fresh clone would be; it is gone when the process ends."""
    copy = Path(_clone.name)
    shutil.copyfile(TEMPLATE / "cookiecutter.json", copy / "cookiecutter.json")
    for folder in ("hooks", PROJECT_FOLDER.name):
        shutil.copytree(TEMPLATE / folder, copy / folder, ignore=shutil.ignore_patterns(*LEFTOVERS))
    return copy


@cache
def assert_compiles(content: bytes, name: str) -> None:
    """Compile a file's code, once for all bakes in which it is the same."""
    compile(content, name, "exec")


class UnknownQuestionError(Exception):
    """An answer was given to a question the template doesn't ask. cookiecutter would ignore it silently."""


class BakeError(Exception):
    """The bake was refused. `output` is what it printed."""

    def __init__(self, output: str) -> None:
        self.output = output
        super().__init__(output)


@dataclass(frozen=True, slots=True, kw_only=True)
class BakedProject:
    """A baked project: its folder, the answers given, and what the bake printed."""

    path: Path
    answers: dict[str, str]
    output: str

    def files(self) -> dict[str, bytes]:
        """Every file a team would commit, by its path in the project: all but `.env` and the installed tools."""
        ignored = {".env", ".venv", "__pycache__"}
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and not ignored & set(path.relative_to(self.path).parts)
        }

    def write_env(self) -> dict[str, str] | None:
        """Write `.env`, as `make setup` does, and return what is in it; None where it exists."""
        init_env = runpy.run_path(str(self.path / "core" / "scripts" / "init_env.py"))["init_env"]
        written: dict[str, str] | None = init_env(self.path)
        return written

    def secrets(self) -> dict[str, str]:
        """What `.env` holds, by name."""
        lines = (self.path / ".env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    def run(self, *command: str, timeout: float = 600, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder and capture what it prints, errors included."""
        line = command[2] if command[:2] == ("sh", "-c") else shlex.join(command)
        if arguments := forked.arguments(line, PYTHON):
            environment = clean_environment(**environment)
            return forked.run(arguments, self.path, environment, python=PYTHON, together=True)
        return subprocess.run(
            command,
            cwd=self.path,
            env=clean_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            check=False,
        )


def bake(output: Path, *, hooks: bool = True, overwrite: bool = False, **answers: str) -> BakedProject:
    """Bake into `output` with these answers and the defaults for the rest.

    Raises UnknownQuestionError, or BakeError if the template refuses an answer.
    """
    if unknown := set(answers) - set(QUESTIONS):
        raise UnknownQuestionError(f"The template doesn't ask: {', '.join(sorted(unknown))}")
    output.mkdir(parents=True, exist_ok=True)
    before = {path.name for path in output.iterdir()}
    command = [sys.executable, "-m", "cookiecutter", str(fresh_template()), "--no-input", "--output-dir", str(output)]
    command += [] if hooks else ["--accept-hooks", "no"]
    command += ["--overwrite-if-exists"] if overwrite else []
    command += [f"{name}={as_typed(answer)}" for name, answer in answers.items()]
    # A configuration of our own: neither the person's defaults nor their record of past answers takes part.
    config = output.parent / f"{output.name}-cookiecutter.yaml"
    config.write_text(f"replay_dir: {json.dumps(str(output.parent / 'replay'))}\n", encoding="utf-8")
    result = subprocess.run(
        command,
        env=clean_environment(COOKIECUTTER_CONFIG=str(config)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if result.returncode:
        raise BakeError(result.stdout)
    made = [path for path in output.iterdir() if path.name not in before or overwrite]
    assert len(made) == 1, f"expected one new folder, found {made}"
    return BakedProject(path=made[0], answers=answers, output=result.stdout)


def as_typed(answer: str) -> str:
    """Protect an answer from being rendered as a default.

    cookiecutter renders what comes from its command line as Jinja, as it does its own defaults; what a
    person types at a prompt it leaves alone. A Jinja string made of escapes renders to exactly the answer.
    """
    if "{" not in answer:
        return answer
    return '{{ "' + "".join(f"\\U{ord(character):08x}" for character in answer) + '" }}'


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without what an outer make, or settings of another project, would bring along."""
    drop = {
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "BUILD",
        "TOOLS",
        "INNER",
        "VENV",
        "PORT",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        *_settings(),
    }
    return {name: value for name, value in os.environ.items() if name not in drop} | more


def _settings() -> list[str]:
    lines = (PROJECT_FOLDER / ".env.example").read_text(encoding="utf-8").splitlines()
    return [line[1:].split("=", 1)[0] for line in lines if line and not line.startswith("# ")]
