"""Browsers that may be used now, for whoever looks after the project: found by person, device and page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVarTuple

from sqlalchemy import Select, func, select, update

from core.accounts.audit import COMMAND_LINE, Actor
from core.accounts.tokens import Tokens
from core.accounts.whereabouts import Whereabouts
from core.storage.models import TokenModel, UserModel

Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """One browser and whose it is. `name` is empty where nobody is signed in, `page` where none was noted yet."""

    token_hash: str
    session_id: str
    user_id: str | None
    name: str
    username: str
    device: str
    page: str
    created_at: datetime
    """Since when it is signed in, or known at all."""
    last_seen: datetime
    """Up to a minute too early."""
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which browsers to find: parts of the person's name or username and of the device, and a page. Empty finds all."""

    person: str = ""
    device: str = ""
    page: str = ""


class Browsers(Tokens):
    """The part of `Accounts` that lists browsers. Every method is one transaction of one query."""

    _whereabouts: Whereabouts

    def note_page(self, token_hash: str, page: str) -> None:
        """Note, some seconds later, which page a browser is on. Nobody waits for it."""
        self._whereabouts.note(token_hash, page)

    def write_pages(self) -> None:
        """Write now which pages were noted."""
        self._whereabouts.write()

    def find_browsers(self, wanted: Wanted, *, limit: int, offset: int = 0) -> list[Browser]:
        """Browsers that may be used now, the most recently seen first."""
        statement = self._wanted(self._browsers(), wanted)
        newest_first = statement.order_by(TokenModel.last_seen.desc(), TokenModel.token_hash.desc())
        return self._found(newest_first.limit(limit).offset(offset))

    def count_browsers(self, wanted: Wanted) -> int:
        """How many browsers `find_browsers` finds in all."""
        statement = self._wanted(select(func.count()).select_from(TokenModel), wanted)
        with self._database.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def browsers(self, token_hashes: Collection[str]) -> dict[str, Browser]:
        """These browsers as they are now, by the hash of their token, ended ones included."""
        found = self._found(self._browsers().where(TokenModel.token_hash.in_(token_hashes)))
        return {browser.token_hash: browser for browser in found}

    def revoke_person(self, user_id: str, *, by: Actor = COMMAND_LINE) -> int:
        """Sign a person out of all their browsers; returns how many. They may sign in again."""
        with self._database.begin() as connection:
            statement = update(TokenModel).where(TokenModel.user_id == user_id, self._live())
            ended = connection.execute(statement.values(revoked_at=self._steady.latest())).rowcount
            detail = f"{ended} {'browser' if ended == 1 else 'browsers'}"
            self._note(connection, "session.revoked", by=by, subject=f"person:{user_id}", detail=detail)
            return ended

    def _browsers(self) -> Select[*tuple[Any, ...]]:
        ended = TokenModel.revoked_at.is_not(None) | (TokenModel.expires_at <= self._steady.now())
        return select(
            TokenModel.token_hash,
            TokenModel.session_id,
            TokenModel.user_id,
            func.coalesce(UserModel.name, "").label("name"),
            func.coalesce(UserModel.username, "").label("username"),
            TokenModel.device,
            TokenModel.page,
            TokenModel.created_at,
            TokenModel.last_seen,
            ended.label("ended"),
        ).outerjoin_from(TokenModel, UserModel, UserModel.user_id == TokenModel.user_id)

    def _wanted(self, statement: Select[*Columns], wanted: Wanted) -> Select[*Columns]:
        conditions = [self._live()]
        if wanted.person:
            named = UserModel.name.icontains(wanted.person, autoescape=True)
            called = UserModel.username.contains(wanted.person.strip().casefold(), autoescape=True)
            conditions.append(TokenModel.user_id.in_(select(UserModel.user_id).where(named | called)))
        if wanted.device:
            conditions.append(TokenModel.device.icontains(wanted.device, autoescape=True))
        if wanted.page:
            conditions.append(TokenModel.page == wanted.page)
        return statement.where(*conditions)

    def _found(self, statement: Select[*tuple[Any, ...]]) -> list[Browser]:
        with self._database.connect() as connection:
            return [Browser(**row) for row in connection.execute(statement).mappings()]
