"""The command line of a project: what `manage.py` runs."""

from __future__ import annotations

from typing import Any

import click

from core.accounts.setup import ADMINISTRATOR, prepare
from core.command_line import python
from core.commands import discover_quietly
from core.commands.apps import removeapp, startapp
from core.commands.audit import audit
from core.commands.development import check, format_code, run, test, update
from core.commands.doctor import database_remedy, doctor
from core.commands.keys import rotate_keys
from core.commands.migrations import alembic, makemigration
from core.commands.person import person
from core.commands.quarantine import quarantine
from core.commands.roles import roles
from core.commands.sessions import sessions
from core.commands.users import createuser, invite, resetlink, setroles
from core.errors import KeepError, StoreUnavailableError
from core.pages import roles_of_apps
from core.scripts.manifest import describe
from core.services import close_services, get_services
from core.settings import PROJECT_ROOT
from core.storage.database import note_fingerprint, reachable
from core.storage.migrate import schema_state


class Commands(click.Group):
    """Says what is wrong in one line instead of a traceback, and lets go of all files at the end."""

    def invoke(self, context: click.Context) -> Any:
        try:
            with reachable():
                return super().invoke(context)
        except StoreUnavailableError as error:
            remedy = database_remedy(get_services().settings.resolved_database_url, error)
            raise click.ClickException(f"{error} {remedy}") from error
        except KeepError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}.") from error
        finally:
            close_services()


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(describe(PROJECT_ROOT))
        context.exit()


@click.group(cls=Commands)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Say which version of the template this is, and what of the engine was changed.",
)  # fmt: skip
def manage() -> None:
    """Look after this project."""


@manage.command()
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


@manage.command("accept-secret-key")
def accept_secret_key() -> None:
    """Take note that SECRET_KEY was replaced on purpose. Until then doctor says that it is another one."""
    services = get_services()
    note_fingerprint(services.database, services.settings.secret_key.get_secret_value(), anew=True)
    click.echo("Noted. Whoever was signed in before the change signs in again.")


for command in (
    run,
    test,
    check,
    format_code,
    update,
    startapp,
    removeapp,
    makemigration,
    alembic,
    audit,
    createuser,
    invite,
    resetlink,
    setroles,
    roles,
    person,
    sessions,
    quarantine,
    rotate_keys,
    doctor,
):
    manage.add_command(command)
