"""Accounts: one door to people, their roles and their browsers, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, func, select

from core.accounts.passwords import DEFAULT_ROUNDS
from core.accounts.put_off import PutOff
from core.accounts.roles import Role, Roles
from core.accounts.tickets import Redeemed, Tickets
from core.accounts.tokens import Standing, Token, TokenState
from core.accounts.users import User, Users
from core.clock import Clock, SteadyClock
from core.storage.hurry import Hurry
from core.storage.models import UserModel

__all__ = ["Accounts", "Redeemed", "Role", "Standing", "Token", "TokenState", "User"]

LOCAL_USER = "local"
"""The one person of `auth=none`."""


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
