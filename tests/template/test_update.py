"""A project of an older version is updated, and keeps what its team wrote and what its people typed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.support.bake import PROJECT_FOLDER, QUESTIONS
from tests.template.test_hooks import GOOD, post_gen

REMOTE = "git@git.example.com:keep/template.git"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    result = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
    return result.stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that looks like a template."""
    folder = tmp_path / "template"
    folder.mkdir()
    (folder / "cookiecutter.json").write_text("{}", encoding="utf-8")
    git(folder, "init", "--quiet")
    commit(folder, "A template")
    return folder


@pytest.mark.parametrize(
    ("remote", "noted"),
    [
        (REMOTE, REMOTE),
        ("https://ada:token@git.example.com/template.git", "https://git.example.com/template.git"),
        ("ssh://git@git.example.com/template.git", "ssh://git@git.example.com/template.git"),
    ],
)
def test_the_note_names_where_the_template_is_and_its_commit(repository: Path, remote: str, noted: str) -> None:
    git(repository, "remote", "add", "origin", remote)
    assert post_gen.origin(repository) == (noted, git(repository, "rev-parse", "HEAD"), "")


@pytest.mark.parametrize("remote", ["", "/srv/template", "../template", "file:///srv/template"])
def test_a_folder_is_no_address(repository: Path, remote: str) -> None:
    if remote:
        git(repository, "remote", "add", "origin", remote)
    head = git(repository, "rev-parse", "HEAD")
    assert post_gen.origin(repository) == (None, head, "the template had no address, only a folder")


def test_what_was_not_committed_has_no_commit(repository: Path) -> None:
    git(repository, "remote", "add", "origin", REMOTE)
    (repository / "hooks").mkdir()
    (repository / "hooks" / "ours.py").touch()
    assert post_gen.origin(repository) == (REMOTE, None, "the template had changes that were not committed")


def test_a_repository_around_the_template_says_nothing_of_it(repository: Path) -> None:
    inner = repository / "inner"
    inner.mkdir()
    (inner / "cookiecutter.json").write_text("{}", encoding="utf-8")
    assert post_gen.origin(inner) == (None, None, "the template is in no git repository of its own")
    assert post_gen.origin(repository.parent) == (None, None, "the template is in no git repository of its own")


def test_an_archive_says_which_commit_it_is_of(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_gen, "ARCHIVED", "0123456789abcdef")
    place, known, why = post_gen.origin(repository.parent)
    assert (place, known) == (None, "0123456789abcdef")
    assert why == "the template was an archive, which doesn't say where it is from"


def test_without_git_the_note_says_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    place, known, why = post_gen.origin(repository)
    assert (place, known) == (None, None)
    assert "'git'" in why


def test_a_project_notes_its_version_and_its_answers(bake: Bake) -> None:
    project = bake(**GOOD)
    note = json.loads((project.path / ".cruft.json").read_text(encoding="utf-8"))
    assert note["version"] == (PROJECT_FOLDER / "core" / "VERSION").read_text(encoding="utf-8").strip()
    assert note["context"]["cookiecutter"] == GOOD
    assert set(GOOD) == set(QUESTIONS)
    assert note["unknown"] == "the template is in no git repository of its own"
