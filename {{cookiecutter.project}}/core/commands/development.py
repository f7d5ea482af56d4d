"""`manage.py run`, `test`, `check`, `format` and `update`: the commands of who develops a project."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from core.scripts.packages import ROOT

Arguments = tuple[str, ...]
_MORE = {"ignore_unknown_options": True}


@click.command()
@click.option("--port", default=8501, show_default=True, help="Where to serve the app.")
def run(port: int) -> None:
    """Serve the app on this machine."""
    _python("core/scripts/dev_database.py", "start")
    _python("manage.py", "migrate")
    _become("-m", "streamlit", "run", "app.py", "--server.port", str(port))


@click.command(add_help_option=False, context_settings=_MORE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: Arguments) -> None:
    """Run the tests, with pytest's arguments."""
    _become("-m", "pytest", *arguments)


@click.command()
def check() -> None:
    """Lint, and check types, layers and the engine."""
    _python("-m", "ruff", "check", ".")
    _python("-m", "ruff", "format", "--check", ".")
    _python("-m", "mypy")
    _python("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")
    _python("core/scripts/manifest.py")


@click.command("format")
def format_code() -> None:
    """Format the code."""
    _python("-m", "ruff", "check", "--fix-only", "--quiet", ".")
    _python("-m", "ruff", "format", ".")


@click.command(add_help_option=False, context_settings=_MORE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def update(arguments: Arguments) -> None:
    """Bring the project to a newer version of its template."""
    _become("-m", "core.scripts.update", *arguments)


def _python(*arguments: str) -> None:
    """Run this Python in the project's folder; end with its exit code where that is a failure."""
    code = subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode  # noqa: S603 # nosec B603
    if code:
        raise SystemExit(code)


def _become(*arguments: str) -> None:
    """Replace this process, so that signals reach what is run."""
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 # nosec B606
