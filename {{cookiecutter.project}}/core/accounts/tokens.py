"""Tokens: a browser's right to a session, and the one-time tickets by which a browser exchanges its token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, exists, insert, select, update

from core.accounts.audit import COMMAND_LINE, Actor, AuditTrail, Event
from core.accounts.background_writes import BackgroundWriter
from core.accounts.identity import Identity, IdentityCache
from core.accounts.users import USERS, User, usable_session, user_of
from core.clock import SteadyClock
from core.errors import RowConflictError
from core.signing import read_signed, signed
from core.storage.database import reachable, read_from, upserting_insert
from core.storage.models import KnownDeviceModel, SessionModel, TokenModel, UserModel

TICKET_LIFETIME = timedelta(seconds=60)
_TICKET = "ticket"
_TOUCH_INTERVAL = timedelta(minutes=1)
_SKEW = timedelta(minutes=5)
"""A token seen further than this in the future was seen by a wrong clock; the next touch puts it right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """A ticket that was accepted. `user` is None when the browser is anonymous from now on."""

    user: User | None
    previous_user_id: str | None


_SIGN_IN = select(TokenModel.user_id, TokenModel.created_at).where(TokenModel.token_hash == bindparam("hash"))
"""The person of a token, and since when: the moment of signing in, which a later exchange for the same person keeps."""
_TOUCH = (
    update(TokenModel)
    .where(
        TokenModel.token_hash == bindparam("hash"),
        TokenModel.revoked_at.is_(None),
        TokenModel.expires_at > bindparam("now"),
        (TokenModel.last_seen < bindparam("before")) | (TokenModel.last_seen > bindparam("after")),
    )
    .values(last_seen=bindparam("seen"), expires_at=bindparam("until"))
)


