"""Invitations: links by which somebody new comes once, and chooses a username and a password of their own."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select

from core.accounts.audit import COMMAND_LINE, Actor, AuditTrail
from core.accounts.rights import require_roles
from core.accounts.roles import existing, grant, listed
from core.accounts.users import (
    LONGEST_NAME,
    USERS,
    User,
    Users,
    normalise,
    require_short,
    unless_taken,
    users_of,
)
from core.clock import SteadyClock
from core.errors import AccountError, InvalidLinkError, UsernameTakenError
from core.storage.database import read_from
from core.storage.models import InvitationModel, RoleModel, UserModel
from core.wildcards import matches

LIFETIME = timedelta(days=7)
MAY_INVITE = "admin.people"
"""The permission of whoever invites. An invitation counts as long as they have it."""
PARAMETER = "invitation"
"""Of the link's query."""
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An open invitation. `invited_by` is the name of who gave it, empty for the command line."""

    invitation_hash: str
    label: str
    roles: tuple[str, ...]
    invited_by: str
    created_at: datetime
    expires_at: datetime
    counts: bool
    """False when whoever invited may not do so any more, so that nobody comes in by it."""

    @property
    def email(self) -> str | None:
        """The label, where that is an e-mail address."""
        return self.label if _ADDRESS.fullmatch(self.label) else None


def link(secret: str, app: str = "/", *, parameter: str = PARAMETER) -> str:
    """Return the address to give to who is invited; `app` is the app's, `parameter` that of another link."""
    return f"{app.rstrip('/')}/?{parameter}={secret}"


class Invitations:
    """The invitations of one database. Every method is one transaction."""

    def __init__(self, database: Engine, clock: SteadyClock, audit: AuditTrail, users: Users) -> None:
        self._database, self._clock, self._audit, self._users = database, clock, audit, users

    def invite(self, label: str, roles: Collection[str], *, by: Actor = COMMAND_LINE) -> str:
        """Make an invitation for seven days; returns its secret, of 256 bits, which is nowhere else.

        Raises AccountError without a label, for an unknown role and for one that is not `by`'s to give.
        """
        label = label.strip()
        if not 0 < len(label) <= LONGEST_NAME:
            raise AccountError(entry="account.whom", n=LONGEST_NAME)
        secret = secrets.token_urlsafe(32)
        with self._database.begin() as connection:
            given = existing(connection, roles)
            require_roles(connection, by, given)
            connection.execute(
                insert(InvitationModel).values(
                    invitation_hash=_hash(secret),
                    label=label,
                    roles=" ".join(given),
                    invited_by=by.user_id,
                    created_at=self._clock.wall.now(),
                    expires_at=self._clock.latest() + LIFETIME,
                )
            )
            subject = _subject(_hash(secret))
            self._audit.add(connection, "person.invited", by=by, subject=subject, detail=listed(given))
        return secret

    def find(self, secret: str) -> Invitation:
        """Return the open invitation of a link. Raises InvalidLinkError when there is none, or it doesn't count."""
        with read_from(self._database) as connection:
            found = self._open_invitations(connection, InvitationModel.invitation_hash == _hash(secret))
        if not found or not found[0].counts:
            raise InvalidLinkError("No invitation belongs to this link.")
        return found[0]

    def all(self) -> list[Invitation]:
        """Return the open ones, the newest first."""
        with read_from(self._database) as connection:
            return self._open_invitations(connection)

    def withdraw(self, invitation_hash: str, *, by: Actor = COMMAND_LINE) -> None:
        """End an invitation. Of one that was used or withdrawn meanwhile nothing is noted."""
        with self._database.begin() as connection:
            if connection.execute(_taking(invitation_hash)).rowcount:
                self._audit.add(connection, "invitation.withdrawn", by=by, subject=_subject(invitation_hash))

    def accept(self, secret: str, username: str, name: str, password: str, *, by: Actor) -> User:
        """Use an invitation up: add the person, with the invitation's roles as far as they still exist.

        Raises InvalidLinkError for a link that admits nobody, UsernameTakenError, after which the link can be used
        again, and AccountError for an unfit password or an empty username.
        """
        offered, username = self.find(secret), normalise(username)
        hashed = offered.invitation_hash
        require_short(username, name)
        # Asked before anything is hashed, or a link is good for any number of hashes.
        if self._users.find(username) is not None:
            raise UsernameTakenError(entry="account.taken", name=repr(username))
        password_hash = self._users.hash(password, username, offered.email)
        with unless_taken(username), self._database.begin() as connection:
            found = self._open_invitations(connection, InvitationModel.invitation_hash == hashed)
            if not found or not found[0].counts or not connection.execute(_taking(hashed)).rowcount:
                raise InvalidLinkError("This link was used by somebody else just now.")
            invitation = found[0]
            user_id = self._users.add(connection, username, name, email=invitation.email, password_hash=password_hash)
            left = set(connection.scalars(select(RoleModel.role)))
            given = grant(connection, user_id, left & set(invitation.roles))
            self._audit.add(
                connection,
                "person.added",
                by=dataclasses.replace(by, user_id=user_id),
                subject=f"person:{user_id}",
                detail=f"{listed(given)}; {_subject(hashed)}",
            )
        return self._users.existing(user_id)

    def forget(self, limit: int = 1000) -> int:
        """Forget up to `limit` invitations that are too old to be used; returns how many."""
        over = InvitationModel.expires_at <= self._clock.now()
        some = select(InvitationModel.invitation_hash).where(over).limit(limit).scalar_subquery()
        with self._database.begin() as connection:
            return connection.execute(delete(InvitationModel).where(InvitationModel.invitation_hash.in_(some))).rowcount

    def _open_invitations(self, connection: Connection, *which: Any) -> list[Invitation]:
        still = InvitationModel.expires_at > self._clock.now()
        newest_first = select(*InvitationModel.__table__.columns).order_by(InvitationModel.created_at.desc())
        rows = connection.execute(newest_first.where(still, *which)).all()
        by = {row.invited_by for row in rows if row.invited_by is not None}
        found = users_of(connection.execute(USERS.where(UserModel.user_id.in_(by)))) if by else []
        inviters = {user.user_id: user for user in found}
        return [_invitation(row, inviters.get(row.invited_by)) for row in rows]


def _invitation(row: Row[*tuple[Any, ...]], inviter: User | None) -> Invitation:
    by_command = row.invited_by is None
    may = inviter is not None and inviter.active and matches(inviter.permissions, MAY_INVITE)
    return Invitation(
        invitation_hash=row.invitation_hash,
        label=row.label,
        roles=tuple(row.roles.split()),
        invited_by=inviter.name if inviter is not None else "",
        created_at=row.created_at,
        expires_at=row.expires_at,
        counts=by_command or may,
    )


def _taking(invitation_hash: str) -> Any:
    return delete(InvitationModel).where(InvitationModel.invitation_hash == invitation_hash)


def _subject(invitation_hash: str) -> str:
    return f"invitation:{invitation_hash[:16]}"


def _hash(text: str) -> str:
    """Return what is stored of a secret that is given out."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
