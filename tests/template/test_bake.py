"""What holds of every bake, for every combination of answers."""

from __future__ import annotations

import fnmatch
import itertools
import json
import os
import re
import stat
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.conftest import Bake
from tests.support.bake import (
    PROJECT_FOLDER,
    QUESTIONS,
    TEMPLATE,
    BakedProject,
    BakeError,
    assert_compiles,
    fresh_template,
)
from tests.support.bake import bake as bake_into

CHOICES: dict[str, list[str]] = {name: list(value) for name, value in QUESTIONS.items() if isinstance(value, list)}
COMBINATIONS = [dict(zip(CHOICES, answers, strict=True)) for answers in itertools.product(*CHOICES.values())]
LICENSES = {
    "MIT": "MIT License",
    "Apache-2.0": "Apache License",
    "BSD-3-Clause": "BSD 3-Clause License",
    "Proprietary": "All rights reserved",
}

SPEAK_OF_THE_TOOL = {".cruft.json", "core/scripts/update.py", "pyproject.toml", "requirements.lock"}
"""What an update needs."""


@pytest.mark.parametrize("answers", COMBINATIONS, ids=lambda answers: "-".join(answers.values()))
def test_every_combination_is_sound(bake: Bake, answers: dict[str, str]) -> None:
    apps = "orders, stock" if answers["license"] == "MIT" else ""
    project = bake(apps=apps, **answers)
    assert_sound(project)
    assert_as_asked(project, answers, [name for name in apps.split(", ") if name])


def assert_sound(project: BakedProject) -> None:
    """Every file is valid and holds no path of this machine; secrets are not made yet."""
    files = project.files()
    paths = {str(project.path), str(project.path.parent), str(TEMPLATE), str(fresh_template()), str(Path.home())}
    for name, content in files.items():
        assert not [path for path in paths if path.encode() in content], f"{name} holds a path of this machine"
        if name not in SPEAK_OF_THE_TOOL:
            assert b"cookiecutter" not in content.lower(), f"{name} speaks of the template's tool"
        assert b"{%" not in content, f"{name} holds a template tag"
        if name.endswith(".py"):
            assert_compiles(content, name)
        elif name.endswith(".toml"):
            tomllib.loads(content.decode())
        elif name.endswith((".yml", ".yaml")):
            yaml.safe_load(content)
    assert not (project.path / ".env").exists()
    assert "\n.env\n" in (project.path / ".gitignore").read_text(encoding="utf-8")


def assert_as_asked(project: BakedProject, answers: dict[str, str], apps: list[str]) -> None:
    """The project is what the answers say, no more and no less."""
    files = project.files()
    configuration = tomllib.loads(files["pyproject.toml"].decode())
    secrets = project.write_env() or {}
    postgresql = answers["database"] == "postgresql"
    compose = yaml.safe_load(files["deploy/compose.yaml"])

    assert configuration["tool"]["keep"]["auth"] == answers["auth"]
    assert len(bytes.fromhex(secrets["SECRET_KEY"])) == 32
    assert ("ADMIN_INITIAL_PASSWORD" in secrets) == (answers["auth"] == "password")
    assert ("DATABASE_URL" in secrets) == postgresql
    assert configuration["tool"]["keep"]["database_url"].startswith(answers["database"])
    assert ("database" in compose["services"]) == postgresql
    gateway = compose["networks"]["default"]["ipam"]["config"][0]["gateway"]
    assert compose["services"]["app"]["environment"]["FORWARDED_ALLOW_IPS"] == gateway
    assert (".github/workflows/ci.yml" in files) == (answers["ci"] == "github")
    assert LICENSES[answers["license"]] in files["LICENSE"].decode()
    expected = "LicenseRef-Proprietary" if answers["license"] == "Proprietary" else answers["license"]
    assert configuration["project"]["license"] == expected
    for name in apps:
        assert f"apps/{name}/__init__.py" in files


def test_setup_writes_env_and_shows_the_password_once(bake: Bake) -> None:
    project = bake()
    assert "make run" in project.output
    assert "Password" not in project.output
    script = (sys.executable, "core/scripts/init_env.py")
    shown = project.run(*script).stdout
    assert stat.S_IMODE((project.path / ".env").stat().st_mode) == 0o600
    secrets = project.secrets()
    password = secrets["ADMIN_INITIAL_PASSWORD"]
    assert f"First administrator: admin, password: {password}" in shown
    assert 8 <= len(password) <= 20
    assert secrets["SECRET_KEY"] not in shown
    assert password not in project.run(*script).stdout
    assert project.secrets() == secrets
    for name, content in project.files().items():
        assert not [secret for secret in secrets.values() if secret.encode() in content], f"{name} holds a secret"


@pytest.mark.parametrize("auth", ["oidc", "none"])
def test_without_passwords_there_is_none_to_show(bake: Bake, auth: str) -> None:
    project = bake(auth=auth)
    assert "administrator" not in project.run(sys.executable, "core/scripts/init_env.py").stdout


