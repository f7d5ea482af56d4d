"""People: who may sign in, and with which roles."""

from __future__ import annotations

import dataclasses
import secrets
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, bindparam, delete, func, insert, select, update

from core.accounts.audit import COMMAND_LINE, Actor, AuditTrail, Event
from core.accounts.passwords import hash_password
from core.accounts.rights import last_admin_stays, require_over, require_roles
from core.accounts.roles import grant, listed
from core.clock import SteadyClock
from core.errors import AccountError, RowConflictError, UsernameTakenError
from core.storage.database import reachable, read_from
from core.storage.models import RoleModel, SessionModel, TokenModel, UserModel, UserRoleModel

LONGEST_NAME = 200
"""Characters of a name, a username or an e-mail address."""
GONE = "account.gone"
"""The text for a person who was deleted meanwhile."""

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
"""Columns that `user_of` reads: one row per role of a person, or one with a NULL role."""
USERS = (
    select(*USER_COLUMNS)
    .outerjoin(UserRoleModel, UserRoleModel.user_id == UserModel.user_id)
    .outerjoin(RoleModel, RoleModel.role == UserRoleModel.role)
    .order_by(UserModel.username)
)
"""Everybody by username, in rows for `users_of`."""
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


class Users:
    """The people of one database. Every method is one transaction.

    Nobody's password may be the `title` of the app. `rounds` is bcrypt's work factor.
    """

    def __init__(self, database: Engine, clock: SteadyClock, audit: AuditTrail, *, title: str, rounds: int) -> None:
        self._database, self._clock, self._audit = database, clock, audit
        self.title, self._rounds = title, rounds

    def create(
        self,
        username: str,
        name: str,
        *,
        email: str | None = None,
        password: str | None = None,
        roles: Iterable[str] = (),
        must_change_password: bool = False,
        by: Actor = COMMAND_LINE,
    ) -> User:
        """Add a person. Without a password they can only sign in through a provider (OIDC).

        Raises AccountError for an empty or taken username, an unknown role, one that is not `by`'s to give, or an
        unfit password.
        """
        username = normalise(username)
        require_short(username, name, email)
        password_hash = None if password is None else self.hash(password, username, email)
        with unless_taken(username), self._database.begin() as connection:
            user_id = self.add(
                connection, username, name, email=email, password_hash=password_hash, must_change=must_change_password
            )
            given = grant(connection, user_id, roles)
            require_roles(connection, by, given)
            self._audit.add(connection, "person.added", by=by, subject=f"person:{user_id}", detail=listed(given))
        return self.existing(user_id)

    def ensure(
        self, username: str, name: str, *, email: str | None = None, roles: Iterable[str] = (), by: Actor = COMMAND_LINE
    ) -> User:
        """Add a person, or return the one of this username: two tabs that add one at once get the same."""
        try:
            return self.create(username, name, email=email, roles=roles, by=by)
        except UsernameTakenError:
            found = self.find(username)
            if found is None:
                raise
            return found

    def all(self) -> list[User]:
        """Return everybody, by username."""
        return self._read(USERS)

    def search(self, search: str = "", *, limit: int, offset: int = 0) -> list[User]:
        """Return the people in whose name, username or e-mail address `search` is, by username."""
        some = select(UserModel.user_id).where(_named(search)).order_by(UserModel.username).limit(limit).offset(offset)
        return self._read(USERS.where(UserModel.user_id.in_(some.scalar_subquery())))

    def count(self, search: str = "") -> int:
        """Count what `search` finds in all; without a text everybody, locked-out people included."""
        with read_from(self._database) as connection:
            found = select(func.count()).select_from(UserModel).where(_named(search))
            return int(connection.execute(found).scalar_one())

    def get(self, user_id: str) -> User | None:
        """Return the person with this id, or None."""
        return next(iter(self._read(USERS.where(UserModel.user_id == user_id))), None)

    def find(self, username: str) -> User | None:
        """Return the person with this username in any spelling of capitals, or None."""
        return next(iter(self._read(USERS.where(UserModel.username == normalise(username)))), None)

    def set_password(self, user_id: str, password: str, *, keep: str | None = None, by: Actor = COMMAND_LINE) -> None:
        """Replace the password and end every sign-in made with the old one.

        But the browser whose token's hash is `keep` receives a new token at its next event, instead of being signed
        out. Raises AccountError for an unfit password, an unknown person or one who may do more than `by`.
        """
        user = self.existing(user_id)
        password_hash = self.hash(password, user.username, user.email)
        with self._database.begin() as connection:
            require_over(connection, by, user_id)
            self._change(connection, user_id, password_hash=password_hash, must_change_password=False)
            self._audit.add(connection, "password.changed", by=by, subject=f"person:{user_id}")
            self.end_sign_ins(connection, user_id, keep)

    def set_roles(
        self, user_id: str, roles: Iterable[str], *, seen: Iterable[str] | None = None, by: Actor = COMMAND_LINE
    ) -> None:
        """Grant exactly these roles. The person's browsers receive new tokens at their next event.

        With `seen`, the roles that somebody was shown, only what they changed of them is given and taken: two who grant
        one each at once grant both. Raises AccountError for an unknown role or person, for one that is not `by`'s to
        give or take, and where nobody could administer any more.
        """
        with self._database.begin() as connection, last_admin_stays(connection):
            _require_person(connection, user_id)
            before = set(connection.scalars(select(UserRoleModel.role).where(UserRoleModel.user_id == user_id)))
            shown, wanted = before if seen is None else set(seen), set(roles)
            after = (before - (shown - wanted)) | (wanted - shown)
            if after != before:
                require_roles(connection, by, before ^ after)
                self.write_roles(connection, user_id, before, after, by=by)

    def set_active(self, user_id: str, active: bool, *, by: Actor = COMMAND_LINE) -> None:
        """Admit or lock out a person; locking out ends every sign-in of theirs.

        Raises AccountError for an unknown person, for one who may do more than `by`, and where nobody could administer
        any more.
        """
        with self._database.begin() as connection, last_admin_stays(connection):
            require_over(connection, by, user_id)
            self._change(connection, user_id, active=active)
            if not active:
                self.end_sign_ins(connection, user_id)
            event: Event = "person.admitted" if active else "person.locked_out"
            self._audit.add(connection, event, by=by, subject=f"person:{user_id}")

    def describe(self, user_id: str, *, name: str, email: str | None, by: Actor = COMMAND_LINE) -> None:
        """Change the name and the e-mail address of a person. Their sign-ins stay as they are.

        Raises AccountError for an empty name, an unknown person or one who may do more than `by`.
        """
        new = {"name": name.strip(), "email": (email or "").strip() or None}
        if not new["name"]:
            raise AccountError(entry="account.no_name")
        require_short(user_id, name.strip(), new["email"])
        theirs = UserModel.user_id == user_id
        with self._database.begin() as connection:
            require_over(connection, by, user_id)
            before = connection.execute(select(UserModel.name, UserModel.email).where(theirs)).mappings().one_or_none()
            if before is None:
                raise AccountError(entry=GONE)
            if changed := [what for what in new if new[what] != before[what]]:
                connection.execute(update(UserModel).where(theirs).values(new))
                # What it is now is with the person, and goes with them: the trail names nobody.
                detail = ", ".join(changed).replace("email", "e-mail")
                self._audit.add(connection, "person.described", by=by, subject=f"person:{user_id}", detail=detail)

    def ensure_session(self, user: User) -> User:
        """Return the person with a session they can use: a new one if theirs was deleted for good."""
        with self._database.begin() as connection:
            return dataclasses.replace(user, session_id=usable_session(connection, user.user_id))

    def erase_within(self, connection: Connection, user_id: str, *, by: Actor) -> None:
        """Delete an account and sign it out everywhere, as part of a larger transaction.

        Of its browsers only the hashes of their tokens stay for a while, so that they are told that they were signed
        out. The audit trail keeps the id. Raises AccountError for an unknown person.
        """
        _require_person(connection, user_id)
        sessions = select(UserModel.session_id).where(UserModel.user_id == user_id).scalar_subquery()
        theirs = (TokenModel.user_id == user_id) | (TokenModel.session_id == sessions)
        ended = func.coalesce(TokenModel.revoked_at, self._clock.latest())
        connection.execute(update(TokenModel).where(theirs).values(revoked_at=ended, user_id=None, device=""))
        for table in (UserRoleModel, UserModel):
            connection.execute(delete(table).where(table.user_id == user_id))
        connection.execute(update(SessionModel).where(SessionModel.user_id == user_id).values(user_id=None))
        self._audit.add(connection, "person.deleted", by=by, subject=f"person:{user_id}")

    def hash(self, password: str, username: str, email: str | None) -> str:
        """Return the hash to store of a person's password. Raises AccountError for an unfit one."""
        return hash_password(password, rounds=self._rounds, known=(self.title, username, email))

    def _read(self, wanted: Select[*tuple[Any, ...]]) -> list[User]:
        with read_from(self._database) as connection:
            return users_of(connection.execute(wanted))

    def write_roles(
        self,
        connection: Connection,
        user_id: str,
        before: Collection[str],
        after: Collection[str],
        *,
        by: Actor,
        reason: str = "",
    ) -> None:
        """Replace a person's roles within a transaction."""
        taken = UserRoleModel.role.in_(set(before) - set(after))
        self._change(connection, user_id)
        connection.execute(delete(UserRoleModel).where(UserRoleModel.user_id == user_id, taken))
        grant(connection, user_id, set(after) - set(before))
        self._audit.add(connection, "person.roles", by=by, subject=f"person:{user_id}", detail=listed(after) + reason)

    def add(
        self,
        connection: Connection,
        username: str,
        name: str,
        *,
        email: str | None,
        password_hash: str | None,
        must_change: bool = False,
    ) -> str:
        """Add a person within a transaction; returns their id. Raises RowConflictError for a taken username."""
        user_id = uuid.uuid4().hex
        connection.execute(
            insert(UserModel).values(
                user_id=user_id,
                username=username,
                name=name.strip() or username,
                email=email,
                password_hash=password_hash,
                must_change_password=must_change,
                session_id=_new_session_id(),
                created_at=self._clock.wall.now(),
            )
        )
        return user_id

    def existing(self, user_id: str) -> User:
        """Return the person with this id. Raises AccountError if there is none."""
        user = self.get(user_id)
        if user is None:
            raise AccountError(entry=GONE)
        return user

    def _change(self, connection: Connection, user_id: str, **values: Any) -> None:
        """Set columns of a person and bump the epoch, which makes their tokens stale."""
        statement = update(UserModel).where(UserModel.user_id == user_id).values(epoch=UserModel.epoch + 1, **values)
        if not connection.execute(statement).rowcount:
            raise AccountError(entry=GONE)

    def end_sign_ins(self, connection: Connection, user_id: str, keep: str | None = None) -> None:
        """End within a transaction a person's right in all browsers but that of the token whose hash is `keep`."""
        open_tokens = (TokenModel.user_id == user_id) & TokenModel.revoked_at.is_(None)
        others = open_tokens & (TokenModel.token_hash != (keep or ""))
        connection.execute(update(TokenModel).where(others).values(revoked_at=self._clock.latest()))


