"""What the documents tell people to type works, and what they point at is there."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.conftest import Bake, one_at_a_time
from tests.lab.faults import discover
from tests.lab.keyboard.scenarios import SCENARIOS
from tests.support.bake import LEFTOVERS, PROJECT_FOLDER, TEMPLATE, BakedProject, clean_environment
from tests.support.documents import commands, local_links
from tests.support.server import free_port
from tests.template.test_generated_project import MYPY, assert_passes_its_checks, with_tools_of

MYPY_LAB = MYPY.with_name("mypy-lab")
PROOF = TEMPLATE / "docs" / "explanation" / "proof.md"
DOCUMENTS = [
    path
    for path in [*TEMPLATE.glob("*.md"), *TEMPLATE.glob("docs/**/*.md"), *PROJECT_FOLDER.rglob("*.md")]
    if not {".venv", ".hypothesis", "build"} & set(path.parts)
]


@contextlib.contextmanager
def started(command: str, folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on until it is stopped, and everything it started, stopped afterwards."""
    process = subprocess.Popen(
        ["sh", "-c", command],
        cwd=folder,
        env=clean_environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def assert_serves(command: str, folder: Path, seconds: float, **environment: str) -> None:
    """A command of the documents that serves the app does, on the port it is given."""
    port = free_port()
    with started(command, folder, PORT=str(port), **environment) as process:
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if process.poll() is not None:
                pytest.fail(f"{command} ended:\n{process.stdout.read() if process.stdout else ''}")
            with contextlib.suppress(URLError, ConnectionError, TimeoutError):
                for path in ("/keep/health", "/"):
                    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                        assert answer.status == 200
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        pytest.fail(f"{command} did not serve within {seconds:g} s.")


def assert_runs(command: str, folder: Path, answers: str = "", **environment: str) -> str:
    if answers:
        result = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=clean_environment(**environment),
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
    else:
        result = BakedProject(path=folder, answers={}, output="").run("sh", "-c", command, timeout=900, **environment)
    assert result.returncode == 0, f"{command}:\n{result.stdout[-8000:]}"
    return result.stdout


def assert_asks_again(command: str, **environment: str) -> None:
    """After an answer that can't be used the other nine stand."""
    answers = [
        "Größe {{ 7 * 7 }}",
        "streamlit_keep",
        "",
        "",
        "nobody",
        "",
        "",
        "",
        "",
        "",
        *[""] * 4,
        "ada@example.com",
    ]
    printed = assert_runs(command, TEMPLATE, "\n".join(answers) + "\n" * 6, **environment)
    assert "email is 'nobody'" in printed
    assert "Traceback" not in printed
    title = tomllib.loads(Path(environment["OUT"], "streamlit_keep", "pyproject.toml").read_text(encoding="utf-8"))
    assert title["tool"]["keep"]["title"] == "Größe {{ 7 * 7 }}"
    assert f"cd {environment['OUT']}/streamlit_keep" in printed


def in_a_path_with_a_space(folder: Path) -> Path:
    """A copy of the template, with the tools of this run and what mypy found out before."""
    copy = folder / "a path" / "template"
    leave_out = shutil.ignore_patterns(*LEFTOVERS, ".git", "build")
    shutil.copytree(TEMPLATE, copy, ignore=leave_out)
    (copy / "build").mkdir()
    MYPY.mkdir(parents=True, exist_ok=True)
    MYPY_LAB.mkdir(exist_ok=True)
    for link, target in {".venv": sys.prefix, "build/mypy": MYPY, "build/mypy-lab": MYPY_LAB}.items():
        (copy / link).symlink_to(target)
    return copy


def test_the_templates_readme(baked_default: BakedProject, tmp_path: Path) -> None:
    """Every command of README.md has a way to be run here; a new one without it fails."""
    # The tools are this run's own, and what the projects need is installed already.
    build = tmp_path / "build"
    (build / "streamlit_keep").mkdir(parents=True)
    (build / "streamlit_keep" / ".venv").symlink_to(baked_default.path / ".venv")
    environment = {"BUILD": str(build), "TOOLS": sys.prefix}
    ways: dict[str, Callable[[str], object]] = {
        "make demo": lambda command: assert_serves(command, TEMPLATE, 300, **environment),
        "make test": lambda command: assert_runs(f"{command} --dry-run", TEMPLATE, **environment),
        "make check": lambda command: assert_runs(command, in_a_path_with_a_space(tmp_path)),
        "make new": lambda command: assert_asks_again(command, **environment, OUT=str(tmp_path)),
        "make chaos": lambda command: assert_runs(f"{command} --dry-run", TEMPLATE, **environment),
        "make help": lambda command: assert_runs(command, TEMPLATE, **environment),
        "uvx cookiecutter . --output-dir ..": lambda command: assert_runs(
            f"{sys.executable} -m {command.removeprefix('uvx ').replace('..', str(tmp_path / 'uvx'))} --no-input",
            TEMPLATE,
        ),
    }
    shown = commands(TEMPLATE / "README.md")
    assert {"make demo", "make test"} <= set(shown)
    for command in shown:
        with one_at_a_time("mypy") if command == "make check" else contextlib.nullcontext():
            ways[command](command)
    assert (tmp_path / "streamlit_keep" / "app.py").is_file()


def test_the_generated_readme(bake: Bake, baked_default: BakedProject) -> None:
    """Followed to the letter, down to the removal of the examples, it leaves a project in which everything is green."""
    project = with_tools_of(baked_default, bake())
    guide = project.path / "docs" / "build-an-app.md"
    files = re.findall(r"this into `(.*?)`.*?:\n\n```python\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    assert len(files) == 2
    shown = [*commands(project.path / "README.md"), *commands(guide)]
    assert {"make run", "make test", "make check", "rm -r apps/intake apps/insights"} <= set(shown)
    for command in shown:
        if command == "make run":
            assert_serves(command, project.path, 60)
        elif command not in ("make test", "make check"):  # at the end
            printed = assert_runs(command, project.path)
            if "startapp" in command:
                assert "make run, and open http://localhost:8501/suppliers" in printed
                for file, content in files:
                    (project.path / file).write_text(content, encoding="utf-8")
    assert_passes_its_checks(project)
    assert_runs("make test", project.path)
    for settings in ({}, {"DATABASE_URL": f"sqlite:///{project.path / 'new.db'}"}):  # new: it never had the examples
        assert_runs(".venv/bin/python manage.py migrate", project.path, **settings)
        said = assert_runs(".venv/bin/python manage.py makemigration nothing", project.path, **settings)
        assert "Nothing changed: " in said
        assert "All is well." in assert_runs(".venv/bin/python manage.py doctor", project.path, **settings)


def test_the_table_of_promises_is_what_the_laboratory_does() -> None:
    done = [f"{fault.name}={fault.times}" for fault in discover().values()]
    rows = re.findall(r"^\| `(\w+)`: [^|]+ \| ([\d,]+|each) \|", PROOF.read_text(encoding="utf-8"), re.MULTILINE)
    assert {f"{name}={times.replace(',', '')}" for name, times in rows} == set(done)


def test_the_table_of_keystrokes_is_what_the_keyboard_laboratory_does() -> None:
    text = PROOF.read_text(encoding="utf-8").split("And what hands do")[1].split("Seven variants")[0]
    rows = re.findall(r"^\| ([^|]+?)(?:; [^|]+)? \| (\d+) \|$", text, re.MULTILINE)
    assert rows == [(scenario.says, str(scenario.full)) for scenario in SCENARIOS]


def test_the_operators_page(bake: Bake, baked_default: BakedProject) -> None:
    """Every command works in a project that has begun to work, with a key that was added later."""
    project = with_tools_of(baked_default, bake())
    begin = (
        "import io; from core.services import *; "
        "get_services().engine.open('s').set_field('f', 'a', 1); "
        "get_services().files.keep(io.BytesIO(b'an upload')); "
        "get_services().accounts.users.create('ada', 'Ada', password='three unrelated words'); close_services()"
    )
    assert_runs(".venv/bin/python manage.py migrate", project.path)
    assert_runs(f'.venv/bin/python -c "{begin}"', project.path)
    with (project.path / ".env").open("a", encoding="utf-8") as settings:
        settings.write(f"SESSION_ENCRYPTION_KEYS={base64.urlsafe_b64encode(os.urandom(32)).decode()}\n")
    shown = commands(project.path / "docs" / "operations.md")
    printed = {}
    for command in sorted(shown, key=lambda command: "doctor" in command):  # at last: it asks for the keys' rotation
        answers = "ada\n" if " delete " in command else ""
        printed[command] = assert_runs(command, project.path, answers)
    assert "Deleted ada." in printed[".venv/bin/python manage.py person delete ada"]
    assert re.search(r"Encrypted \d+ values", printed[".venv/bin/python manage.py rotate-keys"])
    assert "All is well" in printed[".venv/bin/python manage.py doctor"]
    for name in ("journal", "sessions"):
        assert (project.path / f"{name}-backup.db").stat().st_size > 0
    assert any(kept.is_file() for kept in (project.path / "files-backup").rglob("*"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(TEMPLATE)))
def test_what_a_document_points_at_is_there(document: Path) -> None:
    for link in local_links(document):
        assert (document.parent / link).exists(), link


def test_every_target_of_make_is_explained(baked_default: BakedProject) -> None:
    for folder in (TEMPLATE, baked_default.path):
        text = (folder / "Makefile").read_text(encoding="utf-8")
        targets = text.split(".PHONY: ")[1].split("\n")[0].split()
        told = assert_runs("make help", folder)
        for target in targets:
            assert f"make {target} " in told
