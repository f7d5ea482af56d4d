"""Tickets: a one-time permission for one browser to change its token, at sign-in, sign-out and change of rights."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from core.accounts.audit import Actor
from core.accounts.tokens import SIGN_IN, Tokens
from core.accounts.users import User, session_to_sign_in_to
from core.storage.database import upserting_insert
from core.storage.models import KnownDeviceModel, TicketModel, UserModel

TICKET_LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """A ticket that was accepted. `user` is None when the browser is anonymous from now on."""

    user: User | None
    previous_user_id: str | None


_REDEEM = (
    delete(TicketModel)
    .where(
        TicketModel.ticket_hash == bindparam("ticket"),
        TicketModel.token_hash == bindparam("hash"),
        TicketModel.expires_at > bindparam("now"),
    )
    .returning(TicketModel.user_id)
)
_EPOCH = select(UserModel.epoch).where(UserModel.user_id == bindparam("user_id"), UserModel.active.is_(True))


class Tickets(Tokens):
    """The part of `Accounts` that changes a browser's token. Every method is one transaction."""

    def issue_ticket(self, token_hash: str, user_id: str | None) -> str:
        """Return a ticket for a new token: one for this person, or an anonymous one for None.

        It can be used once, within 60 seconds, and only by the browser that holds `token_hash`.
        """
        ticket = secrets.token_urlsafe(32)
        with self._database.begin() as connection:
            connection.execute(delete(TicketModel).where(TicketModel.expires_at <= self._steady.now()))
            connection.execute(
                insert(TicketModel).values(
                    ticket_hash=secret_hash(ticket),
                    token_hash=token_hash,
                    user_id=user_id,
                    expires_at=self._steady.latest() + TICKET_LIFETIME,
                )
            )
        return ticket

    def redeem(
        self, ticket: str, old_token_hash: str, new_token_hash: str, device: str, *, address: str = ""
    ) -> Redeemed | None:
        """Exchange a ticket and the token it is bound to for a new token; the old one never works again.

        Returns None, and changes nothing, when the ticket is unknown, used, expired or another browser's, or when
        its person may not sign in.
        """
        with self._database.connect() as connection, connection.begin() as transaction:
            found = connection.execute(
                _REDEEM, {"ticket": secret_hash(ticket), "hash": old_token_hash, "now": self._steady.now()}
            ).one_or_none()
            if found is None:
                return None
            old = connection.execute(SIGN_IN, {"hash": old_token_hash}).one_or_none()
            previous = old.user_id if old is not None else None
            self._retire(connection, old_token_hash)
            followed = update(KnownDeviceModel).where(KnownDeviceModel.token_hash == old_token_hash)
            connection.execute(followed.values(token_hash=new_token_hash))
            if found.user_id is None:
                return Redeemed(user=None, previous_user_id=previous)
            epoch = connection.execute(_EPOCH, {"user_id": found.user_id}).scalar()
            if epoch is None:
                transaction.rollback()
                return None
            session_id = session_to_sign_in_to(connection, found.user_id)
            signed_in_at = None
            if old is not None and previous == found.user_id:
                signed_in_at = old.created_at  # another token for the same sign-in, which doesn't begin anew with it
            self._insert(
                connection,
                new_token_hash,
                session_id,
                device,
                user_id=found.user_id,
                epoch=epoch,
                signed_in_at=signed_in_at,
            )
            self._remember_device(connection, new_token_hash, found.user_id)
            signed_in = update(UserModel).where(UserModel.user_id == found.user_id)
            connection.execute(signed_in.values(last_sign_in=self._clock.now()))
            if signed_in_at is None:
                by = Actor(user_id=found.user_id, address=address, device=device)
                self._note(connection, "sign_in", by=by, subject=f"person:{found.user_id}")
            state = self._look_up(connection, new_token_hash)
        return Redeemed(user=state.user if state else None, previous_user_id=previous)

    def _remember_device(self, connection: Connection, token_hash: str, user_id: str) -> None:
        """So that somebody else's guesses don't keep this person out of this browser (see `throttle`)."""
        values = {"token_hash": token_hash, "user_id": user_id, "last_sign_in": self._steady.latest()}
        statement: Any = upserting_insert(self._database)(KnownDeviceModel).values(values)
        again = {"last_sign_in": values["last_sign_in"]}
        connection.execute(statement.on_conflict_do_update(index_elements=["token_hash", "user_id"], set_=again))


def secret_hash(text: str) -> str:
    """What is stored of a secret that is given out, whatever somebody sends for it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
