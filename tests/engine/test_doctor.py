"""Doctor names each state an installation can be in, changes nothing, and the remedy it names works."""

from __future__ import annotations

import re
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.engine.copied_project import Project
from tests.lab.upcoming import engine_revisions

NEWEST, NEXT = engine_revisions()

WRITE = """
from core.services import close_services, get_services
get_services().engine.open("s", "ada").set_field("f", "a", "text that was saved")
close_services()
"""
WAITING = """
from core.services import close_services, get_services
session = get_services().engine.read_paths("s", ["form/f/field/b"], here_only=True)
session.set_field("f", "b", "text that waits, or is under another key")
close_services()
"""
READ = """
from core.services import close_services, get_services
print(get_services().engine.open("s").form("f").values)
close_services()
"""


@pytest.fixture(scope="session")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which all is well."""
    root = tmp_path_factory.mktemp("well") / "project"
    project = Project.copy(root)
    project.python("manage.py", "migrate")
    project.python("-c", WRITE)
    assert project.python("manage.py", "doctor").endswith("\nAll is well.\n")
    return root


@pytest.fixture
def project(well: Path, tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "project"
    shutil.copytree(well, root)
    project = Project(root, root)
    yield project
    for step in project.after:
        step()


def fill_disk(project: Project) -> None:
    """Move the data to a disk of their own, and leave no byte free on it."""
    project.data = project.root.parent / "disk"
    project.data.mkdir()
    mounting = f"mount -t tmpfs -o size=120m tmpfs '{project.data}'"
    if project.run(mounting).returncode and project.run(f"sudo -n {mounting}").returncode:
        pytest.skip("no disk can be mounted here")
    project.after.append(lambda: project.run(f"umount '{project.data}' || sudo -n umount '{project.data}'"))
    for name in ("journal.db", "sessions.db"):
        shutil.move(project.root / name, project.data / name)
    project.set(JOURNAL_PATH=f"{project.data}/journal.db", DATABASE_URL=f"sqlite:///{project.data}/sessions.db")
    project.run(f"cat /dev/zero > '{project.data}/filler'")
    assert shutil.disk_usage(project.data).free == 0


def make_room(project: Project) -> None:
    (project.data / "filler").unlink()


def damage_journal(project: Project) -> None:
    """An edit waits in it, and then the disk destroys a page."""
    project.env["DATABASE_URL"] = "sqlite:////nowhere/sessions.db"
    project.python("-c", WAITING)
    del project.env["DATABASE_URL"]
    journal = project.root / "journal.db"
    data = bytearray(journal.read_bytes())
    data[4096 + 64 : 8192] = b"\xff" * (4096 - 64)
    journal.write_bytes(data)


def damage_database(project: Project) -> None:
    shutil.copy(project.root / "sessions.db", project.root / "sessions-backup.db")
    (project.root / "sessions.db").write_bytes(b"no database at all" * 500)


def damage_page(project: Project) -> None:
    shutil.copy(project.root / "sessions.db", project.root / "sessions-backup.db")
    database = project.root / "sessions.db"
    data = bytearray(database.read_bytes())
    data[4096:12288] = b"\xff" * 8192
    database.write_bytes(data)


def write_in_latin(project: Project) -> None:
    with (project.root / ".env").open("ab") as file:
        file.write("TITLE=Aufträge\n".encode("latin-1"))


def save_as_utf8(project: Project) -> None:
    env = project.root / ".env"
    env.write_text(env.read_text(encoding="latin-1"), encoding="utf-8")


NEWER = """
revision = "{name}"
down_revision = {after!r}
branch_labels = depends_on = None
def upgrade(): {does}
def downgrade(): pass
"""
FOLDERS = {"core": "core/migrations/versions"}
"""Where revisions are, by the first part of their ids; others are the project's."""


def revision(project: Project, name: str, after: str | None, does: str = "pass") -> Path:
    path = project.root / FOLDERS.get(name.partition("_")[0], "migrations") / f"{name}_newer.py"
    path.write_text(NEWER.format(name=name, after=after, does=does))
    return path


def migrate_by_newer_code(name: str, after: str | None) -> Callable[[Project], None]:
    def migrate(project: Project) -> None:
        path = revision(project, name, after, "from alembic import op; op.execute('CREATE TABLE newer (id INTEGER)')")
        project.python("manage.py", "migrate")
        path.rename(project.root.parent / path.name)

    return migrate


def update_code(project: Project) -> None:
    for path in project.root.parent.glob("*_newer.py"):
        path.rename(project.root / FOLDERS.get(path.name.partition("_")[0], "migrations") / path.name)


