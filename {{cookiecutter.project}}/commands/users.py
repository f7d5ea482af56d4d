"""`manage.py createuser` and `setroles`."""

from __future__ import annotations

import click

from core.accounts import User
from core.errors import AccountError
from core.services import get_services


@click.command()
@click.argument("username")
@click.option("--name", help="The full name; the username if not given.")
@click.option("--email")
@click.option(
    "--role", "roles", multiple=True, default=["member"], show_default=True, help="May be given several times."
)
@click.option("--keep-password", is_flag=True, help="Don't ask for a new password at the first sign-in.")
@click.password_option(help="Asked for if not given.")
def createuser(
    username: str, name: str | None, email: str | None, roles: tuple[str, ...], keep_password: bool, password: str
) -> None:
    """Add a person who may sign in."""
    user = get_services().accounts.create_user(
        username, name or username, email=email, password=password, roles=roles, must_change_password=not keep_password
    )
    click.echo(f"Created {user.username} with {_listed(user)}.")


@click.command()
@click.argument("username")
@click.argument("roles", nargs=-1)
def setroles(username: str, roles: tuple[str, ...]) -> None:
    """Give a person exactly these roles. USERNAME may be an e-mail address."""
    accounts = get_services().accounts
    found = [user for user in accounts.users() if username.casefold() in (user.username, (user.email or "").casefold())]
    if len(found) != 1:
        raise AccountError(f"{len(found) or 'No'} users are called {username!r}. Give one username or e-mail address.")
    accounts.set_roles(found[0].user_id, roles)
    changed = accounts.user(found[0].user_id)
    click.echo(f"{found[0].username} now has {_listed(changed)}.")


def _listed(user: User | None) -> str:
    roles = ", ".join(sorted(user.roles)) if user else ""
    return f"the roles: {roles}" if roles else "no role"
