"""Finish a project: take out what the answers exclude, add its apps, note what it was made from, say what is next.

Works offline and without git. cookiecutter renders this file and runs it in the project's folder; the answers arrive as
JSON, so they stay data.
"""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

# Filled in by `git archive`, which is what makes a hosting service's zip.
ARCHIVED = "$Format:%H$"

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


def write_note(root: Path, answers: dict[str, Any]) -> None:
    """Note what `make update` has to know: template, version, commit and answers."""
    manifest = script(root, "manifest")
    questions = {name: answer for name, answer in answers.items() if not name.startswith("_")}
    context = {"cookiecutter": questions}
    template, commit, unknown = origin(Path(os.environ.get("PWD", ""), answers.get("_repo_dir", "")))
    manifest["write_note"](root, manifest["note_of"](template, commit, manifest["version"](root), context, unknown))


def origin(template: Path) -> tuple[str | None, str | None, str]:
    """Return where a template can be had again, its commit, and why one of them is unknown.

    A path of this machine is no such place: nobody else of the team has it.
    """
    try:
        top = git(template, "rev-parse", "--show-toplevel")
        if not (template / "cookiecutter.json").is_file() or Path(top) != template.resolve():
            raise OSError("the template is in no git repository of its own")
        place = without_password(git(template, "config", "--default", "", "remote.origin.url"))
        if git(template, "status", "--porcelain"):
            return place, None, "the template had changes that were not committed"
        return place, git(template, "rev-parse", "HEAD"), "" if place else "the template had no address, only a folder"
    except OSError as error:
        if ARCHIVED.startswith("$"):
            return None, None, str(error)
        return None, ARCHIVED, "the template was an archive, which doesn't say where it is from"


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints. Raises OSError where git is absent or refuses."""
    command = ["git", "-C", str(folder), *arguments]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    if result.returncode:
        raise OSError("the template is in no git repository of its own")
    return result.stdout.strip()


def without_password(address: str) -> str | None:
    """Return a repository's address without a name and password in it; None for a folder of this machine."""
    if re.match(r"(?!file:)[a-z+]+://", address):
        return re.sub(r"(?<=://)[^/@]*@", "" if address.startswith("http") else "git@", address)
    return address if re.match(r"[\w.-]+@[\w.-]+:", address) else None


def next_steps(root: Path, answers: dict[str, str]) -> str:
    """Return what to print at the end."""
    lines = [
        "",
        f"{answers['project']} is ready. Next:",
        "",
        f"    cd {shlex.quote(str(root))}",
        "    make run",
        "",
    ]
    if answers["auth"] == "password":
        lines += ["The first time that prints the name and the password to sign in with.", ""]
    elif answers["auth"] == "oidc":
        lines += ["Before people can sign in, name your identity provider: docs/identity-provider.md says how.", ""]
    return "\n".join(lines)


def main() -> None:
    answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
    root = Path.cwd()
    prune(root, answers)
    add_apps(root, [name.strip() for name in answers["apps"].split(",") if name.strip()])
    script(root, "manifest")["write_manifest"](root)
    write_note(root, answers)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a console that can't show the folder's name
    print(next_steps(root, answers))


if __name__ == "__main__":
    main()
