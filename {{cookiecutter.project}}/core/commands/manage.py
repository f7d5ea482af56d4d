"""The command line of a project: what `manage.py` runs."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import click

from core.scripts.manifest import describe
from core.scripts.packages import ROOT, needed

MODULES = {
    "migrate": "database",
    "accept-secret-key": "database",
    **dict.fromkeys(("run", "test", "check", "format", "update"), "development"),
    "startapp": "apps",
    "removeapp": "apps",
    "makemigration": "migrations",
    "alembic": "migrations",
    "audit": "audit",
    "createuser": "users",
    "invite": "users",
    "resetlink": "users",
    "setroles": "users",
    "roles": "roles",
    "person": "person",
    "sessions": "sessions",
    "quarantine": "quarantine",
    "rotate-keys": "keys",
    "doctor": "doctor",
}
"""The module of each command."""


class Commands(click.Group):
    """Imports a command's module when it is asked for: all of them take two seconds, which the tests need not wait."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in MODULES:
            return None
        with needed():
            module = import_module(f"core.commands.{MODULES[name]}")
        return next(each for each in vars(module).values() if isinstance(each, click.Command) and each.name == name)

    def invoke(self, context: click.Context) -> Any:
        with ExitStack() as ends:
            ends.push(_end)
            return super().invoke(context)


def _end(_kind: object, error: BaseException | None, _trace: object) -> None:
    """Say in one line what is wrong and let go of all files, after a command that could open any."""
    if "core.services" in sys.modules:
        from core.commands.failures import in_one_line

        with in_one_line():
            if error is not None:
                raise error


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(describe(ROOT))
        context.exit()


@click.group(cls=Commands)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Say which version of the template this is, and what of the engine was changed.",
)  # fmt: skip
def manage() -> None:
    """Look after this project."""
