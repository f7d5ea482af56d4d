"""`manage.py createuser`, `invite`, `resetlink` and `setroles`."""

from __future__ import annotations

import click

from core.accounts import User, password_resets
from core.accounts.invitations import LIFETIME, link
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
    """Add a person who may sign in with a password."""
    services = get_services()
    _require_passwords(services.settings.auth)
    user = services.accounts.users.create(
        username, name or username, email=email, password=password, roles=roles, must_change_password=not keep_password
    )
    click.echo(f"Created {user.username} with {_listed(user)}.")


@click.command()
@click.argument("whom", metavar="ADDRESS_OR_NAME")
@click.option(
    "--role", "roles", multiple=True, default=["member"], show_default=True, help="May be given several times."
)
@click.option("--at", "app", default="", help="The app's address, such as https://app.example.com, for a whole link.")
def invite(whom: str, roles: tuple[str, ...], app: str) -> None:
    """Make a link by which one person creates their account."""
    services = get_services()
    _require_passwords(services.settings.auth)
    others = [
        other for other in services.accounts.invitations.all() if other.label.casefold() == whom.strip().casefold()
    ]
    secret = services.accounts.invitations.invite(whom, roles)
    until = services.clock.now() + LIFETIME
    click.echo(
        f"Give this link to {whom}. It admits one person, until {until:%Y-%m-%d %H:%M} UTC. It is shown only now."
    )
    _say_link(link(secret, app), app)
    if others:
        links = "another link counts" if len(others) == 1 else f"{len(others)} other links count"
        click.echo(f"For {whom} {links} still. The page Admin, People withdraws what isn't needed.")


@click.command()
@click.argument("username")
@click.option("--at", "app", default="", help="The app's address, such as https://app.example.com, for a whole link.")
def resetlink(username: str, app: str) -> None:
    """Make a link by which a person chooses a new password. USERNAME may be an e-mail address."""
    services = get_services()
    _require_passwords(services.settings.auth)
    found = _called(username)
    secret = services.accounts.resets.make(found.user_id)
    until = services.clock.now() + password_resets.LIFETIME
    click.echo(
        f"Give this link to {found.name} ({found.username}). It works once, until {until:%Y-%m-%d %H:%M} UTC. "
        "It is shown only now."
    )
    _say_link(link(secret, app, parameter=password_resets.PARAMETER), app)


@click.command()
@click.argument("username")
@click.argument("roles", nargs=-1)
def setroles(username: str, roles: tuple[str, ...]) -> None:
    """Give a person exactly these roles. USERNAME may be an e-mail address."""
    services = get_services()
    accounts, provided = services.accounts, set(services.settings.oidc_roles.values())
    found = _called(username)
    accounts.users.set_roles(found.user_id, roles)
    changed = accounts.users.get(found.user_id)
    click.echo(f"{found.name} ({found.username}) now has {_listed(changed)}.")
    if services.settings.auth == "oidc" and (theirs := provided & (set(roles) | found.roles)):
        click.echo(f"The provider decides on {', '.join(sorted(theirs))} again at their next sign-in: see OIDC_ROLES.")


def _say_link(address: str, app: str) -> None:
    click.echo(address)
    if not app:
        click.echo("Put the app's address before it, or give that with --at, such as --at https://app.example.com")


def _require_passwords(auth: str) -> None:
    if auth == "oidc":
        raise AccountError(
            "With AUTH=oidc nobody has a password here, so nobody is added, invited or sent a link: whom OIDC_ALLOWED "
            "or OIDC_ROLES names comes by signing in."
        )
    if auth == "none":
        raise AccountError(
            "With AUTH=none nobody has a password here, so nobody is added, invited or sent a link: all may come."
        )


def _called(name: str) -> User:
    services = get_services()
    users = services.accounts.users.all()
    found = [user for user in users if name.casefold() in (user.username, (user.email or "").casefold())]
    if not found and services.settings.auth == "oidc":
        raise AccountError(f"Nobody called {name!r} has signed in yet. Let them sign in once; then this works.")
    if len(found) != 1:
        raise AccountError(f"{len(found) or 'No'} users are called {name!r}. Give one username or e-mail address.")
    return found[0]


def _listed(user: User | None) -> str:
    roles = ", ".join(sorted(user.roles)) if user else ""
    return f"the roles: {roles}" if roles else "no role"
