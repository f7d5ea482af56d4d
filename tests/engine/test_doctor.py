"""Doctor names each state an installation can be in, changes nothing, and the remedy it names works."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from core.settings import PROJECT_ROOT, Settings

PASSWORD = "a phrase of some length"
LEFT_OUT = shutil.ignore_patterns(
    ".*_cache", ".venv", ".git", ".env", "__pycache__", "*.db*", "build", "docs", "files", "tests"
)
WRITE = """
from core.services import close_services, get_services
get_services().engine.open("s", "ada").set_field("f", "a", "text that was saved")
close_services()
"""
WAITING = """
from core.services import close_services, get_services
get_services().engine.record("s", {"form/f/field/b": "text that waits, or is under another key"})
close_services()
"""
READ = """
from core.services import close_services, get_services
print(get_services().engine.open("s").form("f").values)
close_services()
"""


@dataclass
class Project:
    """A copy of the project with data of its own. `data` is where those are, `env` what differs in its environment."""

    root: Path
    data: Path
    env: dict[str, str] = field(default_factory=dict)
    after: list[Callable[[], object]] = field(default_factory=list)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        known = {name.upper() for name in Settings.model_fields}
        outside = {name: value for name, value in os.environ.items() if name not in known}
        environment = {**outside, "TMPDIR": str(self.root.parent), **self.env}
        return subprocess.run(
            command, shell=True, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def python(self, *arguments: str) -> str:
        done = self.run(" ".join(map(_quoted, [sys.executable, *arguments])))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def set(self, **settings: str) -> None:
        with (self.root / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Everything there is on the disk."""
        folders = {self.root, self.data}
        found = [path for folder in folders for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
        return {str(path): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"") for path in found}


def _quoted(text: str) -> str:
    return f"'{text}'"


@pytest.fixture(scope="session")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which all is well."""
    root = tmp_path_factory.mktemp("well") / "project"
    shutil.copytree(PROJECT_ROOT, root, ignore=LEFT_OUT)
    project = Project(root, root)
    (root / ".env").touch(0o600)
    project.set(SECRET_KEY=secrets.token_hex(32), ADMIN_INITIAL_PASSWORD=f"'{PASSWORD}'")
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


NEWER = """
revision = "9999"
down_revision = "{head}"
branch_labels = depends_on = None
def upgrade(): {does}
def downgrade(): pass
"""


def head(project: Project) -> str:
    """The newest revision."""
    answer = project.python("-m", "alembic", "heads")
    return answer.split()[0]


def revision(project: Project, name: str, does: str, after: str) -> Path:
    path = project.root / "migrations" / "versions" / f"{name}_newer.py"
    path.write_text(NEWER.replace("9999", name).format(head=after, does=does))
    return path


def migrate_by_newer_code(project: Project) -> None:
    path = revision(
        project, "9999", "from alembic import op; op.execute('CREATE TABLE newer (id INTEGER)')", head(project)
    )
    project.python("manage.py", "migrate")
    path.rename(project.root.parent / path.name)


def update_code(project: Project) -> None:
    name = "9999_newer.py"
    (project.root.parent / name).rename(project.root / "migrations" / "versions" / name)


def add_two_heads(project: Project) -> None:
    last = head(project)
    for name in ("9998", "9999"):
        revision(project, name, "pass", last)


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
    ".env in Latin 1": (write_in_latin, r"settings: .env isn't text in UTF-8 \(line 3\)", None),
    "newer database": (migrate_by_newer_code, r"schema: at revision 9999, which this code doesn't have", update_code),
    "no version row": (
        lambda project: version_row(project, "DELETE FROM alembic_version"),
        r"schema: the version row says base, but the tables are those of revision \d+",
        None,
    ),
    "older version row": (
        lambda project: version_row(project, "UPDATE alembic_version SET version_num = '0001'"),
        r"schema: the version row says 0001, but the tables are those of revision \d+",
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


@pytest.mark.parametrize("state", ["newer database", "older version row", "two heads"])
def test_migrate_says_the_same_as_doctor(project: Project, state: str) -> None:
    make, says, _ = STATES[state]
    make(project)
    answer = project.run(f"{sys.executable} manage.py migrate")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert re.search(says.partition(": ")[2], answer.stderr), answer.stderr
