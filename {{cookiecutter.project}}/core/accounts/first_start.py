"""What a new project begins with: the tables, two roles and one administrator."""

from __future__ import annotations

from sqlalchemy import Engine

from core.accounts import Accounts, User
from core.errors import AccountError, ConfigurationError
from core.storage.migrate import upgrade

ADMINISTRATOR = "admin"
ROLES = {
    "admin": (["*"], "May do everything, users and roles included"),
    "member": (["home.*", "intake.*", "insights.*"], "May use the apps, but not administer them"),
}
"""The roles a new project starts with."""


def prepare(accounts: Accounts, database: Engine, admin_password: str | None) -> User | None:
    """Bring the tables up to date, and give an empty project its roles and first administrator.

    Returns the administrator if one was created. Raises ConfigurationError for an unfit initial password.
    """
    upgrade(database)
    try:
        return seed_administrator(accounts, admin_password)
    except AccountError as error:
        raise ConfigurationError([f"ADMIN_INITIAL_PASSWORD can't be used. {error}"]) from error


def seed_administrator(accounts: Accounts, password: str | None, *, username: str = ADMINISTRATOR) -> User | None:
    """Give an empty project its roles and its first administrator, who must change the password at sign-in.

    Roles that exist are left as they are. Returns the administrator only when one was created: not when
    there are users already, and not without a password.
    """
    existing = {role.role for role in accounts.roles()}
    for role, (permissions, description) in ROLES.items():
        if role not in existing:
            accounts.save_role(role, permissions, description)
    if password is None or accounts.count_users():
        return None
    return accounts.create_user(
        username, "Administrator", password=password, roles=["admin"], must_change_password=True
    )
