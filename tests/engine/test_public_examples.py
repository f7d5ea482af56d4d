"""The examples that gave the public names run exactly as they were written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

from core.services import Services
from core.settings import PROJECT_ROOT

EXAMPLES = Path(__file__).parent / "public_examples"

# What the examples take for granted: the page around them.
BEGIN = "import streamlit as st\nfrom core import bootstrap_session, get_current_session\nbootstrap_session()\n"


def example(name: str) -> str:
    return (EXAMPLES / f"{name}.py").read_text()


def open_app(source: str) -> AppTest:
    """Open a script in a new tab of one and the same browser."""
    app = AppTest.from_string(source)
    app.session_state["_keep_anonymous"] = "anon-browser"
    app.run()
    assert not app.exception, app.exception
    return app


def test_basic_usage(services: Services) -> None:
    source = example("basic_usage") + '\nst.text_input("Email", key="email")\n'
    app = open_app(source)
    app.text_input(key="name").input("Ada").run()
    assert open_app(source).text_input(key="name").value == "Ada", "a draft is back before it was saved"
    app.text_input(key="email").input("ada@example.org").run()
    app.button[0].click().run()
    assert not app.exception, app.exception
    again = open_app(source)
    assert [widget.value for widget in again.text_input] == ["Ada", "ada@example.org"]
    form = services.engine.open("anon-browser").form("user_form")
    assert form.saved == {"name": "Ada", "email": "ada@example.org"}
    assert not form.is_dirty


def test_navigation(services: Services) -> None:
    source = BEGIN + example("navigation") + "\nst.write(manager.current_page, manager.session.navigation_index)\n"
    app = open_app(source)
    app.button[0].click().run()
    assert [text.value for text in app.markdown] == ["profile `0`"]
    app.button[1].click().run()
    assert [text.value for text in app.markdown] == ["profile `0`"], "there is nothing before the first page"


def test_form_snapshots(services: Services) -> None:
    open_app(BEGIN + example("form_snapshots"))
    snapshots = services.engine.open("anon-browser").form("editor").snapshots
    assert [snapshot.description for snapshot in snapshots] == ["Before changes"], (
        "the form was empty: nothing was replaced"
    )


def test_programmatic_configuration(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'sessions.db'}",
        "JOURNAL_PATH": str(tmp_path / "journal.db"),
    }
    shown = "\nprint(engine.debounce_delay, engine.session_timeout)\nengine.close()\n"
    command = [sys.executable, "-c", example("configuration") + shown]
    answer = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout == "2.0 86400\n"


def test_the_environment_variables_have_the_documented_defaults() -> None:
    names = {"SESSION_TIMEOUT", "DATABASE_URL", "DEBOUNCE_DELAY"}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    code = "from core.settings import Settings as S; s = S(_env_file=None); print(s.session_timeout, s.debounce_delay)"
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout == "86400.0 2.0\n"
