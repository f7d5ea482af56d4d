"""A project of an older version is updated, and keeps what its team wrote and what its people typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

from core.scripts.manifest import read_note, write_note
from core.scripts.update import main as update
from tests.conftest import Bake
from tests.support import history
from tests.support.bake import PROJECT_FOLDER, QUESTIONS, TEMPLATE
from tests.support.history import RELEASED, commit, git, need_history
from tests.template.test_hooks import GOOD, post_gen

REMOTE = "git@git.example.com:keep/template.git"


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


MAKEFILE = """check:
\ttest ! -e broken && touch checked

test:
\ttouch tested

lock:
\tcp requirements.lock deploy/requirements.lock
"""
PYPROJECT = """[project]
name = "{{ cookiecutter.project }}"
dependencies = [
    "alembic",
    "streamlit",
]
"""
FIRST = {
    "cookiecutter.json": '{"project": "desk", "title": "", "apps": ""}',
    "CHANGELOG.md": "# Changelog\n\n## 0.1.0\n\n- The first.\n",
    ".gitignore": "__pycache__\n",
    "{{cookiecutter.project}}/.gitignore": ".env\n*.db\n*.orig\nchecked\ntested\n",
    "{{cookiecutter.project}}/README.md": "# {{ cookiecutter.title }}\n\nStart.\n\nHow.\n\nMore.\n\nEnd.\n",
    "{{cookiecutter.project}}/Makefile": MAKEFILE,
    "{{cookiecutter.project}}/manage.py": "",
    "{{cookiecutter.project}}/pyproject.toml": PYPROJECT,
    "{{cookiecutter.project}}/requirements.lock": "alembic==1 \\\n    --hash=a\nstreamlit==1 \\\n    --hash=b\n",
    "{{cookiecutter.project}}/deploy/requirements.lock": "",
    "{{cookiecutter.project}}/core/session.py": "one = 1\n\n\n\ntwo = 2\n",
    "{{cookiecutter.project}}/core/gone.py": "",
    "{{cookiecutter.project}}/core/VERSION": "0.1.0\n",
    "{{cookiecutter.project}}/apps/intake/pages.py": "a = 1\n",
    "{{cookiecutter.project}}/apps/insights/pages.py": "b = 1\n",
}
SECOND = {
    "CHANGELOG.md": "# Changelog\n\n## 0.2.0\n\n- A second.\n\n## 0.1.0\n\n- The first.\n",
    "{{cookiecutter.project}}/README.md": "# {{ cookiecutter.title }}\n\nBegin.\n\nHow.\n\nMore.\n\nEnd.\n",
    "{{cookiecutter.project}}/requirements.lock": "alembic==2 \\\n    --hash=c\nstreamlit==1 \\\n    --hash=b\n",
    "{{cookiecutter.project}}/core/session.py": "one = 1\n\n\n\ntwo = 3\n",
    "{{cookiecutter.project}}/core/new.py": "",
    "{{cookiecutter.project}}/core/VERSION": "0.2.0\n",
    "{{cookiecutter.project}}/apps/intake/pages.py": "a = 2\n",
    "{{cookiecutter.project}}/apps/intake/more.py": "",
    "{{cookiecutter.project}}/apps/insights/pages.py": "b = 2\n",
    "{{cookiecutter.project}}/docs/new.md": "New.\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


class Desk:
    """A small template with two versions, and a project of the first one."""

    def __init__(self, folder: Path, inside: str = "") -> None:
        self.template, self.repository = folder / "template", folder / "team"
        self.template.mkdir()
        git(self.template, "init", "--quiet")
        write(self.template, FIRST)
        self.first = commit(self.template, "First")
        self.repository.mkdir()
        git(self.repository, "init", "--quiet")
        answers = {"project": "desk", "title": "Ours {{ 1 }}", "apps": "orders"}
        note = {"template": str(self.template), "commit": self.first, "context": {"cookiecutter": answers}}
        self.root = self.repository / inside
        self.root.parent.mkdir(exist_ok=True)
        made = cookiecutter(
            str(self.template), no_input=True, extra_context=answers | {"title": "TITLE"}, default_config=True,
            output_dir=str(folder / "made"),
        )  # fmt: skip
        shutil.copytree(made, self.root, dirs_exist_ok=True)
        write(self.root, {"README.md": self.read("README.md").replace("TITLE", answers["title"])})
        write(self.root, {"apps/orders/pages.py": "ours = 1\n", ".env": "SECRET=1\n", "sessions.db": "rows"})
        write_note(self.root, note)
        commit(self.repository, "A project")
        write(self.template, SECOND)
        (self.template / "{{cookiecutter.project}}/core/gone.py").unlink()
        self.second = commit(self.template, "Second")

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def team(self, files: dict[str, str]) -> str:
        write(self.root, files)
        return commit(self.repository, "Ours")

    def update(self, *options: str) -> int:
        return update(["--project", str(self.root), *options])


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git knows who commits."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.com")


@pytest.mark.parametrize("inside", ["", "services/desk"], ids=["alone", "a part of a repository"])
def test_an_update_takes_over_what_changed_and_keeps_what_the_team_wrote(
    tmp_path: Path, inside: str, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(tmp_path, inside)
    shutil.rmtree(desk.root / "apps" / "intake")
    desk.team({"README.md": desk.read("README.md").replace("More.", "Ours."), "apps/orders/pages.py": "ours = 2\n"})
    assert desk.update("--check") == 0
    shown = capfd.readouterr().out
    assert "## 0.2.0\n- A second." in shown
    assert "The first" not in shown
    assert git(desk.repository, "status", "--porcelain") == ""

    assert desk.update() == 0, capfd.readouterr()
    shown = capfd.readouterr().out
    assert "back up (docs/operations.md), then migrate" in shown
    assert git(desk.repository, "status", "--porcelain") == ""
    assert desk.read("README.md") == "# Ours {{ 1 }}\n\nBegin.\n\nHow.\n\nOurs.\n\nEnd.\n"
    assert (desk.read("apps/orders/pages.py"), desk.read("apps/insights/pages.py")) == ("ours = 2\n", "b = 2\n")
    assert not (desk.root / "apps" / "intake").exists()
    assert sorted(path.name for path in (desk.root / "core").iterdir()) == ["VERSION", "new.py", "session.py"]
    assert desk.read("core/session.py") == SECOND["{{cookiecutter.project}}/core/session.py"]
    assert desk.read("requirements.lock") == SECOND["{{cookiecutter.project}}/requirements.lock"]
    assert (desk.read(".env"), desk.read("sessions.db")) == ("SECRET=1\n", "rows")
    note = read_note(desk.root)
    assert (note["commit"], note["version"]) == (desk.second, "0.2.0")
    assert note["context"]["cookiecutter"] == {"project": "desk", "title": "Ours {{ 1 }}", "apps": "orders"}
    assert (desk.root / "checked").exists()
    assert (desk.root / "tested").exists()
    assert git(desk.repository, "log", "-1", "--format=%s").startswith("Update the template from 0.1.0 (")

    assert desk.update() == 0
    assert "is at the template's newest version, 0.2.0" in capfd.readouterr().out
    assert desk.update("--to", desk.first) == 1
    assert "is older than what the project was made from. Nothing was changed." in capfd.readouterr().err


def test_conflicts_are_named_and_settled_or_taken_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path)
    ours = {
        "README.md": desk.read("README.md").replace("Start.", "Our start."),
        "core/session.py": "one = 11\n\n\n\ntwo = 2\n",
    }
    before = desk.team({**ours, "broken": ""})
    for is_last in (False, True):
        assert desk.update() == 1
        shown = capfd.readouterr()
        assert "kept beside:\n  core/session.py.orig" in shown.out
        assert "git apply --3way .git/keep-update/engine.patch" in shown.out
        assert "In conflict:\n  README.md" in shown.out
        assert desk.read("core/session.py.orig") == ours["core/session.py"]
        assert desk.read("core/session.py") == SECOND["{{cookiecutter.project}}/core/session.py"]
        assert desk.update() == 1
        assert "An update is under way" in capfd.readouterr().err
        assert desk.update("--continue") == 1
        assert "README.md is in conflict still" in capfd.readouterr().err
        if not is_last:
            assert desk.update("--abort") == 0
            assert git(desk.root, "status", "--porcelain", "--ignored") == "!! .env\n!! sessions.db"
            assert git(desk.root, "rev-parse", "HEAD") == before
            assert desk.update("--abort") == 1
            assert "No update is under way" in capfd.readouterr().err
    git(desk.root, "apply", "--3way", ".git/keep-update/engine.patch")
    write(desk.root, {"README.md": "Both.\n"})
    assert desk.update("--continue") == 1
    assert "make check failed, so nothing was committed." in capfd.readouterr().err
    assert git(desk.root, "rev-parse", "HEAD") == before
    (desk.root / "broken").unlink()
    assert desk.update("--continue") == 0
    assert desk.read("core/session.py") == "one = 11\n\n\n\ntwo = 3\n"
    assert desk.read("README.md") == "Both.\n"
    assert git(desk.root, "status", "--porcelain") == ""


def test_the_teams_own_dependencies_stay_locked_as_they_were(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    lock = desk.read("requirements.lock") + "tomlkit==0.1 \\\n    --hash=t\n"
    desk.team(
        {
            "pyproject.toml": desk.read("pyproject.toml").replace('"streamlit",', '"streamlit",\n    "tomlkit",'),
            "requirements.lock": lock,
        }
    )
    assert desk.update("--no-tests") == 0
    theirs = SECOND["{{cookiecutter.project}}/requirements.lock"]
    assert desk.read("requirements.lock") == theirs + "tomlkit==0.1 \\\n    --hash=t\n"
    assert desk.read("deploy/requirements.lock") == desk.read("requirements.lock")
    assert not (desk.root / "checked").exists()


def test_what_an_update_can_not_begin_with_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path)

    def refused(*options: str) -> str:
        assert desk.update(*options) == 1
        return capfd.readouterr().err

    write(desk.root, {"apps/orders/new.py": ""})
    assert "not committed:\n?? apps/orders/new.py\nCommit it, or put it away with: git stash" in refused()
    desk.team({})
    assert f"The template has no {'0' * 40}. If it is a shallow clone" in refused("--from", "0" * 40)
    write_note(desk.root, {"template": str(desk.template), "commit": None, "unknown": "a zip"})
    desk.team({})
    assert "which commit the project was made from (a zip). Say so: make update FROM=COMMIT" in refused()
    (desk.root / ".cruft.json").unlink()
    desk.team({})
    assert "where the template is (the project has no .cruft.json). Say so: make update TEMPLATE=" in refused()
    shutil.rmtree(desk.root / ".git")
    assert "The project's files are not committed to git. Run: git init" in refused()


def test_a_released_revision_of_the_engine_is_never_changed() -> None:
    """A database that has taken it won't take it again: what is new goes into a revision of its own."""
    need_history()
    first, _ = RELEASED[0]
    names = git(TEMPLATE, "ls-tree", "-r", "--name-only", first, "{{cookiecutter.project}}/core/migrations/versions")
    assert names
    for name in names.splitlines():
        assert git(TEMPLATE, "show", f"{first}:{name}") == (TEMPLATE / name).read_text(encoding="utf-8").strip(), name


def test_without_the_history_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "RELEASED", [("0" * 40, "clone")])
    with pytest.raises(
        pytest.fail.Exception, match=r"there is no commit 0+. Clone the whole repository; .* --unshallow"
    ):
        need_history()
