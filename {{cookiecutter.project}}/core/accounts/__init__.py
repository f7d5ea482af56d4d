"""Accounts: people, their roles and their browsers, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta
from threading import Lock

from sqlalchemy import Engine, func, select

from core.accounts.audit import COMMAND_LINE, EVENTS, Actor, Asked, Audited, DeniedLimit, Event
from core.accounts.background_writes import BackgroundWriter
from core.accounts.browsers import Browser, Browsers
from core.accounts.identity import Identities, Identity, IdentityCache
from core.accounts.invitations import Invitation, Invitations
from core.accounts.oidc import OidcUsers
from core.accounts.passwords import DEFAULT_ROUNDS
from core.accounts.roles import Role, Roles
from core.accounts.throttle import WINDOW, Attempt, Throttle
from core.accounts.tokens import Redeemed, Standing, TokenState
from core.accounts.users import User
from core.clock import Clock, SteadyClock
from core.rate import RateLimit
from core.storage.database import CircuitBreaker
from core.storage.models import UserModel

__all__ = [
    "COMMAND_LINE",
    "EVENTS",
    "Accounts",
    "Actor",
    "Asked",
    "Attempt",
    "Audited",
    "Browser",
    "Event",
    "Identity",
    "Invitation",
    "Redeemed",
    "Role",
    "Standing",
    "TokenState",
    "User",
]


class Accounts(OidcUsers, Roles, Invitations, Browsers, Identities, Throttle):
    """People, roles and tokens of one database. Every method is one transaction.

    `session_timeout` and `absolute_timeout` are in seconds: how long a token lives without activity, and how long
    after signing in at most. `password_rounds` is bcrypt's work factor; tests lower it. `secret` keys the hashes under
    which attempts are counted and signs tickets: the same in all processes. Nobody's password may be the `title` of the
    app. Without `signing_in` everybody is one local person. Database trouble raises SQLAlchemy's own errors.
    """

    def __init__(
        self,
        database: Engine,
        clock: Clock,
        *,
        session_timeout: float,
        absolute_timeout: float = 30 * 86400,
        password_rounds: int = DEFAULT_ROUNDS,
        secret: str = "",
        title: str = "",
        signing_in: bool = True,
    ) -> None:
        self._database = database
        self._clock = clock
        self._steady = SteadyClock(clock)
        self.db_budget = CircuitBreaker()
        """For whoever asks on behalf of a page: `with accounts.db_budget:`."""
        self._background = BackgroundWriter(self.db_budget)
        self._denied = DeniedLimit(clock.monotonic)
        self._timeout = timedelta(seconds=session_timeout)
        self._absolute_timeout = timedelta(seconds=absolute_timeout)
        self._password_rounds = password_rounds
        self.title = title
        self.signing_in = signing_in
        self.known_identities = IdentityCache()
        self._secret = b"accounts " + secret.encode()
        self._throttle_notes = RateLimit(per_second=1 / WINDOW.total_seconds(), burst=1, monotonic=clock.monotonic)
        self._turn = Lock()

    def close(self) -> None:
        """Write once more what waits in the background."""
        self._background.close()

    def count_users(self) -> int:
        """Count all people, locked-out ones included."""
        with self._database.connect() as connection:
            return connection.execute(select(func.count()).select_from(UserModel)).scalar_one()
