"""What is done to this project from the command line: `python manage.py --help`."""

from __future__ import annotations

from typing import Any

import click

from commands.doctor import doctor
from commands.keys import rotate_keys
from commands.quarantine import quarantine
from commands.sessions import sessions
from commands.users import createuser, setroles
from core.accounts.first_start import ADMINISTRATOR, prepare
from core.errors import KeepError
from core.services import close_services, get_services
from core.settings import PLACEHOLDER_SECRET, PROJECT_ROOT
from core.storage.database import reachable
from core.storage.migrate import is_current
from scripts.new_app import create_app


class Commands(click.Group):
    """Says what is wrong in one line instead of a traceback, and lets go of all files at the end."""

    def invoke(self, context: click.Context) -> Any:
        try:
            with reachable():
                return super().invoke(context)
        except KeepError as error:
            raise click.ClickException(str(error)) from error
        finally:
            close_services()


@click.group(cls=Commands)
def manage() -> None:
    """Look after this project."""


@manage.command()
@click.argument("name")
def startapp(name: str) -> None:
    """Make the folder of a new app in apps/. It is found at the next start."""
    try:
        files = create_app(PROJECT_ROOT, name)
    except (ValueError, FileExistsError) as error:
        raise click.ClickException(str(error)) from error
    for file in files:
        click.echo(f"Wrote {file}")


@manage.command()
def migrate() -> None:
    """Bring the database up to date; an empty one receives its roles and first administrator."""
    services = get_services()
    before = is_current(services.database)
    secret = services.settings.admin_initial_password
    password = secret.get_secret_value() if secret else None
    if password and password.startswith(PLACEHOLDER_SECRET) and services.settings.environment == "production":
        password = None
        click.echo("ADMIN_INITIAL_PASSWORD is the placeholder, so no administrator was created.")
    administrator = prepare(services.accounts, services.database, password)
    click.echo("The database was up to date." if before else "The database is up to date now.")
    if administrator is not None:
        click.echo(f"Sign in as {ADMINISTRATOR!r} with ADMIN_INITIAL_PASSWORD, and choose a password of your own.")


for command in (createuser, setroles, sessions, quarantine, rotate_keys, doctor):
    manage.add_command(command)

if __name__ == "__main__":
    manage()
