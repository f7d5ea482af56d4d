"""A project of each released version is updated with its team's work in it, and a browser reads back what was entered.

The versions are commits of the template's own history, of which `tests/template/released.txt` holds one for each.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from playwright.sync_api import expect

from core.scripts.manifest import read_note
from core.scripts.update import main as update
from tests.browser.conftest import NewTab
from tests.browser.visitor import PASSWORD
from tests.support.bake import PROJECT_FOLDER, TEMPLATE, BakedProject, bake, fresh_template
from tests.support.documents import commands
from tests.support.history import RELEASED, commit, git, need_history
from tests.support.server import Server

ANSWERS = {"project_name": "Order {{ desk }}", "project": "desk", "author": "Größe", "apps": "orders"}
PAGE = """import streamlit as st
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import db, ui
from core.permissions import requires
from core.router import page


class Supplier(BaseModel):
    name: str
    city: str = ""


class SupplierRow(db.Base):
    __tablename__ = "suppliers"

    name: Mapped[str] = mapped_column(primary_key=True)
    city: Mapped[str]


def store(session: Session, supplier: Supplier) -> None:
    session.add(SupplierRow(**supplier.model_dump()))


@page(title="Suppliers", order=1)
@requires("orders.use")
def overview() -> None:
    st.title("Suppliers")
    with ui.form("supplier", model=Supplier, on_save=store):
        ui.text_input("Name", field="name")
        ui.text_input("City", field="city")
    ui.undo_bar("supplier")
    for file in ui.file_uploader("Plans", accept_multiple_files=True, form="plans", field="plans"):
        st.caption(f"{file.name}: {file.getvalue().decode()}")
"""
LIFE = """
import io, os, signal, sys
from core.accounts.users import usable_session
from core.commands.manage import manage
from core.files import FileRef
from core.services import get_services
from apps.orders.pages.overview import SupplierRow
from sqlalchemy.orm import Session

password, note = sys.argv[1:]
for command in (["migrate"], ["makemigration", "suppliers"], ["migrate"]):
    manage(command, standalone_mode=False)
services = get_services()
services.accounts.roles.save("desk", ["orders.use"])
ada = services.accounts.users.create("ada", "Ada", password=password, roles=["desk"], must_change_password=False)
with services.database.begin() as connection:
    session_id = usable_session(connection, ada.user_id)
with Session(services.database) as session:
    session.add(SupplierRow(name="Größe & Co", city="Köln"))
    session.commit()
session = services.engine.open(session_id, ada.user_id)
digest, size = services.files.keep(io.BytesIO(b"the first plan"))
session.set_field("plans", "plans", [FileRef(digest=digest, name="plan.txt", type="text/plain", size=size)])
session.set_field("supplier", "city", "Paris")
services.engine.flush()
session.set_field("supplier", "city", "Lyon")
session.set_field("supplier", "name", "Ada & Co")
open(note, "w").write(session_id)
os.kill(os.getpid(), signal.SIGKILL)
"""
LOCKED = """tomlkit==0.13.2 \\
    --hash=sha256:7a974427f6e119197f670fbbbeae7bef749a6c14e793db934baefc1b5f03efde \\
    --hash=sha256:fff5fe59a87295b278abd31bec92c15d9bc4a06885ab12bcea52c71119392e79
