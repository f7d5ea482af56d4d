"""A baked project passes its own checks and tests, and serves: the default one as a newcomer installs it, and a
selection of the others in which every two answers meet, with the tools already installed."""

from __future__ import annotations

import hashlib
import itertools
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import CHECKED, INSTALLED, Bake, one_at_a_time
from tests.support.bake import PROJECT_FOLDER, TEMPLATE, BakedProject
from tests.support.bake import bake as bake_into
from tests.support.server import Server, free_port, serving

# License and continuous integration change no Python; every two of the other answers meet in one of these.
SELECTION = [
    {"database": "sqlite", "auth": "none", "apps": "orders, stock"},
    {"database": "sqlite", "auth": "oidc", "apps": ""},
    {"database": "postgresql", "auth": "none", "apps": ""},
    {"database": "postgresql", "auth": "oidc", "apps": "orders, stock"},
    {"database": "postgresql", "auth": "password", "apps": "orders, stock"},
]
# The engine's tests that answers reach. The others bring their own settings and databases: they run once, in place.
REACHED_BY_ANSWERS = [
    *(f"tests/engine/test_{name}.py" for name in ("apps", "env_example", "every_page", "new_app", "settings")),
    "tests/engine/test_auth.py::test_of_it_only_the_sign_in_is_used",  # it reads the apps
]
MYPY = INSTALLED.with_name("mypy")
"""What mypy found out, also by `make check` here: reading all the libraries takes it most of its time."""
DEFAULT = {"database": "sqlite", "auth": "password", "apps": ""}


def test_the_selection_lets_every_two_answers_meet() -> None:
    for first, second in itertools.combinations(DEFAULT, 2):
        values = [{row[name] for row in SELECTION} for name in (first, second)]
        met = {(row[first], row[second]) for row in [*SELECTION, DEFAULT]}
        assert met == set(itertools.product(*values))


def test_the_default_project_passes_its_own_checks(baked_default: BakedProject) -> None:
    assert_passes_its_checks(baked_default)


def test_the_default_project_passes_its_own_tests(baked_default: BakedProject) -> None:
    assert_passes(baked_default, "make", "test")


@pytest.mark.parametrize("answers", SELECTION, ids=lambda answers: "-".join(answers.values()).replace(", ", "+"))
def test_others_pass_their_own_checks_and_tests(
    bake: Bake, baked_default: BakedProject, answers: dict[str, str]
) -> None:
    project = with_tools_of(baked_default, bake(**answers))
    assert_passes_its_checks(project)
    assert_passes(project, "make", "test")
    template = BakedProject(path=TEMPLATE, answers={}, output="")
    against_it = ("-p", "no:cacheprovider", "-o", f"pythonpath=. '{project.path}'")
    assert_passes(template, sys.executable, "-m", "pytest", *against_it, *REACHED_BY_ANSWERS)


def test_the_benchmarks_find_all_they_measure() -> None:
    benchmarks = BakedProject(path=TEMPLATE, answers={}, output="")
    names = (file.stem for file in (TEMPLATE / "benchmarks").glob("*.py"))
    measured = "; ".join(f"import benchmarks.{name}" for name in names)
    result = benchmarks.run(sys.executable, "-c", measured, PYTHONPATH=str(PROJECT_FOLDER))
    assert result.returncode == 0, result.stdout


def test_apps_named_at_the_prompts_are_found_and_have_no_fault(bake: Bake, baked_default: BakedProject) -> None:
    project = with_tools_of(baked_default, bake(apps="orders, stock"))
    script = "from core.discovery import discover; print(*[f'{page.app_name}:{page.fault}' for page in discover()])"
    found = project.run(".venv/bin/python", "-c", script)
    assert {"orders:None", "stock:None", "home:None"} <= set(found.stdout.split())
    assert "Fault" not in found.stdout


def test_the_server_says_it_is_well_and_stops_when_asked(served: Server) -> None:
    answer = served.health()
    assert answer is not None
    assert answer["ok"] is True
    served.stop()
    assert served.health() is None


