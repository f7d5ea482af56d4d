"""A team makes tables: `makemigration`, `migrate` and what Alembic offers besides, in a copy of the project."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from core.accounts import Accounts
from core.clock import SystemClock
from core.storage.database import open_database
from tests.engine.copied_project import Project
from tests.engine.test_migrations import assert_audit_only_grows
from tests.lab.upcoming import add_engine_revision, engine_revisions

TABLES = '''\
"""Tables of suppliers."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core import db


class SupplierRow(db.Base):
    __tablename__ = "suppliers"

    name: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.user_id", ondelete="CASCADE"), index=True)
    since: Mapped[datetime]
'''
COLUMN = "    city: Mapped[str | None]\n"
TOGETHER = """
import shlex, sys
import click
from core.commands.manage import manage

for command in sys.argv[1:]:
    print("$", command, flush=True)
    try:
        manage(shlex.split(command), standalone_mode=False)
    except (click.ClickException, SystemExit) as error:
        print("Error:", error)
"""
WITHOUT_RUFF = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "ruff" else find(name, *more)
"""
WELL = ("doctor", "makemigration nothing")


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose folder has a name that a configuration could take for something else, compiled by a first run."""
    root = tmp_path_factory.mktemp("team") / "50% %(of)s a"
    project = Project.copy(root)
    project.python("manage.py", "startapp", "suppliers")
    project.python("manage.py", "migrate")
    (root / "sessions.db").unlink()
    return root


@pytest.fixture
def project(team: Path, tmp_path: Path, database_url: str) -> Project:
    root = tmp_path / team.name
    shutil.copytree(team, root)
    return Project(root, root, env={"DATABASE_URL": database_url})


def declare(project: Project, tables: str = TABLES) -> None:
    folder = project.root / "apps" / "suppliers"
    (folder / "tables.py").write_text(tables)
    page = folder / "pages" / "overview.py"
    page.write_text("import apps.suppliers.tables\n" + page.read_text())


def manage(project: Project, *commands: str, before: str = "") -> list[str]:
    """Run commands of `manage.py` one after the other in one process, and return what each says."""
    done = project.run(shlex.join([sys.executable, "-c", before + TOGETHER, *commands]) + " 2>&1")
    assert done.returncode == 0, done.stdout
    return [part.partition("\n")[2].strip() for part in f"\n{done.stdout}".split("\n$ ")[1:]]


def revisions(project: Project) -> list[Path]:
    """The files of the project's revisions, the oldest first."""
    return sorted((project.root / "migrations").glob("*.py"), key=lambda path: path.stat().st_mtime_ns)


def variable(file: Path, name: str) -> str:
    (found,) = re.findall(rf"^{name} = (.*)$", file.read_text(), re.MULTILINE)
    return found.strip('"')


def assert_all_is_well(*said: str) -> None:
    """By what the commands `WELL` say."""
    doctor, makemigration = said
    assert doctor.endswith("\nAll is well."), doctor
    assert makemigration.startswith("Nothing changed: "), makemigration


def test_a_team_makes_its_tables_and_the_engine_goes_on(project: Project, database_url: str) -> None:
    too_early, _, *well = manage(project, "makemigration nothing", "migrate", *WELL)
    assert "database that is up to date. Run first: " in too_early, "there is no table yet"
    assert_all_is_well(*well)
    assert revisions(project) == []

    declare(project)
    wrote, too_early, migrated, *well = manage(
        project, "makemigration suppliers", "makemigration more", "migrate", *WELL
    )
    (first,) = revisions(project)
    assert wrote.startswith(f"Wrote migrations/{first.name}\n")
    assert "then run: " in wrote
    assert "Run first: " in too_early
    assert migrated == "The database is up to date now."
    assert_all_is_well(*well)
    assert variable(first, "down_revision") == "None"
    assert variable(first, "branch_labels") == '("project",)'
    assert variable(first, "depends_on") == engine_revisions()[0]
    assert set(re.findall(r'(?:create|drop|alter)_table\(\s*"(\w+)"', first.read_text())) == {"suppliers"}
    assert not re.search(r"\b(?:core|apps)\.", first.read_text()), "the code may change"
    assert project.run(f"{sys.executable} -m ruff check migrations").returncode == 0
    assert project.run(f"{sys.executable} -m ruff format --check migrations").returncode == 0

    database = open_database(database_url)
    ada = Accounts(database, SystemClock(), session_timeout=60).users.create("ada", "Ada")
    with database.begin() as connection:
        row = text("INSERT INTO suppliers (name, user_id, since) VALUES ('x', :user, '2026-01-01 00:00:00+00:00')")
        connection.execute(row, {"user": ada.user_id})

    newer = add_engine_revision(project.root)
    behind, _, *well = manage(project, "doctor", "migrate", *WELL)
    assert "the code needs " in behind
    assert_all_is_well(*well)

    (project.root / "apps" / "suppliers" / "tables.py").write_text(TABLES + COLUMN)
    _, _, *well = manage(project, "makemigration city", "migrate", *WELL)
    assert_all_is_well(*well)
    _, second = revisions(project)
    assert variable(second, "down_revision") == variable(first, "revision")
    assert variable(second, "branch_labels") == "None"
    assert variable(second, "depends_on") == newer
    with database.connect() as connection:
        assert connection.execute(text("SELECT name, user_id, city FROM suppliers")).all() == [("x", ada.user_id, None)]
    assert_audit_only_grows(database)

    shutil.rmtree(project.root / "apps" / "shop")
    _, *well = manage(project, "migrate", *WELL)
    assert_all_is_well(*well)
    assert "goods" in inspect(database).get_table_names()

    went_back, migrated, *well = manage(project, "alembic downgrade base", "migrate", *WELL)
    assert migrated.startswith("The database is up to date now."), went_back
    assert_all_is_well(*well)
    assert_audit_only_grows(database)
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM suppliers")).scalar() == 0, "made from nothing"
    database.dispose()


@pytest.fixture
def ready(team: Path, tmp_path: Path) -> Project:
    """A project with a table of the team's that has no revision, and an SQLite database."""
    root = tmp_path / team.name
    shutil.copytree(team, root)
    project = Project(root, root)
    declare(project)
    return project


def test_what_is_broken_or_has_revisions_of_its_own_is_left_out(ready: Project) -> None:
    manage(ready, "migrate", "makemigration suppliers", "migrate")
    goods = ready.root / "apps" / "shop" / "goods.py"
    goods.write_text(goods.read_text().replace("    name: Mapped", "    added: Mapped[str]\n    name: Mapped"))
    (ready.root / "apps" / "suppliers" / "tables.py").write_text("import nowhere\n")
    (said,) = manage(ready, "makemigration nothing")
    assert re.match(r"apps/suppliers/tables.py is broken \(.*nowhere.*\)\. Tables it declares are left out\.", said)
    assert "\nNothing changed: " in said


def test_without_ruff_a_revision_is_written_all_the_same(ready: Project) -> None:
    _, wrote, *well = manage(ready, "migrate", "makemigration suppliers", before=WITHOUT_RUFF)
    assert wrote.startswith("Wrote migrations/")
    _, *well = manage(ready, "migrate", *WELL)
    assert_all_is_well(*well)


def test_an_empty_revision_is_filled_in_by_hand(ready: Project) -> None:
    *_, wrote = manage(ready, "migrate", "makemigration suppliers", "migrate", 'makemigration --empty "drop the goods"')
    assert "\nFill it in, then run: " in wrote
    file = revisions(ready)[-1]
    assert file.name.endswith("_drop_the_goods.py")
    file.write_text(file.read_text().replace("pass", "from alembic import op; op.drop_table('goods')", 1))
    shutil.rmtree(ready.root / "apps" / "shop")
    _, *well = manage(ready, "migrate", *WELL)
    assert_all_is_well(*well)


def test_first_revisions_that_two_made_at_the_same_time_are_merged(ready: Project) -> None:
    """On a database that has one of them."""
    manage(ready, "migrate", "makemigration ours")
    (ours,) = revisions(ready)
    ours.rename(ready.root / "ours.py")
    manage(ready, "makemigration theirs", "migrate")
    (theirs,) = revisions(ready)
    (ready.root / "ours.py").rename(ours)
    ours.write_text(re.sub(r"\bsuppliers\b", "others", ours.read_text()).replace("_suppliers", "_others"))
    (refused,) = manage(ready, "migrate")
    assert "Branch name 'project' in revision" in refused
    theirs.write_text(theirs.read_text().replace('("project",)', "None"))
    (refused,) = manage(ready, "migrate")
    assert f" follows {' nor '.join(sorted(variable(file, 'revision') for file in (ours, theirs)))}," in refused
    assert ready.run(refused.partition("Run: ")[2]).returncode == 0
    merged = revisions(ready)[-1]
    assert ready.run(f"{sys.executable} -m ruff check migrations").returncode == 0
    migrated, *well, _ = manage(ready, "migrate", *WELL, "makemigration --empty next")
    assert migrated == "The database is up to date now."
    assert_all_is_well(*well)
    assert variable(revisions(ready)[-1], "down_revision") == variable(merged, "revision")


def test_alembics_own_commands_work(ready: Project) -> None:
    manage(ready, "migrate", "makemigration suppliers")
    _, heads, history, current, help_, _, behind, _, *well, mistyped = manage(
        ready,
        "migrate",
        "alembic heads",
        "alembic history",
        "alembic current",
        "alembic --help",
        "alembic downgrade project@base",
        "doctor",
        "alembic upgrade heads",
        *WELL,
        "alembic downgrade nowhere",
    )
    assert {engine_revisions()[0], "shop_0001"} < set(heads.split())
    assert "(project) (head), suppliers." in history
    assert engine_revisions()[0] in current
    assert "usage: manage.py alembic" in help_
    assert "the code needs" in behind
    assert_all_is_well(*well)
    assert mistyped.startswith("FAILED: Can't locate revision identified by 'nowhere'")