def add_two_heads(project: Project) -> None:
    for name, after in (("9997", None), ("9998", "9997"), ("9999", "9997")):
        revision(project, name, after)


def version_row(project: Project, statement: str) -> None:
    with closing(sqlite3.connect(project.root / "sessions.db")) as connection:
        connection.execute(statement)
        connection.commit()


def replace_keys(project: Project) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    project.env["SESSION_ENCRYPTION_KEYS"] = old
    project.python("-c", WAITING)
    project.env["SESSION_ENCRYPTION_KEYS"] = new
    project.env["OLD"] = old


def add_missing_key(project: Project) -> None:
    project.env["SESSION_ENCRYPTION_KEYS"] += f",{project.env['OLD']}"


STATES: dict[str, tuple[Callable[[Project], object], str, Callable[[Project], object] | None]] = {
    "full disk": (fill_disk, r"disk: 0 MB are free", make_room),
    "damaged journal": (damage_journal, r"journal: \S+ is damaged; \d+ edits can be read", None),
    "damaged database": (damage_database, r"database: The database is damaged \(file is not a database", None),
    "damaged page": (damage_page, r"database: The database is damaged", None),
    ".env in Latin 1": (write_in_latin, r"settings: .env can't be read \('utf-8' codec", save_as_utf8),
    "newer project": (
        migrate_by_newer_code("9999", None),
        r"schema: The database is at revision 9999, which this code doesn't have",
        update_code,
    ),
    "newer engine": (
        migrate_by_newer_code(NEXT, NEWEST),
        rf"schema: The database is at revision {NEXT}, which this code doesn't have",
        update_code,
    ),
    "no version row": (
        lambda project: version_row(project, "DELETE FROM alembic_version"),
        r"schema: The database has the engine's tables, but no revision of the engine is recorded",
        None,
    ),
    "behind": (
        lambda project: revision(project, "9999", None),
        rf"schema: at revision {NEWEST}, shop_0001, the code needs 9999, {NEWEST}, shop_0001",
        None,
    ),
    "no database": (lambda project: (project.root / "sessions.db").unlink(), r"schema: there is no database yet", None),
    "two heads": (add_two_heads, r"schema: Nothing in migrations/ follows 9998 nor 9999", None),
    "replaced secret": (
        lambda project: project.set(SECRET_KEY=secrets.token_hex(32)),
        r"secret key: SECRET_KEY is another one than this database knows",
        None,
    ),
    "replaced keys": (replace_keys, r"encryption: a value can't be read", add_missing_key),
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_named_nothing_changes_and_the_remedy_works(project: Project, state: str) -> None:
    make, says, mend = STATES[state]
    make(project)
    before = project.files()
    doctor = f"{sys.executable} manage.py doctor"
    answer = project.run(doctor)
    assert (answer.returncode, "Traceback" in answer.stderr) == (1, False), answer.stderr
    assert re.search(f"FIX  {says}", answer.stdout), answer.stdout
    assert project.files() == before
    for _ in range(3):  # a remedy may be followed by another one, and each names it
        fix = re.search(r"     -> (.*)", answer.stdout)
        if fix is None:
            break
        if mend is not None:
            mend(project)
            mend = None
        else:
            command = re.search(r"[Rr]un: (.+)", fix[1])
            assert command, fix[1]
            done = project.run(command[1])
            assert (done.returncode, "Traceback" in done.stderr) == (0, False), f"{command[1]}\n{done.stderr}"
        answer = project.run(doctor)
    assert answer.stdout.endswith("\nAll is well.\n"), answer.stdout
    if state != "no database":
        assert "text that was saved" in project.python("-c", READ)


@pytest.mark.parametrize("state", ["newer project", "newer engine", "no version row", "two heads"])
def test_migrate_says_the_same_as_doctor(project: Project, state: str) -> None:
    make, says, _ = STATES[state]
    make(project)
    answer = project.run(f"{sys.executable} manage.py migrate")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert re.search(says.partition(": ")[2], answer.stderr), answer.stderr


def test_an_app_that_was_removed_is_no_trouble_before_and_after_its_row_is_forgotten(project: Project) -> None:
    shutil.rmtree(project.root / "apps" / "shop")
    assert project.python("manage.py", "doctor").endswith("\nAll is well.\n")
    assert project.python("manage.py", "migrate") == "The database was up to date.\n"
    assert f"schema: at revision {NEWEST}\n" in project.python("manage.py", "doctor")
