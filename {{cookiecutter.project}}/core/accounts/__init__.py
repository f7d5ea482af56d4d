"""Accounts: one door to people, their roles and their browsers, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from threading import Lock

import structlog
from sqlalchemy import Engine, func, select

from core.accounts.audit import COMMAND_LINE, EVENTS, Actor, Asked, Audited, Event
from core.accounts.browsers import Browser, Browsers
from core.accounts.denials import Denials, Denying
from core.accounts.holders import Holder, Holders, Reason
from core.accounts.identity import Identities, Identity, IdentityCache
from core.accounts.invitations import Invitation, Invitations
from core.accounts.passwords import DEFAULT_ROUNDS
from core.accounts.provided import Provided
from core.accounts.put_off import PutOff
from core.accounts.records import Records
from core.accounts.removal import Removal
from core.accounts.roles import Role, Roles
from core.accounts.throttle import Attempt, Throttle
from core.accounts.throttled import Refusals
from core.accounts.tickets import Redeemed, Tickets
from core.accounts.tokens import Standing, TokenState
from core.accounts.trail_export import TrailExport
from core.accounts.users import User
from core.clock import Clock, SteadyClock
from core.errors import StoreUnavailableError
from core.storage.database import reachable
from core.storage.hurry import Hurry
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
    "Holder",
    "Identity",
    "Invitation",
    "Reason",
    "Redeemed",
    "Role",
    "Standing",
    "TokenState",
    "User",
]

log = structlog.get_logger(__name__)


class Accounts(
    Provided,
    Roles,
    Tickets,
    Browsers,
    Throttle,
    Denying,
    Records,
    Removal,
    Invitations,
    TrailExport,
    Holders,
    Identities,
):
    """People, roles and tokens of one database. Every method is one transaction.

    `session_timeout` and `absolute_timeout` are in seconds: how long a token lives without activity, and how long
    after signing in at most. `password_rounds` is bcrypt's work factor; tests lower it. `secret` keys
    the hashes under which attempts are counted: the same in all processes. Nobody's password may be the `title` of the
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
        self.hurry = Hurry()
        """For whoever asks on behalf of a page: `with accounts.hurry:`."""
        self._put_off = PutOff(self.hurry)
        self._denials = Denials(clock.monotonic)
        self._timeout = timedelta(seconds=session_timeout)
        self._absolute_timeout = timedelta(seconds=absolute_timeout)
        self._password_rounds = password_rounds
        self.title = title
        self.signing_in = signing_in
        self.known_identities = IdentityCache()
        self._secret = b"attempts " + secret.encode()
        self._refusals = Refusals()
        self._turn = Lock()

    def close(self) -> None:
        """Write once more what was put off, and write down what was only counted so far."""
        with ExitStack() as parts:  # each, whatever another one raises
            parts.callback(self._write_sums)
            parts.callback(self._put_off.close)

    def _write_sums(self) -> None:
        try:
            with reachable():
                self.note_sums()
        except StoreUnavailableError as error:
            log.warning("how many attempts were turned away is not in the audit trail", error=str(error))

    def count_users(self) -> int:
        """How many people there are, locked-out ones included."""
        with self._database.connect() as connection:
            return connection.execute(select(func.count()).select_from(UserModel)).scalar_one()
