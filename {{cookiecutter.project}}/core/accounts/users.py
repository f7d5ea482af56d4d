"""People: who may sign in."""

from __future__ import annotations

import dataclasses
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.accounts.passwords import hash_password
from core.accounts.roles import grant
from core.clock import Clock, SteadyClock
from core.errors import AccountError
from core.storage.models import RoleModel, SessionModel, TokenModel, UserModel, UserRoleModel

AnyRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person, with the permissions of all their roles taken together."""

    user_id: str
    username: str
    name: str
    email: str | None
    roles: frozenset[str]
    permissions: frozenset[str]
    active: bool
    must_change_password: bool
    session_id: str
    last_sign_in: datetime | None


USER_COLUMNS = (
    UserModel.user_id,
    UserModel.username,
    UserModel.name,
    UserModel.email,
    UserModel.active,
    UserModel.must_change_password,
    UserModel.session_id.label("person_session_id"),
    UserModel.last_sign_in,
    UserRoleModel.role,
    RoleModel.permissions,
)
"""What `user_of` reads: one row per role of a person, or one with a NULL role."""

_USERS = (
    select(*USER_COLUMNS)
    .outerjoin(UserRoleModel, UserRoleModel.user_id == UserModel.user_id)
    .outerjoin(RoleModel, RoleModel.role == UserRoleModel.role)
    .order_by(UserModel.username)
)
_USER_BY_ID = _USERS.where(UserModel.user_id == bindparam("user_id"))
_USER_BY_NAME = _USERS.where(UserModel.username == bindparam("username"))
_PASSWORD_HASH = select(UserModel.password_hash).where(
    UserModel.username == bindparam("username"), UserModel.active.is_(True)
)
_SESSION_OF = (
    select(UserModel.session_id, SessionModel.purged_at)
    .outerjoin(SessionModel, SessionModel.session_id == UserModel.session_id)
    .where(UserModel.user_id == bindparam("user_id"))
)
_KEEP_SESSION_OF = (
    select(SessionModel.session_id)
    .join(UserModel, SessionModel.session_id == UserModel.session_id)
    .where(UserModel.user_id == bindparam("user_id"))
    .with_for_update(read=True, of=SessionModel)
)
"""Keeps the cleanup away from a person's session until the transaction ends. SQLite has one writer and needs none."""


def user_of(rows: Sequence[AnyRow]) -> User | None:
    """Fold the rows of one person (see `USER_COLUMNS`) into a User; None for no rows."""
    if not rows:
        return None
    first = rows[0]
    granted = [row for row in rows if row.role is not None]
    return User(
        user_id=first.user_id,
        username=first.username,
        name=first.name,
        email=first.email,
        roles=frozenset(row.role for row in granted),
        permissions=frozenset(line for row in granted for line in (row.permissions or "").split()),
        active=first.active,
        must_change_password=first.must_change_password,
        session_id=first.person_session_id,
        last_sign_in=first.last_sign_in,
    )


def normalise(username: str) -> str:
    """The one spelling under which a username is stored and looked up."""
    return username.strip().casefold()


