"""The rules for answers, each on its own; and what finishing a project does and leaves alone."""

from __future__ import annotations

import ast
import importlib.util
import re
import runpy
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bake import PROJECT_FOLDER, QUESTIONS, TEMPLATE


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TEMPLATE / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pre_gen = load("pre_gen_project")
post_gen = load("post_gen_project")
GOOD = {
    "project_name": "Order desk",
    "project": "order_desk",
    "description": "Orders.",
    "author": "Ada",
    "email": "ada@example.com",
    "apps": "orders, stock",
    "database": "sqlite",
    "auth": "password",
    "license": "MIT",
    "ci": "github",
}


def test_good_answers_pass() -> None:
    assert set(GOOD) == set(QUESTIONS)
    assert pre_gen.problems(GOOD) == []


@pytest.mark.parametrize(
    ("question", "answer", "named"),
    [
        ("project_name", "", "empty"),
        ("project_name", " \n\t", "empty"),
        ("project_name", "x" * 81, "81 characters"),
        ("project_name", "a\x00b", "U+0000"),
        ("project_name", "a\x1bb", "U+001B"),
        ("description", "a\x7fb", "U+007F"),
        ("author", "a\u202eb", "U+202E"),
        ("author", "a\ud800b", "U+D800"),
        ("email", "", "team@example.com"),
        ("email", "nobody", "team@example.com"),
        ("email", "a@b", "team@example.com"),
        ("email", "a b@example.com", "team@example.com"),
        ("email", 'a"@example.com', "team@example.com"),
        ("email", "a@example.com\n", "team@example.com"),
        ("project", "", "beginning with a letter"),
        ("project", "Order-Desk", "beginning with a letter"),
        ("project", "2desks", "beginning with a letter"),
        ("project", "../desk", "beginning with a letter"),
        ("project", "desk\n", "beginning with a letter"),
        ("project", "x" * 41, "1 to 40"),
        ("project", "class", "Python language"),
        ("project", "match", "Python language"),
        ("project", "json", "standard library"),
        ("project", "streamlit", "package the project uses"),
        ("project", "core", "own modules"),
        ("apps", "orders,,stock", "empty name"),
        ("apps", "orders,", "empty name"),
        ("apps", "Orders", "beginning with a letter"),
        ("apps", "or ders", "beginning with a letter"),
        ("apps", "ordérs", "beginning with a letter"),
        ("apps", "orders/../core", "beginning with a letter"),
        ("apps", "orders, stock, orders", "2 times"),
        ("apps", "home", "already"),
        ("apps", "admin", "already"),
        ("apps", "import", "Python language"),
        ("apps", "email", "standard library"),
        ("apps", "pandas", "package the project uses"),
        ("apps", "tests", "own modules"),
        ("apps", "static", "address of the server"),
        ("apps", "oauth2callback", "address of the server"),
        ("database", "oracle", "sqlite, postgresql"),
        ("auth", "ldap", "password, oidc, none"),
    ],
)
def test_a_bad_answer_is_refused_and_the_remedy_named(question: str, answer: str, named: str) -> None:
    found = pre_gen.problems(GOOD | {question: answer})
    assert len(found) == 1, found
    assert found[0].startswith(question)
    assert named in found[0]
    assert "Accepted: " in found[0]


def test_windows_is_refused_in_one_sentence_which_the_documents_say_too() -> None:
    assert [pre_gen.platform_problem(system) for system in ("posix", "nt")] == [
        "",
        "Windows is not supported: use Linux, macOS, or WSL 2 in Windows.",
    ]
    for readme in (TEMPLATE / "README.md", PROJECT_FOLDER / "README.md"):
        assert "Linux, macOS or WSL 2 (Windows itself is not supported)" in readme.read_text(encoding="utf-8")


def test_every_bad_answer_is_reported_at_once() -> None:
    bad = dict.fromkeys(GOOD, "\x00")
    found = pre_gen.problems(bad)
    assert {problem.split()[0] for problem in found} == set(GOOD)


@given(st.fixed_dictionaries({name: st.text() for name in GOOD}))
def test_no_answer_breaks_the_check_and_reports_are_printable(answers: dict[str, str]) -> None:
    for problem in pre_gen.problems(answers):
        assert problem.isprintable()


@given(st.text(min_size=1, max_size=80).filter(lambda text: text.strip() and text.isprintable()))
def test_any_printable_name_is_accepted(text: str) -> None:
    assert pre_gen.problems(GOOD | {"project_name": text, "author": text, "description": text}) == []


def test_questions_and_choices_are_those_of_the_template() -> None:
    offered = {name: tuple(default) for name, default in QUESTIONS.items() if isinstance(default, list)}
    assert offered == pre_gen.CHOICES


def test_shipped_apps_are_those_in_the_folder() -> None:
    folders = {
        path.parent.name for apps in ("apps", "core/apps") for path in (PROJECT_FOLDER / apps).glob("*/__init__.py")
    }
    assert folders == pre_gen.SHIPPED_APPS


def test_the_projects_modules_are_reserved() -> None:
    modules = {path.stem for path in PROJECT_FOLDER.glob("*.py")}
    packages = {path.parent.name for path in PROJECT_FOLDER.glob("*/*.py")}
    assert modules | packages <= pre_gen.PROJECT_MODULES


def test_direct_dependencies_are_reserved() -> None:
    configuration = tomllib.loads((PROJECT_FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = configuration["project"]["dependencies"] + configuration["dependency-groups"]["dev"]
    names = {re.split(r"[\[<>=;]", requirement)[0].strip().replace("-", "_") for requirement in requirements}
    imported_as = {"python_dotenv": "dotenv", "import_linter": None, "pandas_stubs": None}
    expected = {imported_as.get(name, name) for name in names} - {None}
    assert expected <= pre_gen.DEPENDENCIES


def test_an_app_the_questions_accept_is_one_startapp_accepts() -> None:
    new_app = runpy.run_path(str(PROJECT_FOLDER / "core" / "scripts" / "new_app.py"))
    for name in ("orders", "a", "x_1", "x" * 40):
        assert pre_gen.app_problems(name) == []
        assert new_app["name_problem"](name) == ""
    for name in ("", "Orders", "1x", "class", "email", "x" * 41, "a\n"):
        assert new_app["name_problem"](name)
    assert new_app["SERVER_PATHS"] == pre_gen.SERVER_PATHS


def test_what_an_answer_leaves_out_is_in_the_template() -> None:
    for (question, answer), paths in post_gen.LEFT_OUT.items():
        assert answer in pre_gen.CHOICES[question]
        for path in paths:
            assert (PROJECT_FOLDER / path).exists(), path


def test_hooks_need_nothing_but_python() -> None:
    for hook in (TEMPLATE / "hooks").glob("*.py"):
        for node in ast.walk(ast.parse(hook.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                assert {str(name).split(".")[0] for name in names} <= sys.stdlib_module_names, hook.name


def test_pruning_takes_caches_and_nothing_else(tmp_path: Path) -> None:
    kept = {"core/a.py", ".venv/lib/__pycache__/b.pyc"}
    for name in (*kept, "core/__pycache__/a.pyc", ".mypy_cache/x", ".github/workflows/ci.yml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    post_gen.prune(tmp_path, GOOD | {"ci": "none"})
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == kept
    post_gen.prune(tmp_path, GOOD | {"ci": "none"})