def test_the_log_holds_no_secret(served: Server, baked_default: BakedProject) -> None:
    for secret in baked_default.secrets().values():
        assert secret not in served.log


def test_a_postgresql_project_serves_from_a_database_it_starts_itself(
    baked_default: BakedProject, open_folder: Path, tmp_path: Path
) -> None:
    project = with_tools_of(baked_default, bake_into(open_folder / "bake", database="postgresql", auth="none"))
    second = bake_into(open_folder / "second", database="postgresql", auth="none", project="another")
    url = project.secrets()["DATABASE_URL"].replace(":5432/", f":{free_port()}/")
    database = (".venv/bin/python", "core/scripts/dev_database.py")
    try:
        started = project.run(*database, "start", DATABASE_URL=url)
        assert "Started PostgreSQL" in started.stdout, started.stdout
        assert "answers" in project.run(*database, "start", DATABASE_URL=url).stdout
        with serving(project, tmp_path / "data", DATABASE_URL=url) as server:
            answer = server.health()
            assert answer is not None
            assert answer["ok"] is True
        assert_moves_to_a_port_of_its_own(with_tools_of(baked_default, second), url)
    finally:
        stopped = project.run(*database, "stop", DATABASE_URL=url)
    assert "Stopped" in stopped.stdout, stopped.stdout


def assert_moves_to_a_port_of_its_own(project: BakedProject, taken: str) -> None:
    """Started where another project's database answers, it says by which port it gets one, and with that it starts."""
    settings = project.path / ".env"
    port = urlsplit(taken).port
    settings.write_text(settings.read_text(encoding="utf-8").replace(":5432/", f":{port}/"), encoding="utf-8")
    refused = project.run("make", "run", PORT=str(free_port()))
    assert f'another PostgreSQL answers at localhost:{port}, and refuses this project (database "another" does not' in (
        refused.stdout
    ), refused.stdout
    free = refused.stdout.split("change the port in DATABASE_URL of .env to ")[1].split(".")[0]
    settings.write_text(settings.read_text(encoding="utf-8").replace(f":{port}/", f":{free}/"), encoding="utf-8")
    started = project.run(".venv/bin/python", "core/scripts/dev_database.py", "start")
    try:
        assert "Started PostgreSQL" in started.stdout, started.stdout
        migrated = project.run(".venv/bin/python", "manage.py", "migrate")
        assert "up to date now" in migrated.stdout, migrated.stdout
    finally:
        project.run(".venv/bin/python", "core/scripts/dev_database.py", "stop")


def with_tools_of(installed: BakedProject, project: BakedProject) -> BakedProject:
    """Set a project up with the tools installed for another one; its lock is the same."""
    lock = "requirements.lock"
    assert (project.path / lock).read_bytes() == (installed.path / lock).read_bytes()
    (project.path / ".venv").symlink_to(installed.path / ".venv")
    project.write_env()
    return project


def assert_passes_its_checks(project: BakedProject) -> None:
    """Two projects of which the checks read the same are checked once in a run.

    What mypy found out is shared: it looks at contents, and reading all the libraries anew takes half a minute.
    """
    with one_at_a_time("mypy"):
        found_well = CHECKED / digest_of_what_checks_read(project)
        if not found_well.exists():
            assert_passes(project, "make", "check", MYPY_CACHE_DIR=str(MYPY))
            CHECKED.mkdir(exist_ok=True)
            found_well.touch()


def digest_of_what_checks_read(project: BakedProject) -> str:
    """Return a digest of the code and its configuration. The answers in `pyproject.toml` are read by no check."""
    files = {name: content for name, content in project.files().items() if Path(name).suffix in (".py", ".pyi", "")}
    configuration = tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))
    del configuration["project"], configuration["tool"]["keep"]
    return hashlib.sha256(repr((sorted(files.items()), configuration)).encode()).hexdigest()


def assert_passes(project: BakedProject, *command: str, **environment: str) -> None:
    result = project.run(*command, timeout=3000, **environment)
    assert result.returncode == 0, result.stdout[-8000:]