def test_two_bakes_are_equal(bake: Bake) -> None:
    answers = {"apps": "orders", "database": "postgresql", "project_name": "Größe"}
    first, second = bake(**answers), bake(**answers)
    assert first.files() == second.files()
    assert modes(first) == modes(second)


def modes(project: BakedProject) -> dict[str, int]:
    return {name: stat.S_IMODE((project.path / name).stat().st_mode) for name in project.files()}


def test_a_project_is_not_baked_over(bake: Bake) -> None:
    project = bake(apps="orders")
    (project.path / "README.md").write_text("ours now\n", encoding="utf-8")
    before = project.files()
    with pytest.raises(BakeError, match=r"streamlit_keep is a project already, .* In its folder run: make update"):
        bake_into(project.path.parent, overwrite=True, apps="orders")
    assert project.files() == before


def test_a_repository_that_was_begun_is_baked_into(bake: Bake, tmp_path: Path) -> None:
    begun = tmp_path / "out" / "streamlit_keep"
    (begun / ".git").mkdir(parents=True)
    assert (bake_into(begun.parent, overwrite=True).path / "manage.py").is_file()


def test_the_hooks_need_neither_git_nor_uv_nor_a_network(
    bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert_sound(bake(apps="orders"))


def test_a_console_that_can_not_show_the_folder_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    project = bake_into(tmp_path / "漢字", project="desk")
    assert f"cd {tmp_path}/\\u6f22\\u5b57/desk" in project.output.replace("'", "")
    assert_sound(project)


def test_an_unfit_python_is_refused_before_anything_is_made(bake: Bake, tmp_path: Path) -> None:
    """Of a given name nothing can be told but by asking it."""
    old = tmp_path / "python3.10"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 0); $2"\n')
    old.chmod(0o755)
    project = bake()
    for python in (str(old), "no-such-python"):
        refused = project.run("make", "setup", f"PYTHON={python}")
        assert refused.returncode != 0
        assert f"{python} is not Python 3.11 or newer. Name another one: make setup PYTHON=" in refused.stdout
        assert not (project.path / ".venv").exists()


def test_without_hooks_the_project_is_whole(bake: Bake) -> None:
    """No hooks, no pruning, no apps of one's own and no note."""
    project = bake(hooks=False, project_name='A "desk"', auth="none", database="postgresql", ci="none")
    files = project.files()
    configuration = tomllib.loads(files["pyproject.toml"].decode())
    assert configuration["tool"]["keep"]["title"] == 'A "desk"'
    assert configuration["tool"]["keep"]["auth"] == "none"
    assert_sound(project)
    assert set(project.write_env() or {}) == {"SECRET_KEY", "DATABASE_URL"}


def test_without_hooks_even_a_bad_answer_gives_valid_files(bake: Bake) -> None:
    text = "a\x01b\x7fc\u202e"
    project = bake(hooks=False, project_name=text, description=text, author=text)
    tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))


def test_only_the_files_that_name_an_answer_are_rendered() -> None:
    """Braces in code, styles and workflows stay as they are, because nothing else is a template."""
    patterns = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["_copy_without_render"]
    ignored = {"__pycache__", ".venv"}
    rendered = set()
    for folder, folders, files in os.walk(PROJECT_FOLDER):
        inside = Path(folder).relative_to(PROJECT_FOLDER)
        folders[:] = [
            name
            for name in folders
            if name not in ignored and not any(fnmatch.fnmatch(str(inside / name), pattern) for pattern in patterns)
        ]
        names = [str(inside / name) for name in files]
        rendered |= {name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)}
    assert rendered == {
        "pyproject.toml",
        "README.md",
        "SECURITY.md",
        "LICENSE",
        ".github/CODEOWNERS",
        "deploy/compose.yaml",
        "deploy/compose.fleet.yaml",
    }


def test_no_python_of_the_project_is_a_template() -> None:
    for path in PROJECT_FOLDER.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "cookiecutter" not in text or path.name == "update.py", path.name
        assert not re.search(r"\{%|\{#", text), path.name
        compile(text, str(path), "exec")


def test_locks_name_versions_and_hashes_and_no_address() -> None:
    for lock in (TEMPLATE / "requirements.lock", *PROJECT_FOLDER.glob("**/requirements.lock")):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        assert "index" not in re.sub(r"^[a-z].*", "", text, flags=re.MULTILINE)
        for requirement in re.split(r"\n(?=[a-z])", text):
            assert re.match(r"[a-z0-9._-]+==", requirement), requirement[:80]
            assert "--hash=sha256:" in requirement, requirement[:80]


def test_a_choice_that_is_not_offered_is_refused(bake: Bake) -> None:
    with pytest.raises(BakeError, match="oracle"):
        bake(database="oracle")
