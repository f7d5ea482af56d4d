"""`make new` asks, and asks again where another answer helps."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bake import TEMPLATE, BakedProject, clean_environment, fresh_template

ANSWERS = ["Order desk", "desk", "", "Ada", "ada@example.com", ""]


def new(template: Path, folder: Path, *choices: str) -> subprocess.CompletedProcess[str]:
    """Run the script of `make new` of a template; everything but the choices is answered the same."""
    config = folder / "config.yaml"
    config.write_text(f"replay_dir: {folder}/replay\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, str(template / "scripts" / "new_project.py"), str(folder / "out")],
        input="\n".join([*ANSWERS, *choices]) + "\n",
        env=clean_environment(COOKIECUTTER_CONFIG=str(config), PYTHONPATH=str(template / "{{cookiecutter.project}}")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def template(tmp_path: Path) -> Path:
    copy = tmp_path / "template"
    shutil.copytree(fresh_template(), copy)
    shutil.copytree(TEMPLATE / "scripts", copy / "scripts")
    return copy


@pytest.mark.parametrize(
    "choices",
    [("postgresql", "oidc", "bsd-3-clause", "none"), ("2", "2", "3", "2"), ("oracle", "2", "OIDC", "3", "none")],
    ids=["names", "numbers", "both, after a mistake"],
)
def test_choices_are_made_by_name_or_number(template: Path, tmp_path: Path, choices: tuple[str, ...]) -> None:
    made = new(template, tmp_path, *choices)
    assert made.returncode == 0, made.stdout
    assert "1 or sqlite - SQLite: one machine, nothing to install" in made.stdout
    project = BakedProject(path=tmp_path / "out" / "desk", answers={}, output=made.stdout)
    configuration = (project.path / "pyproject.toml").read_text(encoding="utf-8")
    assert 'database_url = "postgresql' in configuration
    assert 'auth = "oidc"' in configuration
    assert 'license = "BSD-3-Clause"' in configuration
    assert not (project.path / ".github").exists()


@pytest.mark.parametrize(("answer", "is_under_git"), [("y", True), ("n", False)])
def test_a_project_is_put_under_git_if_wanted(template: Path, tmp_path: Path, answer: str, is_under_git: bool) -> None:
    made = new(template, tmp_path, "", "", "", "", answer)
    assert made.returncode == 0, made.stdout
    project = tmp_path / "out" / "desk"
    assert (project / ".git").is_dir() == is_under_git
    if is_under_git:
        staged = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True, check=True).stdout
        assert {"app.py", ".gitignore"} <= set(staged.split())


def test_what_another_answer_can_not_mend_is_not_asked_again(template: Path, tmp_path: Path) -> None:
    (template / "hooks" / "post_gen_project.py").write_text("raise SystemExit('No room.')\n", encoding="utf-8")
    made = new(template, tmp_path, "", "", "", "")
    assert made.returncode == 1
    assert "No room." in made.stdout
    assert "Once more, please" not in made.stdout
    assert "Traceback" not in made.stdout
