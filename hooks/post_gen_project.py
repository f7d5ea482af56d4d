"""Finish a project: take out what the answers exclude, add its apps and `.env`, and say what is next.

Works offline and without git, and can run again over the same project. cookiecutter renders this file
and runs it in the project's folder; the answers arrive as JSON, so they stay data.
"""

from __future__ import annotations

import io
import json
import os
import runpy
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

# What an answer leaves out: (question, answer) -> paths of the project.
LEFT_OUT = {
    ("ci", "none"): [".github"],
}

# What working inside the template leaves behind. It belongs to nobody's project.
CACHES = (
    "__pycache__",
    ".hypothesis",
    ".import_linter_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
)


def prune(root: Path, answers: dict[str, str]) -> None:
    """Remove what the answers leave out, and the caches of tools."""
    for (question, answer), paths in LEFT_OUT.items():
        if answers[question] == answer:
            for path in paths:
                remove(root / path)
    for folder, folders, _ in os.walk(root):
        for name in [*folders]:
            if name in CACHES:
                remove(Path(folder, name))
            if name in CACHES or name == ".venv":  # an installed project keeps its tools as they are
                folders.remove(name)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def add_apps(root: Path, names: list[str]) -> None:
    """Create the apps that are not there yet."""
    create_app = script(root, "new_app")["create_app"]
    for name in names:
        if not (root / "apps" / name).exists():
            create_app(root, name)


def script(root: Path, name: str) -> dict[str, Any]:
    """Run one of the project's scripts, which need nothing but Python, and return its names."""
    return runpy.run_path(str(root / "core" / "scripts" / f"{name}.py"))


def next_steps(root: Path, answers: dict[str, str], values: dict[str, str] | None, administrator: str) -> str:
    """What to print at the end. `values` are the settings just written to `.env`, None if it was there."""
    lines = [
        "",
        f"{answers['project']} is ready. Next:",
        "",
        f"    cd {shlex.quote(str(root))}",
        "    make run",
        "",
    ]
    if values is None:
        lines += [
            "Its .env was there already and was left as it is, with the passwords in it.",
            "",
        ]
    elif password := values.get("ADMIN_INITIAL_PASSWORD"):
        lines += [
            f"Sign in as   {administrator}",
            f"Password     {password}",
            "It is shown here once, and you will be asked for a new one at the first sign-in.",
            "",
        ]
    elif answers["auth"] == "oidc":
        lines += [
            "Before people can sign in, name your identity provider: README.md says how.",
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
    root = Path.cwd()
    prune(root, answers)
    add_apps(root, [name.strip() for name in answers["apps"].split(",") if name.strip()])
    script(root, "manifest")["write_manifest"](root)
    init_env = script(root, "init_env")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a console that can't show the folder's name
    print(next_steps(root, answers, init_env["init_env"](root), init_env["ADMINISTRATOR"]))


if __name__ == "__main__":
    main()
