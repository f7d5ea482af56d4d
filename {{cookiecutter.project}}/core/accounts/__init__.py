"""Accounts: people, their roles and their browsers, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from core.accounts.audit import COMMAND_LINE, EVENTS, Actor, Asked, Audited, AuditTrail, Event
from core.accounts.background_writes import BackgroundWriter
from core.accounts.browsers import Browser, Browsers
from core.accounts.identity import Identities, Identity, Standing
from core.accounts.invitations import Invitation, Invitations
from core.accounts.oidc import OidcUsers
from core.accounts.password_resets import PasswordResets
from core.accounts.passwords import DEFAULT_ROUNDS
from core.accounts.roles import Role, Roles
from core.accounts.throttle import Attempt, Throttle
from core.accounts.tokens import Redeemed, Tokens
from core.accounts.users import User, Users
from core.clock import Clock, SteadyClock
from core.storage.database import CircuitBreaker

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
    "User",
]


class Accounts:
    """People, roles and tokens of one database, each in a part of its own, whose methods are one transaction each.

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
        steady = SteadyClock(clock)
        self.db_budget = CircuitBreaker()
        """For whoever asks on behalf of a page: `with accounts.db_budget:`."""
        self.background = BackgroundWriter(self.db_budget)
        self.audit = AuditTrail(database, steady, self.background)
        self.roles = Roles(database, self.audit)
        self.users = Users(database, steady, self.audit, title=title, rounds=password_rounds)
        self.oidc = OidcUsers(database, self.users)
        self.invitations = Invitations(database, steady, self.audit, self.users)
        self.throttle = Throttle(database, steady, self.audit, secret=secret, rounds=password_rounds)
        self.resets = PasswordResets(database, steady, self.audit, self.users, self.throttle, secret=secret)
        self.identities = Identities(database, steady, self.users, self.db_budget, signing_in=signing_in)
        self.browsers = Browsers(database, steady, self.audit)
        self.tokens = Tokens(
            database,
            steady,
            self.audit,
            self.background,
            self.identities.known,
            timeout=timedelta(seconds=session_timeout),
            absolute_timeout=timedelta(seconds=absolute_timeout),
            secret=secret,
        )

    def close(self) -> None:
        """Write once more what waits in the background."""
        self.background.close()
