"""Set up a new project: the tables, two roles and one administrator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from core.accounts import Accounts, User
from core.errors import AccountError, ConfigurationError
from core.storage.database import note_fingerprint
from core.storage.migrate import upgrade

ADMINISTRATOR = "admin"
ROLES = {
    "admin": (["*"], "May do everything, users and roles included"),
    "member": (["home.*"], "May use the apps, but not administer them"),
}
"""The roles a new project starts with, besides what its apps add (`App.roles`)."""


def prepare(
    accounts: Accounts,
    database: Engine,
    admin_password: str | None,
    roles_of_apps: Mapping[str, Sequence[str]],
    secret: str,
) -> User | None:
    """Bring the tables and the declared roles up to date, and create in an empty project the first administrator.

    Notes which SECRET_KEY the database belongs to, for `manage.py doctor`. Returns the administrator if one was
    created. Raises ConfigurationError for an unfit initial password.
    """
    upgrade(database)
    note_fingerprint(database, secret)
    try:
        create_roles(accounts, roles_of_apps)
    except AccountError as error:
        raise ConfigurationError([f"`roles=` of an app can't be used. {error}"]) from error
    try:
        return seed_administrator(accounts, admin_password)
    except AccountError as error:
        raise ConfigurationError([f"ADMIN_INITIAL_PASSWORD can't be used. {error}"]) from error


def create_roles(accounts: Accounts, of_apps: Mapping[str, Sequence[str]] | None = None) -> None:
    """Create the roles that are missing, and grant the others what is declared of them anew. Raises AccountError."""
    for role, permissions in declared_roles(of_apps or {}).items():
        accounts.roles.declare(role, permissions, ROLES[role][1] if role in ROLES else "")


def declared_roles(of_apps: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the permissions of all roles that the code declares, by role."""
    return {role: [*ROLES.get(role, ((), ""))[0], *of_apps.get(role, ())] for role in sorted({*ROLES, *of_apps})}


def seed_administrator(accounts: Accounts, password: str | None, *, username: str = ADMINISTRATOR) -> User | None:
    """Give an empty project its roles and its first administrator, who must change the password at sign-in.

    Returns the administrator only when one was created: not when
    there are users already, and not without a password.
    """
    create_roles(accounts)
    if password is None or accounts.users.count():
        return None
    return accounts.users.create(
        username, "Administrator", password=password, roles=["admin"], must_change_password=True
    )
