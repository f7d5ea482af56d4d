"""`manage.py migrate` and `accept-secret-key`: the database beside what the code and the settings expect."""

from __future__ import annotations

import click

from core.accounts.setup import ADMINISTRATOR, prepare
from core.command_line import python
from core.commands.discovered import discover_quietly
from core.pages import roles_of_apps
from core.services import get_services
from core.storage.database import note_fingerprint
from core.storage.migrate import schema_state


@click.command()
def migrate() -> None:
    """Bring the database up to date. An empty one receives its roles and first administrator."""
    services = get_services()
    settings = services.settings
    before = schema_state(services.database).is_current
    roles_declared, secret = roles_of_apps(discover_quietly()), settings.secret_key.get_secret_value()
    administrator = prepare(services.accounts, services.database, settings.first_password, roles_declared, secret)
    click.echo("The database was up to date." if before else "The database is up to date now.")
    if administrator is not None:
        click.echo(
            f"Sign in as {ADMINISTRATOR!r} with the ADMIN_INITIAL_PASSWORD in .env, and choose a password of your own."
        )
    elif settings.auth == "password" and not services.accounts.users.count():
        click.echo(f"Nobody can sign in yet. Run: {python('manage.py createuser NAME --role admin')}")


@click.command("accept-secret-key")
def accept_secret_key() -> None:
    """Take note that SECRET_KEY was replaced on purpose. Until then doctor says that it is another one."""
    services = get_services()
    note_fingerprint(services.database, services.settings.secret_key.get_secret_value(), anew=True)
    click.echo("Noted. Whoever was signed in before the change signs in again.")
