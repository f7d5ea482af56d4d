"""Make the folder of a new app. Needs nothing but Python.

Run by the template for the apps named at its prompts, and by `manage.py startapp NAME`.
"""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path

SERVER_PATHS = frozenset(
    {"component", "components", "healthz", "keep", "media", "not_found", "oauth2callback", "static"}
)
"""Addresses the server answers itself, so no app can have them."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

_APP = '''\
"""{title}: say here what the app is for."""

from core.router import App

app = App(title="{title}", icon=":material/widgets:", description="Say here what the app is for.")
'''

_PAGE = '''\
"""The first page of {title}. A second one is another module beside this one."""

import streamlit as st
from pydantic import BaseModel, Field

from core import ui
from core.permissions import requires
from core.router import page


class Note(BaseModel):
    """The values that Save accepts; messages about others appear under their fields."""

    title: str = Field(max_length=80)
    text: str = ""


@page(title="Overview", order=1)
@requires("{name}.use")  # granted to a role in Admin, Roles; an administrator may see everything
def overview() -> None:
    st.title("{title}")
    # Each field is kept while it is filled in: reload the page and it is still there.
    with ui.form("{name}", model=Note) as form:
        ui.text_input("Title", field="title")
        ui.text_area("Text", field="text")
    if form.state.saved:
        st.write("Saved:", form.state.saved["title"])
'''

_TEST = '''\
"""The pages of {title}, tried as a person would."""

from __future__ import annotations

from core.testing import TestApp


def test_what_is_entered_is_there_after_a_reload(app: TestApp) -> None:
    page = app.sign_in("{name}.use").open("{slug}")
    page.fill("Title", "A first note")
    page.reload()
    assert page.value("Title") == "A first note"

    page.press("Save")
    assert page.messages == []
    assert "A first note" in page.text
'''


def create_app(root: Path, name: str) -> list[Path]:
    """Create `root/apps/<name>/` with one page and its test, and return the files made, relative to `root`.

    Raises ValueError if the name can't be used, FileExistsError if there is such an app.
    """
    if problem := name_problem(name):
        raise ValueError(problem)
    folder = root / "apps" / name
    if folder.exists():
        raise FileExistsError(f"apps/{name} is there already. Choose another name, or add a page to it.")
    title = name.replace("_", " ").capitalize()
    texts = {
        folder / "__init__.py": _APP,
        folder / "pages" / "overview.py": _PAGE,
        folder / "tests" / f"test_{name}.py": _TEST,
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(name=name, title=title, slug=address(name)[1:]), encoding="utf-8")
    return [path.relative_to(root) for path in texts]


def address(name: str) -> str:
    """Return the path an app's first page is at."""
    return f"/{name.replace('_', '-')}"


def name_problem(name: str) -> str:
    """Say why an app can't have this name, and what would do; nothing if it can."""
    if not _NAME.fullmatch(name):
        return f"{name!r} can't be an app's name. Use lower-case letters, digits and underscores, such as orders."
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in sys.stdlib_module_names:
        return f"{name!r} is a name of Python's own. Use another one, such as {name}_app."
    if name in SERVER_PATHS:
        return f"{name!r} is an address of the server. Use another one, such as {name}_app."
    return ""
