"""`manage.py startapp` and `removeapp`: the folders in `apps/`."""

from __future__ import annotations

import importlib.util
import re
import shutil
from difflib import get_close_matches
from pathlib import Path

import click

from core.command_line import python
from core.scripts.new_app import address, create_app, name_problem
from core.settings import PROJECT_ROOT


@click.command()
@click.argument("name")
def startapp(name: str) -> None:
    """Make the folder of a new app in apps/. A server that runs finds it at the next click."""
    problem = name_problem(name)
    if not problem and (found := importlib.util.find_spec(name)) and found.origin is not None:
        problem = f"{name!r} is the name of a package in use. Use another one, such as {name}_app."
    if problem:
        raise click.ClickException(problem)
    try:
        files = create_app(PROJECT_ROOT, name)
    except FileExistsError as error:
        raise click.ClickException(str(error)) from error
    for file in files:
        click.echo(f"Wrote {file}")
    click.echo(
        f"Next: make run, and open http://localhost:8501{address(name)}. Administrators see it; others do when "
        f"Admin, Roles gives a role of theirs {name}.use."
    )


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Remove it without asking.")
def removeapp(name: str, yes: bool) -> None:
    """Remove the folder of an app in apps/, with its tests. Its tables stay in the database."""
    names = _apps_in(PROJECT_ROOT / "apps")
    if name not in names:
        if name in _apps_in(PROJECT_ROOT / "core" / "apps"):
            raise click.ClickException(
                f"{name!r} is an app of the engine. To replace it, make one of the same name in apps/."
            )
        close = get_close_matches(name, names, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names) or 'none'}."
        raise click.ClickException(f"There is no app {name!r} in apps/. {hint}")
    folder = PROJECT_ROOT / "apps" / name
    files = [file for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    click.echo(f"This removes apps/{name}: {len(files)} files, its tests among them.")
    for user in _users_of(name):
        click.echo(f"{user.relative_to(PROJECT_ROOT)} uses it, and has to be changed.")
    if not yes:
        click.confirm("Remove it?", abort=True)
    shutil.rmtree(folder)
    click.echo(
        f"Removed apps/{name}. Tables it made stay in the database, with their rows. To drop one as well, run\n"
        f'  {python("manage.py migrate")}\n  {python("manage.py makemigration --empty")} "drop {name}"\n'
        'write op.drop_table("…") with its name into upgrade() of that revision, and migrate again.'
    )


def _apps_in(folder: Path) -> list[str]:
    return sorted(init.parent.name for init in folder.glob("*/__init__.py"))


def _users_of(name: str) -> list[Path]:
    """Return the modules of the project, other than its own, that import an app."""
    imports = re.compile(
        rf"^\s*(from apps\.{name}\b|import apps\.{name}\b|from apps import .*\b{name}\b)", re.MULTILINE
    )
    folders = [PROJECT_ROOT / "apps", PROJECT_ROOT / "tests"]
    own = PROJECT_ROOT / "apps" / name
    modules = [file for folder in folders for file in sorted(folder.rglob("*.py")) if not file.is_relative_to(own)]
    return [file for file in modules if imports.search(file.read_text(encoding="utf-8"))]
