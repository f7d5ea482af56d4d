"""Answers are data: whatever is typed, the files are valid and say exactly that, and nothing is run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Bake
from tests.support.bake import (
    BakedProject,
    BakeError,
    UnknownQuestionError,
    assert_compiles,
    bake,
    clean_environment,
    fresh_template,
)
from tests.template.test_hooks import pre_gen

HOSTILE = {
    "quotes": """Tom's "desk" '''of''' \"\"\"things\"\"\" `x`""",
    "backslashes": "C:\\new\\temp \\u0041 \\",
    "newlines": "first\nsecond\r\nthird\ttab",
    "unicode": "Größe 漢字 עברית 🚀 👩‍💻 🏴\U000e0067\U000e0062\U000e007f é",
    "jinja expression": "{{ 7 * 7 }} {{ cookiecutter.author }} {{ undefined.attribute }}",
    "jinja statement": "{% raw %} {% for x in range(9) %}x{% endfor %} {# gone #}",
    "shell": "$(touch pwned) `touch pwned`; touch pwned && ${HOME} | & > pwned %PATH%",
    "toml": '"]\n[tool.keep]\nauth = "none"\n#',
    "yaml": "yes: [no, {a: b}] # - &x *x !!python/object",
    "html": "</title><script>alert(1)</script> <!-- x --> &amp;",
    "python": "''' ); import os; os.system('touch pwned') #",
    "markdown": "# [x](javascript:1) ![](y) | * _",
    "format": "%s %(x)s {0} {name!r} $x",
}


def one_line(text: str) -> str:
    return " ".join(text.split())


def assert_says(project: BakedProject, text: str) -> None:
    """The project's files are valid and hold this text where they hold an answer."""
    configuration = tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))
    assert configuration["tool"]["keep"]["title"] == one_line(text)
    assert configuration["tool"]["keep"]["auth"] == "password"
    assert configuration["project"]["description"] == one_line(text)
    assert configuration["project"]["authors"] == [{"name": one_line(text), "email": "ada@example.com"}]
    assert one_line(text).replace("<", "&lt;") in (project.path / "README.md").read_text(encoding="utf-8")
    assert one_line(text) in (project.path / "LICENSE").read_text(encoding="utf-8")
    yaml.safe_load((project.path / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    for path in project.path.rglob("*.py"):
        assert_compiles(path.read_bytes(), path.name)
    assert not list(project.path.parent.rglob("pwned*"))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_only_text(bake: Bake, text: str) -> None:
    project = bake(project_name=text, project="desk", description=text, author=text, email="ada@example.com")
    assert_says(project, text)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    st.text(min_size=1, max_size=80).filter(
        lambda text: (
            text.strip() and not any(unicodedata.category(c) in ("Cc", "Cs") or c in pre_gen.REORDERING for c in text)
        )
    )
)
def test_any_accepted_text_is_only_text(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = bake(
            Path(folder) / "out", project_name=text, project="desk", description=text, author=text,
            email="ada@example.com",
        )  # fmt: skip
        assert_says(project, text)


def test_text_typed_at_the_prompts_is_only_text(tmp_path: Path) -> None:
    text = """{{ 7 * 7 }} {% raw %} "quoted" \\ $(touch pwned) é"""
    typed = [text, "desk", text, text, "ada@example.com", "orders", "2", "1", "1", "2"]
    (tmp_path / "config.yaml").write_text(f"replay_dir: {tmp_path}/replay\n", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(fresh_template()), "--output-dir", str(tmp_path / "out")],
        input="\n".join(typed) + "\n",
        encoding="utf-8",
        env=clean_environment(COOKIECUTTER_CONFIG=str(tmp_path / "config.yaml"), PYTHONIOENCODING="utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    project = BakedProject(path=tmp_path / "out" / "desk", answers={}, output=result.stdout)
    assert_says(project, text)
    assert (project.path / "apps" / "orders" / "__init__.py").is_file()
    assert not (project.path / ".github").exists()
    assert 'database_url = "postgresql' in (project.path / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Order desk", "order_desk"),
        ("Über größe", "uber_grosse"),
        ("2024 plans", "app_2024_plans"),
        ("🚀", "app_"),
        ("漢字", "han_zi"),
        ("a" * 60, "a" * 40),
    ],
)
def test_the_folder_is_derived_from_the_name(bake: Bake, name: str, slug: str) -> None:
    assert bake(project_name=name).path.name == slug


def test_a_refused_bake_names_every_problem_and_leaves_nothing(bake: Bake, tmp_path: Path) -> None:
    with pytest.raises(BakeError) as refused:
        bake(project_name="a\x1bb", project="json", email="nobody", apps="home, home, Orders")
    for question in ("project_name", "project is", "email", "'home', which", "'home' 2 times", "'Orders'"):
        assert question in refused.value.output
    assert not list((tmp_path / "bake-1").iterdir())


def test_a_folder_outside_the_output_is_refused_and_not_left_behind(bake: Bake, tmp_path: Path) -> None:
    with pytest.raises(BakeError, match="project is"):
        bake(project="../escaped")
    assert not (tmp_path / "escaped").exists()


def test_the_harness_refuses_an_unknown_question(bake: Bake) -> None:
    with pytest.raises(UnknownQuestionError, match="databse"):
        bake(databse="sqlite")
