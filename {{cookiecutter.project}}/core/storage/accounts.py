"""Accounts: one door to people, their roles and their browsers, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, func, select

from core.clock import Clock, SteadyClock
from core.storage.hurry import Hurry
from core.storage.models import UserModel
from core.storage.passwords import DEFAULT_ROUNDS
from core.storage.put_off import PutOff
from core.storage.roles import Role, Roles
from core.storage.tickets import Redeemed, Tickets
from core.storage.tokens import Standing, Token, TokenState
from core.storage.users import User, Users

__all__ = ["Accounts", "Redeemed", "Role", "Standing", "Token", "TokenState", "User", "seed_administrator"]

ADMINISTRATOR = "admin"
LOCAL_USER = "local"
"""The one person of `auth=none`."""
ROLES = {
    "admin": (["*"], "May do everything, users and roles included"),
    "member": (["home.*", "intake.*", "insights.*"], "May use the apps, but not administer them"),
}
"""The roles a new project starts with."""


class Accounts(Users, Roles, Tickets):
    """People, roles and tokens of one database. Every method is one transaction.

    `session_timeout` and `absolute_timeout` are in seconds: how long a token lives without activity, and how long
    after signing in at most. `password_rounds` is bcrypt's work factor; tests lower it. Database trouble raises
    SQLAlchemy's own errors.
    """

    def __init__(
        self,
        database: Engine,
        clock: Clock,
        *,
        session_timeout: float,
        absolute_timeout: float = 30 * 86400,
        password_rounds: int = DEFAULT_ROUNDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._steady = SteadyClock(clock)
        self.hurry = Hurry()
        """For whoever asks on behalf of a page: `with accounts.hurry:`."""
        self._put_off = PutOff(self.hurry)
        self._timeout = timedelta(seconds=session_timeout)
        self._absolute_timeout = timedelta(seconds=absolute_timeout)
        self._password_rounds = password_rounds

    def close(self) -> None:
        """Stop trying to write what was put off."""
        self._put_off.close()

    def count_users(self) -> int:
        """How many people there are, locked-out ones included."""
        with self._database.connect() as connection:
            return connection.execute(select(func.count()).select_from(UserModel)).scalar_one()


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