class Users:
    """The part of `Accounts` that keeps people. Every method is one transaction."""

    _database: Engine
    _clock: Clock
    _steady: SteadyClock
    _password_rounds: int

    def create_user(
        self,
        username: str,
        name: str,
        *,
        email: str | None = None,
        password: str | None = None,
        roles: Iterable[str] = (),
        must_change_password: bool = False,
    ) -> User:
        """Add a person. Without a password they can only arrive through a provider (OIDC).

        Raises AccountError for an empty or taken username, an unknown role or an unfit password.
        """
        username = normalise(username)
        if not username:
            raise AccountError("Give a username.")
        password_hash = None if password is None else hash_password(password, rounds=self._password_rounds)
        user_id = uuid.uuid4().hex
        try:
            with self._database.begin() as connection:
                connection.execute(
                    insert(UserModel).values(
                        user_id=user_id,
                        username=username,
                        name=name.strip() or username,
                        email=email,
                        password_hash=password_hash,
                        must_change_password=must_change_password,
                        session_id=_new_session_id(),
                        created_at=self._clock.now(),
                    )
                )
                grant(connection, user_id, roles)
        except IntegrityError as error:
            raise AccountError(f"There is already a user called {username!r}. Choose another username.") from error
        return self._existing(user_id)

    def users(self) -> list[User]:
        """Everybody, by username."""
        people: dict[str, list[AnyRow]] = {}
        with self._database.connect() as connection:
            for row in connection.execute(_USERS):
                people.setdefault(row.user_id, []).append(row)
        return [user for user in map(user_of, people.values()) if user is not None]

    def user(self, user_id: str) -> User | None:
        """Return the person with this id, or None."""
        with self._database.connect() as connection:
            return user_of(connection.execute(_USER_BY_ID, {"user_id": user_id}).all())

    def find(self, username: str) -> User | None:
        """Return the person with this username in any spelling of capitals, or None."""
        with self._database.connect() as connection:
            return user_of(connection.execute(_USER_BY_NAME, {"username": normalise(username)}).all())

    def password_hash(self, username: str) -> str:
        """Return the hash to check a password against.

        For somebody unknown, disabled or without a password it is one that no password fits, so that
        checking takes as long as for anybody else.
        """
        with self._database.connect() as connection:
            stored: str | None = connection.execute(_PASSWORD_HASH, {"username": normalise(username)}).scalar()
        return stored or self._unfit_hash

    def set_password(self, user_id: str, password: str, *, must_change: bool = False) -> None:
        """Replace the password and end every sign-in made with the old one.

        Raises AccountError for an unfit password or an unknown person.
        """
        password_hash = hash_password(password, rounds=self._password_rounds)
        with self._database.begin() as connection:
            self._change(connection, user_id, password_hash=password_hash, must_change_password=must_change)
            self._end_sign_ins(connection, user_id)

    def set_roles(self, user_id: str, roles: Iterable[str]) -> None:
        """Give exactly these roles. The person's browsers receive new tokens at their next event.

        Raises AccountError for an unknown role or person.
        """
        with self._database.begin() as connection:
            self._change(connection, user_id)
            connection.execute(delete(UserRoleModel).where(UserRoleModel.user_id == user_id))
            grant(connection, user_id, roles)

    def set_active(self, user_id: str, active: bool) -> None:
        """Admit or lock out a person; locking out ends every sign-in of theirs. Raises AccountError if unknown."""
        with self._database.begin() as connection:
            self._change(connection, user_id, active=active)
            if not active:
                self._end_sign_ins(connection, user_id)

    def ensure_session(self, user: User) -> User:
        """Return the person with a session they can use: a new one if theirs was deleted for good."""
        with self._database.begin() as connection:
            return dataclasses.replace(user, session_id=usable_session(connection, user.user_id))

    @cached_property
    def _unfit_hash(self) -> str:
        return hash_password(secrets.token_hex(), rounds=self._password_rounds)

    def _existing(self, user_id: str) -> User:
        user = self.user(user_id)
        if user is None:
            raise AccountError("This user no longer exists. Reload the list.")
        return user

    def _change(self, connection: Connection, user_id: str, **values: Any) -> None:
        """Set columns of a person and bump the epoch, which makes their tokens stale."""
        statement = update(UserModel).where(UserModel.user_id == user_id).values(epoch=UserModel.epoch + 1, **values)
        if not connection.execute(statement).rowcount:
            raise AccountError("This user no longer exists. Reload the list.")

    def _end_sign_ins(self, connection: Connection, user_id: str) -> None:
        open_tokens = (TokenModel.user_id == user_id) & TokenModel.revoked_at.is_(None)
        connection.execute(update(TokenModel).where(open_tokens).values(revoked_at=self._steady.latest()))


def usable_session(connection: Connection, user_id: str) -> str:
    """Return the id of a person's session within a transaction. What was purged stays so, and is replaced."""
    row = connection.execute(_SESSION_OF, {"user_id": user_id}).one()
    if row.purged_at is None:
        return str(row.session_id)
    renewed = _new_session_id()
    connection.execute(update(UserModel).where(UserModel.user_id == user_id).values(session_id=renewed))
    return renewed


def session_to_sign_in_to(connection: Connection, user_id: str) -> str:
    """Like `usable_session`, and nobody can delete the session before the transaction has its token in place."""
    connection.execute(_KEEP_SESSION_OF, {"user_id": user_id}).all()
    return usable_session(connection, user_id)


def _new_session_id() -> str:
    return f"user-{secrets.token_hex(16)}"
