"""What the documentation tells people to do works, in the order in which a reader comes to it, in a fresh project."""

from __future__ import annotations

import json
import re
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.conftest import Bake
from tests.support.bake import TEMPLATE, BakedProject
from tests.support.documents import Action, steps
from tests.support.server import serving
from tests.template.test_generated_project import with_tools_of

DOCS = TEMPLATE / "docs"
_QUEUE = """
from apps.notices import mail
from core import db
from core.services import close_services
with db.session() as session:
    mail.queue(session, "ada@example.com", "A reminder", "Please look at it.")
mail.send_all()
close_services()
"""


def carry_out(project: BakedProject, action: Action, **environment: str) -> str:
    """Do what a document says; return what a command printed."""
    if action.file:
        path = project.path / action.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(action.content, encoding="utf-8")
        return ""
    result = project.run("sh", "-c", action.command, **environment)
    assert result.returncode == 0, f"{action.command}:\n{result.stdout[-8000:]}"
    return result.stdout


def follow(project: BakedProject, document: Path) -> str:
    """Do all that a document says; return what its commands printed."""
    return "".join(carry_out(project, action) for step in steps(document) for action in step.actions)


def assert_is_well_written(project: BakedProject) -> None:
    """What a reader copied passes the linter and the formatter of their project."""
    for command in (("check", "."), ("format", "--check", ".")):
        result = project.run(".venv/bin/ruff", *command)
        assert result.returncode == 0, result.stdout


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """A server that takes mails: its port, and the lines of what it was given."""
    lines: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            in_data = False
            for raw in self.rfile:
                line = raw.decode().strip()
                lines.append(line)
                if in_data:
                    in_data = line != "."
                    answer = b"" if in_data else b"250 taken\r\n"
                else:
                    in_data = line.lower() == "data"
                    answer = (
                        b"354 go on\r\n" if in_data else b"221 bye\r\n" if line.lower() == "quit" else b"250 ok\r\n"
                    )
                self.wfile.write(answer)
                if line.lower() == "quit":
                    return

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], lines
        finally:
            server.shutdown()
            thread.join()


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    template = BakedProject(path=TEMPLATE, answers={}, output="")
    built = template.run(sys.executable, "scripts/docs.py", BUILD=str(tmp_path))
    assert built.returncode == 0, built.stdout
    widgets = (tmp_path / "site/reference/core-ui.html").read_text(encoding="utf-8")
    assert 'id="core.ui.text_input"' in widgets


def test_an_existing_app_is_brought_along(bake: Bake, baked_default: BakedProject) -> None:
    project = with_tools_of(baked_default, bake())
    assert "1 passed" in follow(project, DOCS / "tutorial" / "existing-app.md")
    doctor = project.run(".venv/bin/python", "manage.py", "doctor").stdout
    assert "All is well" in doctor, doctor
    assert_is_well_written(project)


def test_all_how_tos_one_after_the_other(bake: Bake, baked_default: BakedProject, tmp_path: Path) -> None:
    """In one project, and in the order of the menu; the examples, which the others build on, are removed at the end."""
    project = with_tools_of(baked_default, bake())
    menu = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = re.findall(r"^how-to/[\w-]+$", menu, re.MULTILINE)
    assert {f"{page}.md" for page in pages} == {str(path.relative_to(DOCS)) for path in DOCS.glob("how-to/*.md")}
    pages.remove("how-to/remove-the-examples")
    for page in pages:
        follow(project, DOCS / f"{page}.md")
    assert_is_well_written(project)
    with mail_server() as (port, lines):
        secrets = f'[api]\ntoken = "a token"\n[mail]\nhost = "127.0.0.1"\nport = {port}\nsender = "app@example.com"\n'
        (project.path / ".streamlit/secrets.toml").write_text(secrets, encoding="utf-8")
        sent = project.run(".venv/bin/python", "-c", _QUEUE)
        assert sent.returncode == 0, sent.stdout
        assert "Please look at it." in lines
    with serving(project, tmp_path / "data", STREAMLIT_SERVER_BASE_URL_PATH="tools") as server:
        assert_serves_below_a_path(server.url)
        server.wait_for_log("counted requests")
    follow(project, DOCS / "how-to" / "remove-the-examples.md")


def assert_serves_below_a_path(url: str) -> None:
    with urlopen(f"{url}/tools/keep/health", timeout=20) as answer:
        assert json.load(answer)["ok"] is True
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{url}/tools/api/requests", timeout=20)
    asked = Request(f"{url}/tools/api/requests", headers={"Authorization": "Bearer a token"})
    with urlopen(asked, timeout=20) as answer:
        assert json.load(answer) == []