def user_of(rows: Sequence[AnyRow]) -> User:
    """Fold the rows of one person (see `USER_COLUMNS`) into a User."""
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


def users_of(rows: Iterable[AnyRow]) -> list[User]:
    """Fold the rows of several people, in the order in which they begin."""
    people: dict[str, list[AnyRow]] = {}
    for row in rows:
        people.setdefault(row.user_id, []).append(row)
    return [user_of(rows) for rows in people.values()]


def normalise(username: str) -> str:
    """Return the one spelling under which a username is stored and looked up, without what no database takes."""
    known = username.strip().casefold().encode("utf-8", "replace").decode()
    return known.replace("\0", "\N{REPLACEMENT CHARACTER}")


def require_short(username: str, name: str, email: str | None = None) -> None:
    """Raise AccountError for an empty username, and for what is longer than anybody's."""
    if not username:
        raise AccountError(entry="account.no_username")
    texts = {"account.long_username": username, "account.long_name": name, "account.long_email": email or ""}
    for entry, text in texts.items():
        if len(text) > LONGEST_NAME:
            raise AccountError(entry=entry, n=LONGEST_NAME)


@contextmanager
def unless_taken(username: str) -> Iterator[None]:
    """Raise UsernameTakenError where somebody else has this username."""
    try:
        with reachable():
            yield
    except RowConflictError as error:
        raise UsernameTakenError(entry="account.taken", name=repr(username)) from error


def usable_session(connection: Connection, user_id: str) -> str:
    """Return the id of a person's session within a transaction, until whose end nobody can delete that session.

    One that was deleted before stays so, and the person gets another.
    """
    connection.execute(_KEEP_SESSION_OF, {"user_id": user_id}).all()
    row = connection.execute(_SESSION_OF, {"user_id": user_id}).one()
    if row.purged_at is None:
        return str(row.session_id)
    renewed = _new_session_id()
    connection.execute(update(UserModel).where(UserModel.user_id == user_id).values(session_id=renewed))
    return renewed


def _require_person(connection: Connection, user_id: str) -> None:
    if not connection.execute(select(UserModel.user_id).where(UserModel.user_id == user_id)).scalar():
        raise AccountError(entry=GONE)


def _named(search: str) -> ColumnElement[bool]:
    called = UserModel.username.contains(normalise(search), autoescape=True)
    named = UserModel.name.icontains(search.strip(), autoescape=True)
    return called | named | UserModel.email.icontains(search.strip(), autoescape=True)


def _new_session_id() -> str:
    return f"user-{secrets.token_hex(16)}"