"""
ADDRESS = "https://git.example.com/keep/template.git"
ENGINE_CHANGE = "\n\nOURS = 'a change of the engine'\n"
EDITED = {"README.md", ".streamlit/config.toml", "core/rate.py", "apps/orders/pages/overview.py"}
LOCKS = {"pyproject.toml", "requirements.lock", "deploy/requirements.lock"}

pytestmark = pytest.mark.xdist_group("update")  # one worker makes each project once


@dataclass
class Aged:
    """A project of a released version, updated: its files and rows before, its folder of data, the template it got."""

    released: str
    project: BakedProject
    data: Path
    template: Path
    new: str
    before: dict[str, bytes]
    rows: dict[str, list[tuple[object, ...]]]
    waiting: list[tuple[object, ...]]
    env: tuple[bytes, int]
    stored: dict[str, bytes]
    output: str


def history(folder: Path) -> tuple[Path, str]:
    """Return a clone of this template, its newest commit being the files as they are here."""
    need_history()
    clone = folder / "template"
    git(folder, "clone", "--quiet", str(TEMPLATE), str(clone))
    git(clone, "remote", "set-url", "origin", ADDRESS)
    fresh = fresh_template()
    for name in ("hooks", "{{cookiecutter.project}}"):
        shutil.rmtree(clone / name)
        shutil.copytree(fresh / name, clone / name)
    for name in ("cookiecutter.json", "CHANGELOG.md", ".gitattributes"):
        shutil.copyfile(TEMPLATE / name, clone / name)
    if git(clone, "status", "--porcelain"):
        commit(clone, "As it is here")
    return clone, git(clone, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return history(tmp_path_factory.mktemp("history"))


def made(template: Path, released: str, way: str, folder: Path) -> Path:
    """Make a project of a released version: from the repository, from an archive of it, or from recorded answers."""
    config = folder / "settings.yaml"
    config.write_text(json.dumps({"replay_dir": str(folder), "cookiecutters_dir": str(folder)}), encoding="utf-8")
    git(template, "checkout", "--quiet", "--detach", released)
    escaped = {name: value.replace("{", "{{ '{' }}") for name, value in ANSWERS.items()} | {
        "project_name": "Order {{ '{{ desk }}' }}"
    }
    source = str(template)
    if way == "archive":
        source = str(folder / "template.zip")
        git(template, "archive", "--format=zip", "--prefix=template/", f"--output={source}", released)
        assert zipfile.is_zipfile(source)
    given = {"output_dir": str(folder), "config_file": str(config)}
    project = Path(cookiecutter(source, no_input=True, extra_context=escaped, **given))
    if way == "replay":
        shutil.rmtree(project)
        project = Path(cookiecutter(source, replay=True, **given))
    return project


def team_works(root: Path, *, dependency: bool) -> None:
    """What a team does to a project within a month."""
    shutil.rmtree(root / "apps" / "intake")
    shutil.rmtree(root / "apps" / "insights")
    (root / "apps/orders/pages/overview.py").write_text(PAGE, encoding="utf-8")
    readme = root / "README.md"
    readme.write_text(readme.read_text("utf-8").replace("## Every day", "## Every day, as we do it"), encoding="utf-8")
    for name, more in {".streamlit/config.toml": "\n# ours\n", "core/rate.py": ENGINE_CHANGE}.items():
        with (root / name).open("a", encoding="utf-8") as file:
            file.write(more)
    if dependency:
        configuration = root / "pyproject.toml"
        text = configuration.read_text("utf-8")
        configuration.write_text(
            text.replace('    "uvicorn>=0.30",', '    "tomlkit<0.14",\n    "uvicorn>=0.30",'), "utf-8"
        )
        for name in ("requirements.lock", "deploy/requirements.lock"):
            with (root / name).open("a", encoding="utf-8") as file:
                file.write(LOCKED)


def rows(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table, in order."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}


def stored(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", params=RELEASED, ids=lambda line: line[1])
def aged(
    request: pytest.FixtureRequest,
    template: tuple[Path, str],
    baked_default: BakedProject,
    tmp_path_factory: pytest.TempPathFactory,
) -> Aged:
    """A project of a released version with a month of work and data in it, updated, its engine changed once more."""
    (released, way), (source, new) = request.param, template
    folder = tmp_path_factory.mktemp(way)
    root, data = made(source, released, way, folder), folder / "data"
    git(source, "checkout", "--quiet", "--detach", new)
    data.mkdir()
    project = BakedProject(path=root, answers=ANSWERS, output="")
    (root / ".venv").symlink_to(baked_default.path / ".venv")
    project.write_env()
    team_works(root, dependency=way == "clone")
    server = Server(project=project, data=data)
    settings = server.settings | {"FILES_URL": str(data / "files")}
    lived = project.run(".venv/bin/python", "-c", LIFE, PASSWORD, str(folder / "session"), **settings)
    assert (folder / "session").exists(), lived.stdout
    git(root, "init", "--quiet")
    (root / ".git/info/exclude").write_text(".venv\n", encoding="utf-8")  # the link to it; a folder is ignored
    for name, value in {"user.name": "Ada", "user.email": "ada@example.com"}.items():
        git(root, "config", name, value)
    commit(root, "Our project")
    before, env = project.files(), root / ".env"
    found, waiting = rows(data / "sessions.db"), rows(data / "journal.db")["entry"]
    aged = Aged(
        released=released, project=project, data=data, template=source, new=new, before=before,
        rows=found, waiting=waiting, env=(env.read_bytes(), env.stat().st_mode), stored=stored(data), output="",
    )  # fmt: skip
    known = read_note(root).get("commit")
    assert known == (None if way == "clone" else released)
    if way == "replay":
        aged.output = follow_the_page(project, source)
        return aged
    options = [
        "--project",
        str(root),
        "--template",
        str(source),
        "--no-tests",
        *(() if known else ("--from", released)),
    ]
    said = subprocess.run(
        [sys.executable, "-m", "core.scripts.update", *options],
        cwd=TEMPLATE / "{{cookiecutter.project}}", capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    aged.output = said.stdout + said.stderr
    assert said.returncode == 1, aged.output
    git(root, "apply", "--3way", ".git/keep-update/engine.patch")
    assert update(["--project", str(root), "--continue"]) == 0
    return aged


def follow_the_page(project: BakedProject, template: Path) -> str:
    """Run each command of `docs/update.md`, the update once to take it back; migrating comes later."""
    python, printed = ".venv/bin/python manage.py", ""
    steps = [
        (f"{python} --version", 0, "core/rate.py was changed"),
        (f"{python} update --check", 0, "From 0.2.0 ("),
        ("make update", 2, "kept beside:"),
        (f"{python} update --abort", 0, "The project is as it was."),
        ("make update", 2, "kept beside:"),
        ("git apply --3way .git/keep-update/engine.patch", 0, ""),
        (f"{python} update --continue", 0, "in one commit"),
    ]
    assert {step for step, *_ in steps} | {f"{python} migrate"} == set(commands(PROJECT_FOLDER / "docs" / "update.md"))
    address = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{template}.insteadOf", "GIT_CONFIG_VALUE_0": ADDRESS}
    for step, code, says in steps:
        # Nothing is installed, because the tools are other tests', too.
        result = project.run("sh", "-c", step.replace("make update", "make update READY= NO_TESTS=1"), **address)
        assert result.returncode == code, result.stdout
        assert says in result.stdout
        printed += result.stdout
    return printed


def test_only_the_changed_engine_file_needs_a_decision(aged: Aged) -> None:
    root = aged.project.path
    assert "kept beside:\n  core/rate.py.orig\n" in aged.output
    assert "In conflict" not in aged.output
    assert (root / "core/rate.py.orig").read_bytes() == aged.before["core/rate.py"]
    assert git(root, "status", "--porcelain") == ""
    assert not list(root.rglob("*.rej"))


def test_every_edit_of_the_team_is_there_and_the_rest_is_as_if_made_today(aged: Aged, tmp_path: Path) -> None:
    root = aged.project.path
    now = {name: (root / name).read_bytes() for name in git(root, "ls-files", "-z").split("\0") if name}
    fresh = bake(tmp_path, **ANSWERS).files()
    assert now["apps/orders/pages/overview.py"] == PAGE.encode()
    assert "## Every day, as we do it" in now["README.md"].decode()
    assert now[".streamlit/config.toml"].endswith(b"\n# ours\n")
    assert now["core/rate.py"] == fresh["core/rate.py"] + ENGINE_CHANGE.encode()
    revisions = {name for name in now if name.startswith("migrations/") and name.endswith(".py")}
    assert len(revisions) == 1
    assert {name: now[name] for name in revisions} == {name: aged.before[name] for name in revisions}
    of_examples = {name for name in fresh if name.startswith(("apps/intake/", "apps/insights/"))}
    assert not of_examples & set(now)
    own = EDITED | revisions | {".cruft.json"}
    if b"tomlkit" in aged.before["pyproject.toml"]:
        own |= LOCKS
        for name in ("requirements.lock", "deploy/requirements.lock"):
            assert set(now[name].decode().splitlines()) == set(fresh[name].decode().splitlines()) | set(
                LOCKED.splitlines()
            )
        assert b'"tomlkit<0.14"' in now["pyproject.toml"]
    assert {name: content for name, content in now.items() if name not in own} == {
        name: content for name, content in fresh.items() if name not in own | of_examples
    }
    note = read_note(root)
    assert (note["commit"], note["context"]["cookiecutter"]["project_name"]) == (aged.new, "Order {{ desk }}")


def test_settings_and_data_are_as_they_were(aged: Aged) -> None:
    env = aged.project.path / ".env"
    assert (env.read_bytes(), env.stat().st_mode) == aged.env
    assert stored(aged.data) == aged.stored


def test_the_older_engine_refuses_what_a_newer_one_migrated(aged: Aged, tmp_path: Path) -> None:
    older = tmp_path / "older"
    git(aged.project.path, "worktree", "add", "--quiet", "--detach", str(older), "HEAD~1")
    shutil.copy2(aged.project.path / ".env", older / ".env")
    (older / ".venv").symlink_to(aged.project.path / ".venv")
    shutil.copyfile(aged.data / "sessions.db", tmp_path / "sessions.db")
    with sqlite3.connect(tmp_path / "sessions.db") as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('core_9999')")
    connection.close()
    before = rows(tmp_path / "sessions.db")
    server = Server(project=BakedProject(path=older, answers={}, output=""), data=tmp_path)
    refused = server.project.run(".venv/bin/python", "manage.py", "migrate", **server.settings)
    assert refused.returncode == 1
    assert "core_9999, which this code doesn't have: it is newer than the code." in refused.stdout
    assert len(refused.stdout.splitlines()) == 1
    assert rows(tmp_path / "sessions.db") == before


def assert_nothing_changed(aged: Aged) -> None:
    """Every value is as it was, or as the journal had it, which the newer engine has written out."""
    now = rows(aged.data / "sessions.db")
    for name in aged.rows.keys() - {"alembic_version", "sessions", "entries"}:
        assert now[name] == aged.rows[name], name
    entries = {row[:2]: row for row in (*aged.rows["entries"], *aged.waiting)}
    assert {row[:2]: row[2:4] for row in now["entries"]} == {key: row[2:4] for key, row in entries.items()}
    assert aged.waiting
    assert {row[0] for row in now["sessions"]} == {row[0] for row in aged.rows["sessions"]}


@pytest.fixture
def server(aged: Aged) -> Iterator[Server]:
    """The updated project, with its data."""
    server = Server(project=aged.project, data=aged.data, environment={"FILES_URL": str(aged.data / "files")})
    server.manage("migrate")
    assert_nothing_changed(aged)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_a_browser_reads_back_every_edit_and_the_journal_is_written_out(
    aged: Aged, visit: NewTab, server: Server
) -> None:
    visitor = visit().open("orders").sign_in("ada").arrived("Suppliers")
    expect(visitor.text("Name")).to_have_value("Ada & Co")
    expect(visitor.text("City")).to_have_value("Lyon")
    expect(visitor.page.get_by_text("plan.txt: the first plan")).to_be_visible()
    for name, city in (("", "Lyon"), ("", "Paris")):
        visitor.page.locator(".st-key-keep-undo-supplier button").first.click()
        expect(visitor.text("Name")).to_have_value(name)
        expect(visitor.text("City")).to_have_value(city)
        visitor.settled()
    server.stop()
    with sqlite3.connect(f"file:{aged.data / 'journal.db'}?mode=ro", uri=True) as journal:
        assert journal.execute("SELECT count(*) FROM entry").fetchone() == (0,)