class Tokens:
    """The tokens of one database's browsers. Every method is one transaction.

    `timeout` is how long a token lives without activity, `absolute_timeout` how long after signing in at most. `secret`
    signs tickets.
    """

    def __init__(
        self,
        database: Engine,
        clock: SteadyClock,
        audit: AuditTrail,
        background: BackgroundWriter,
        known: IdentityCache,
        *,
        timeout: timedelta,
        absolute_timeout: timedelta,
        secret: str,
    ) -> None:
        self._database, self._clock, self._audit, self._background = database, clock, audit, background
        self._known, self._timeout, self._absolute_timeout, self._secret = known, timeout, absolute_timeout, secret

    def register(self, token_hash: str, session_id: str, device: str) -> None:
        """Give an anonymous browser its row, at its first edit. While the database takes no writes it is done later.

        Doing so again changes nothing, whatever became of it since.
        """
        register = partial(self._register, token_hash, session_id, device)
        self._background.write(f"register {token_hash}", register)

    def _register(self, token_hash: str, session_id: str, device: str) -> None:
        try:
            with reachable(), self._database.begin() as connection:
                self._insert(connection, token_hash, session_id, device)
        except RowConflictError:
            return  # another tab of this browser was first, with the same values

    def touch(self, identity: Identity) -> None:
        """Note that a browser's token is in use and put off its expiry. Writes at most once a minute per token.

        A token that has ended stays so, and none is put off beyond the absolute end of its sign-in. Nobody waits for
        it: while the database takes no writes it is done later, and counts from now all the same.
        """
        seen, now = self._clock.latest(), self._clock.now()
        if identity.token_hash is None or identity.last_seen is None:
            return
        if not seen - _TOUCH_INTERVAL <= identity.last_seen <= seen + _SKEW:
            touch = partial(self._touch, identity.token_hash, seen, now)
            self._background.write(f"touch {identity.token_hash}", touch)

    def _touch(self, token_hash: str, seen: datetime, now: datetime) -> None:
        with self._database.begin() as connection:
            sign_in = connection.execute(_SIGN_IN, {"hash": token_hash}).one_or_none()
            if sign_in is None:
                return
            # The interval is added because what happens within it isn't noted: nothing may end early.
            until = self._end(seen + _TOUCH_INTERVAL, sign_in.user_id, sign_in.created_at)
            values = {"hash": token_hash, "now": now, "seen": seen, "until": until}
            connection.execute(_TOUCH, {**values, "before": seen - _TOUCH_INTERVAL, "after": seen + _SKEW})

    def revoke(self, token_hash: str, *, by: Actor = COMMAND_LINE, event: Event = "session.revoked") -> None:
        """End one browser's right. A token without a row is remembered as ended, too."""
        with self._database.begin() as connection:
            owner = connection.execute(_SIGN_IN, {"hash": token_hash}).one_or_none()
            self._retire(connection, token_hash)
            subject = f"person:{owner.user_id}" if owner is not None and owner.user_id else ""
            self._audit.add(connection, event, by=by, subject=subject)

    def forget_ended(self, older_than: timedelta, limit: int = 1000) -> int:
        """Forget up to `limit` tokens that ended longer ago than this; returns how many.

        A forgotten token is one of an anonymous browser again. So it is remembered at least as long as it is that its
        session was deleted: nobody is let in where nothing can be kept.
        """
        last = self._clock.now() - older_than
        deleted_session = exists().where(
            SessionModel.session_id == TokenModel.session_id, SessionModel.purged_at.is_not(None)
        )
        ended = (TokenModel.revoked_at < last) | (TokenModel.expires_at < last)
        forgotten = select(TokenModel.token_hash).where(ended, ~deleted_session).limit(limit).scalar_subquery()
        with self._database.begin() as connection:
            return connection.execute(delete(TokenModel).where(TokenModel.token_hash.in_(forgotten))).rowcount

    def issue_ticket(self, token_hash: str, user_id: str | None) -> str:
        """Return a ticket for a new token: one for this person, or an anonymous one for None.

        It is signed, not stored: only the browser that holds `token_hash` can use it, within 60 seconds, and not after
        a change of the person's rights or password. Using it ends the token it is bound to, so it is used once.
        """
        ends = self._clock.latest() + TICKET_LIFETIME
        with read_from(self._database) as connection:
            epoch = self._epoch(connection, user_id)
        return signed([user_id, epoch, ends.timestamp()], self._secret, _TICKET, token_hash)

    def redeem(
        self, ticket: str, old_token_hash: str, new_token_hash: str, device: str, *, address: str = ""
    ) -> Redeemed | None:
        """Exchange a ticket and the token it is bound to for a new token; the old one never works again.

        Returns None, and changes nothing, when the ticket is unknown, used, expired or another browser's, or when
        its person may not sign in or has got other rights since.
        """
        match read_signed(ticket, self._secret, _TICKET, old_token_hash):
            case [user_id, epoch, ends] if self._clock.now().timestamp() < ends:
                pass
            case _:
                return None
        with self._database.connect() as connection, connection.begin() as transaction:
            old = connection.execute(_SIGN_IN, {"hash": old_token_hash}).one_or_none()
            previous = old.user_id if old is not None else None
            ended_now = self._retire(connection, old_token_hash)
            followed = update(KnownDeviceModel).where(KnownDeviceModel.token_hash == old_token_hash)
            connection.execute(followed.values(token_hash=new_token_hash))
            if not user_id:
                return Redeemed(user=None, previous_user_id=previous)
            if not ended_now or self._epoch(connection, user_id) != epoch or not epoch:
                transaction.rollback()
                return None
            session_id = usable_session(connection, user_id)
            signed_in_at = None
            if old is not None and previous == user_id:
                signed_in_at = old.created_at  # another token for the same sign-in, which doesn't begin anew with it
            self._insert(
                connection,
                new_token_hash,
                session_id,
                device,
                user_id=user_id,
                epoch=epoch,
                signed_in_at=signed_in_at,
            )
            self._remember_device(connection, new_token_hash, user_id)
            signed_in = update(UserModel).where(UserModel.user_id == user_id)
            connection.execute(signed_in.values(last_sign_in=self._clock.wall.now()))
            if signed_in_at is None:
                by = Actor(user_id=user_id, address=address, device=device)
                self._audit.add(connection, "sign_in", by=by, subject=f"person:{user_id}")
            user = user_of(connection.execute(USERS.where(UserModel.user_id == user_id)).all())
        return Redeemed(user=user, previous_user_id=previous)

    def _epoch(self, connection: Connection, user_id: str | None) -> int:
        """Return the epoch of a person's rights; 0 for somebody who may not sign in."""
        active = select(UserModel.epoch).where(UserModel.user_id == user_id, UserModel.active.is_(True))
        return int(connection.execute(active).scalar() or 0) if user_id is not None else 0

    def _insert(self, connection: Connection, token_hash: str, session_id: str, device: str, **more: Any) -> None:
        connection.execute(insert(TokenModel).values(self._row(token_hash, session_id, device, **more)))

    def _row(
        self,
        token_hash: str,
        session_id: str,
        device: str,
        *,
        user_id: str | None = None,
        epoch: int = 0,
        signed_in_at: datetime | None = None,
        revoked_at: datetime | None = None,
    ) -> dict[str, Any]:
        now = self._clock.latest()
        created_at = signed_in_at or now
        return {
            "token_hash": token_hash,
            "session_id": session_id,
            "user_id": user_id,
            "epoch": epoch,
            "device": device,
            "created_at": created_at,
            "last_seen": now,
            "expires_at": self._end(now, user_id, created_at),
            "revoked_at": revoked_at,
        }

    def _retire(self, connection: Connection, token_hash: str) -> bool:
        """Revoke a token; one without a row gets a revoked one, so that it can't be used either.

        Returns False if it was revoked before.
        """
        self._known.forget(token_hash)
        now = self._clock.latest()
        revoked = self._row(token_hash, "", "", revoked_at=now)
        statement: Any = upserting_insert(self._database)(TokenModel).values(revoked)
        once = statement.on_conflict_do_update(
            index_elements=["token_hash"], set_={"revoked_at": now}, where=TokenModel.revoked_at.is_(None)
        )
        return connection.execute(once.returning(TokenModel.token_hash)).one_or_none() is not None

    def _remember_device(self, connection: Connection, token_hash: str, user_id: str) -> None:
        """Remember this browser, so that others' guesses don't keep the person out of it (see `throttle`)."""
        values = {"token_hash": token_hash, "user_id": user_id, "last_sign_in": self._clock.latest()}
        statement: Any = upserting_insert(self._database)(KnownDeviceModel).values(values)
        again = {"last_sign_in": values["last_sign_in"]}
        connection.execute(statement.on_conflict_do_update(index_elements=["token_hash", "user_id"], set_=again))

    def _end(self, seen: datetime, user_id: str | None, created_at: datetime) -> datetime:
        """Return when a token last seen at `seen` ends.

        Only a person's has an absolute end: an anonymous browser's is the one way back to the work in it.
        """
        idle = seen + self._timeout
        return idle if user_id is None else min(idle, created_at + self._absolute_timeout)
