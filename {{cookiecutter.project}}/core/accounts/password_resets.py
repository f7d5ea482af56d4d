"""Reset links: whoever forgot their password chooses another one, by a link that an administrator made.

Nothing of a link is stored. It is signed, as a ticket is, and says whose password it is for, who made it, and of which
epoch of the person's rights: a change of these or of the password, and so its own use, makes it worthless.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Engine, select, update

from core.accounts.audit import COMMAND_LINE, Actor, AuditTrail
from core.accounts.rights import require_over, require_permissions
from core.accounts.throttle import Throttle
from core.accounts.users import User, Users
from core.clock import SteadyClock
from core.errors import AccountError, InvalidLinkError
from core.signing import read_signed, signed
from core.storage.database import read_from
from core.storage.models import UserModel

LIFETIME = timedelta(hours=24)
MAY_RESET = "admin.people"
"""The permission of whoever makes a link. It counts as long as they have it, and no less than the person it is for."""
PARAMETER = "reset"
"""Of the link's query."""
_PURPOSE = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    user_id: str
    made_by: str | None
    """None: from the command line."""
    epoch: int


class PasswordResets:
    """The reset links of one database. `secret` signs them."""

    def __init__(
        self,
        database: Engine,
        clock: SteadyClock,
        audit: AuditTrail,
        users: Users,
        throttle: Throttle,
        *,
        secret: str,
    ) -> None:
        self._database, self._clock, self._audit, self._users = database, clock, audit, users
        self._throttle, self._secret = throttle, secret

    def make(self, user_id: str, *, by: Actor = COMMAND_LINE) -> str:
        """Make a link for a person's password that works once, within 24 hours; returns its secret.

        Raises AccountError for an unknown or locked-out person, and for one who may do more than `by`.
        """
        ends = self._clock.latest() + LIFETIME
        with self._database.begin() as connection:
            require_over(connection, by, user_id)
            epoch = _epoch(connection, user_id)
            if epoch is None:
                raise AccountError(entry="account.no_reset")
            secret = signed([user_id, by.user_id, epoch, ends.timestamp()], self._secret, _PURPOSE)
            self._audit.add(connection, "password.link", by=by, subject=f"person:{user_id}", detail=_named(secret))
        return secret

    def find(self, secret: str, *, by: Actor) -> User:
        """Return whose password a link is for. One that is good for nothing counts as a wrong password does.

        Raises InvalidLinkError for such a one, and ThrottledError after too many from one address.
        """
        attempt = self._throttle.begin(secret, token_hash=None, by=by)
        try:
            with read_from(self._database) as connection:
                user_id = self._require_good(connection, secret).user_id
        except InvalidLinkError:
            self._throttle.wrong(attempt, by=by)
            raise
        self._throttle.right(attempt)
        return self._users.existing(user_id)

    def use(self, secret: str, password: str, *, by: Actor) -> User:
        """Use a link up: replace the person's password, and end all their sign-ins.

        Raises what `find` raises, and AccountError for an unfit password, after which the link can be used again.
        """
        user = self.find(secret, by=by)
        password_hash = self._users.hash(password, user.username, user.email)
        with self._database.begin() as connection:
            link = self._require_good(connection, secret)
            once = update(UserModel).where(UserModel.user_id == link.user_id, UserModel.epoch == link.epoch)
            new = {"password_hash": password_hash, "must_change_password": False, "epoch": UserModel.epoch + 1}
            if not connection.execute(once.values(new)).rowcount:
                raise InvalidLinkError("This link was used by somebody else just now.")
            self._users.end_sign_ins(connection, link.user_id)
            by = dataclasses.replace(by, user_id=link.user_id)
            subject = f"person:{link.user_id}"
            self._audit.add(connection, "password.reset", by=by, subject=subject, detail=_named(secret))
        return user

    def _require_good(self, connection: Connection, secret: str) -> _Link:
        """Return what a link says. Raises InvalidLinkError for one that is good for nothing (any more)."""
        link = self._read(secret)
        try:
            if link is None or _epoch(connection, link.user_id) != link.epoch:
                raise InvalidLinkError("No password can be chosen by this link.")
            require_permissions(connection, Actor(user_id=link.made_by), [MAY_RESET])
            require_over(connection, Actor(user_id=link.made_by), link.user_id)
        except AccountError as error:
            raise InvalidLinkError(str(error)) from error
        return link

    def _read(self, secret: str) -> _Link | None:
        match read_signed(secret, self._secret, _PURPOSE):
            case [user_id, made_by, epoch, ends] if self._clock.now().timestamp() < ends:
                return _Link(user_id=user_id, made_by=made_by, epoch=epoch)
        return None


def _epoch(connection: Connection, user_id: str) -> int | None:
    """Return the epoch of a person's rights; None for somebody who may not sign in."""
    active = select(UserModel.epoch).where(UserModel.user_id == user_id, UserModel.active.is_(True))
    return connection.execute(active).scalar()


def _named(secret: str) -> str:
    """Return a name by which the audit trail shows that it is the same link."""
    return f"link:{hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
