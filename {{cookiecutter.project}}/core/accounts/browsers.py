"""Browsers in use: lists for administrators and for each person's own devices, and signing them out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, func, select, update

from core.accounts.audit import COMMAND_LINE, Actor, AuditTrail
from core.clock import SteadyClock
from core.storage.database import read_from
from core.storage.models import TokenModel, UserModel

_BROWSERS = select(
    TokenModel.token_hash,
    TokenModel.session_id,
    TokenModel.user_id,
    func.coalesce(UserModel.name, "").label("name"),
    TokenModel.device,
    TokenModel.created_at,
    TokenModel.last_seen,
    TokenModel.expires_at,
    TokenModel.revoked_at,
).outerjoin_from(TokenModel, UserModel, UserModel.user_id == TokenModel.user_id)
_LAST_SEEN_FIRST = (TokenModel.last_seen.desc(), TokenModel.token_hash.desc())


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """One browser and its person; `name` is empty where nobody is signed in."""

    token_hash: str
    session_id: str
    user_id: str | None
    name: str
    device: str
    created_at: datetime
    """The moment it was signed in, or first known at all."""
    last_seen: datetime
    """Up to a minute too early."""
    expires_at: datetime
    revoked_at: datetime | None


class Browsers:
    """The browsers of one database. Every method is one transaction."""

    def __init__(self, database: Engine, clock: SteadyClock, audit: AuditTrail) -> None:
        self._database, self._clock, self._audit = database, clock, audit

    def find(self, person: str = "", device: str = "", *, limit: int, offset: int = 0) -> list[Browser]:
        """Return browsers in use, the last seen first, by parts of the person's name or username and of the device."""
        wanted = _BROWSERS.where(self._live(), *_named(person, device)).order_by(*_LAST_SEEN_FIRST)
        return self._list(wanted.limit(limit).offset(offset))

    def count(self, person: str = "", device: str = "") -> int:
        """Count what `find` finds in all."""
        wanted = select(func.count()).select_from(TokenModel).where(self._live(), *_named(person, device))
        with read_from(self._database) as connection:
            return int(connection.execute(wanted).scalar_one())

    def in_use(self, session_id: str) -> list[Browser]:
        """Return the browsers that may use a session now, the last seen first."""
        theirs = TokenModel.session_id == session_id
        return self._list(_BROWSERS.where(theirs, self._live()).order_by(*_LAST_SEEN_FIRST))

    def of_session(self, session_id: str) -> list[Browser]:
        """Return all browsers of a session, ended ones included, the last seen first."""
        return self._list(_BROWSERS.where(TokenModel.session_id == session_id).order_by(*_LAST_SEEN_FIRST))

    def revoke_session(
        self, session_id: str, *, only: str | None = None, keep: str | None = None, by: Actor = COMMAND_LINE
    ) -> int:
        """End the browsers' right to a session; returns of how many. They may sign in again.

        `only` is the hash of the token of the one to sign out, `keep` that of the one to leave as it is.
        """
        which = TokenModel.session_id == session_id
        if only is not None:
            which &= TokenModel.token_hash == only
        if keep is not None:
            which &= TokenModel.token_hash != keep
        return self._revoke(which, by)

    def revoke_person(self, user_id: str, *, by: Actor = COMMAND_LINE) -> int:
        """Sign a person out of all their browsers; returns how many. They may sign in again."""
        return self._revoke(TokenModel.user_id == user_id, by)

    def _revoke(self, which: ColumnElement[bool], by: Actor) -> int:
        ending = update(TokenModel).where(which, self._live()).values(revoked_at=self._clock.latest())
        with self._database.begin() as connection:
            ended = connection.execute(
                ending.returning(TokenModel.device, TokenModel.user_id, TokenModel.session_id)
            ).all()
            if ended:
                user_id, devices = ended[0].user_id, ", ".join(sorted(row.device for row in ended))
                subject = f"person:{user_id}" if user_id else f"session:{ended[0].session_id}"
                self._audit.add(connection, "session.revoked", by=by, subject=subject, detail=devices)
        return len(ended)

    def _live(self) -> ColumnElement[bool]:
        """Return the condition that a token can be used now."""
        return TokenModel.revoked_at.is_(None) & (TokenModel.expires_at > self._clock.now())

    def _list(self, statement: Select[*tuple[Any, ...]]) -> list[Browser]:
        with read_from(self._database) as connection:
            return [Browser(**row) for row in connection.execute(statement).mappings()]


def _named(person: str, device: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if person:
        named = UserModel.name.icontains(person, autoescape=True)
        called = UserModel.username.contains(person.strip().casefold(), autoescape=True)
        conditions.append(TokenModel.user_id.in_(select(UserModel.user_id).where(named | called)))
    if device:
        conditions.append(TokenModel.device.icontains(device, autoescape=True))
    return conditions
