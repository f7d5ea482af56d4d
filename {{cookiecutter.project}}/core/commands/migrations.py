"""Revisions of the project's tables: `manage.py makemigration` writes one, `manage.py alembic` does the rest."""

from __future__ import annotations

import importlib.util
import io
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click
from alembic import command
from alembic.config import CommandLine, Config
from alembic.operations import MigrationScript
from alembic.util import CommandError

from core.command_line import python
from core.commands.discovered import discover_quietly
from core.services import get_services
from core.settings import PROJECT_ROOT
from core.storage.migrate import ENGINE, PROJECT, configuration, one_transaction, read_revisions, schema_state

FOLDER = PROJECT_ROOT / "migrations"
FORMATTERS = {"fix": "check --fix-only --quiet", "format": "format --quiet"}


@click.command()
@click.argument("message")
@click.option("--empty", is_flag=True, help="Write one without changes, to fill in yourself.")
def makemigration(message: str, empty: bool) -> None:
    """Write a revision with what changed in your models. MESSAGE says what: suppliers, for example."""
    database = get_services().database
    broken = [spec.fault for spec in discover_quietly() if spec.fault is not None]
    state = schema_state(database)
    migrate = python("manage.py migrate")
    if not state.is_current:
        raise click.ClickException(f"The models are compared with a database that is up to date. Run first: {migrate}")
    for fault in broken:
        click.echo(f"{fault.file} is broken ({fault.summary}). Tables it declares are left out.", err=True)
    file = write_revision(message, empty=empty)
    if file is None:
        click.echo("Nothing changed: the database has what the models describe. Nothing was written.")
        return
    click.echo(f"Wrote {file.relative_to(PROJECT_ROOT)}")
    click.echo(f"{'Fill it in' if empty else 'Look through it'}, then run: {migrate}")


def write_revision(message: str, *, empty: bool = False) -> Path | None:
    """Write a revision of the project's that follows its newest one. Returns its file, None if nothing changed.

    It depends on the engine's newest revision, because it may refer to the engine's tables.
    """
    scripts = read_revisions()
    heads = [head for head in scripts.get_heads() if Path(scripts.get_revision(head).path).parent == FOLDER]
    engine = scripts.get_revision(f"{ENGINE}@head").revision
    depended_on = {script.revision for head in heads for script in scripts.get_all_current((head,))}
    FOLDER.mkdir(exist_ok=True)
    try:
        with redirect_stdout(io.StringIO()):
            script = command.revision(
                _configuration(),
                message,
                autogenerate=not empty,
                head=heads[0] if heads else "base",
                branch_label=None if heads else PROJECT,
                version_path=FOLDER,
                depends_on=None if engine in depended_on else engine,
                process_revision_directives=None if empty else _only_if_changed,
            )
    except CommandError as error:
        raise click.ClickException(f"{error}.") from error
    return Path(script.path) if script and not isinstance(script, list) else None


def _only_if_changed(_context: Any, _revision: Any, directives: list[MigrationScript]) -> None:
    if directives[0].upgrade_ops is None or directives[0].upgrade_ops.is_empty():
        directives.clear()


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def alembic(arguments: tuple[str, ...]) -> None:
    """Run Alembic's own commands, such as history or downgrade."""
    line = CommandLine(prog="manage.py alembic")
    options = line.parser.parse_args(arguments)
    if not hasattr(options, "cmd"):
        line.parser.error("too few arguments")
    discover_quietly()  # with the apps come the models of their tables
    config = _configuration()
    config.cmd_opts = options
    line.run_cmd(config, options)


def _configuration() -> Config:
    config = configuration(PROJECT_ROOT, lambda: one_transaction(get_services().database))
    config.stdout = sys.stdout
    if importlib.util.find_spec("ruff"):  # which production lacks
        config.set_section_option("post_write_hooks", "hooks", ", ".join(FORMATTERS))
        for name, arguments in FORMATTERS.items():
            config.set_section_option("post_write_hooks", f"{name}.type", "module")
            config.set_section_option("post_write_hooks", f"{name}.module", "ruff")
            config.set_section_option("post_write_hooks", f"{name}.options", f"{arguments} REVISION_SCRIPT_FILENAME")
    return config
