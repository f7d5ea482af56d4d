"""What a new project begins with: the tables, two roles and one administrator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from core.accounts import Accounts, User
from core.errors import AccountError, ConfigurationError
from core.storage.migrate import upgrade

ADMINISTRATOR = "admin"
ROLES = {
    "admin": (["*"], "May do everything, users and roles included"),
    "member": (["home.*"], "May use the apps, but not administer them"),
}
"""The roles a new project starts with, besides what its apps add (`App.roles`)."""


def prepare(
    accounts: Accounts, database: Engine, admin_password: str | None, roles_of_apps: Mapping[str, Sequence[str]]
) -> User | None:
    """Bring the tables up to date, create the roles that are missing, and in an empty project the first administrator.

    Returns the administrator if one was created. Raises ConfigurationError for an unfit initial password.
    """
    upgrade(database)
    try:
        create_roles(accounts, roles_of_apps)
    except AccountError as error:
        raise ConfigurationError([f"`roles=` of an app can't be used. {error}"]) from error
    try:
        return seed_administrator(accounts, admin_password)
    except AccountError as error:
        raise ConfigurationError([f"ADMIN_INITIAL_PASSWORD can't be used. {error}"]) from error


def create_roles(accounts: Accounts, of_apps: Mapping[str, Sequence[str]] | None = None) -> None:
    """Create the roles that are missing; those that exist are left as they are. Raises AccountError."""
    added = of_apps or {}
    existing = {role.role for role in accounts.roles()}
    for role in sorted({*ROLES, *added} - existing):
        permissions, description = ROLES.get(role, ((), ""))
        accounts.save_role(role, [*permissions, *added.get(role, ())], description)


def seed_administrator(accounts: Accounts, password: str | None, *, username: str = ADMINISTRATOR) -> User | None:
    """Give an empty project its roles and its first administrator, who must change the password at sign-in.

    Roles that exist are left as they are. Returns the administrator only when one was created: not when
    there are users already, and not without a password.
    """
    create_roles(accounts)
    if password is None or accounts.count_users():
        return None
    return accounts.create_user(
        username, "Administrator", password=password, roles=["admin"], must_change_password=True
    )
