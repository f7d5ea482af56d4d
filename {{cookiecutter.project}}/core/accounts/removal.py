"""Somebody leaves for good."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select, update

from core.accounts.audit import Actor
from core.accounts.users import Users
from core.errors import AccountError
from core.storage.models import SessionModel, TicketModel, TokenModel, UserModel, UserRoleModel


class Removal(Users):
    """The part of `Accounts` that forgets a person."""

    def erase_within(self, connection: Connection, user_id: str, *, by: Actor) -> None:
        """Delete an account and sign it out everywhere, as part of somebody's transaction.

        Of its browsers only the hashes of their tokens stay for a while, so that they are told that they were signed
        out. The audit trail keeps the id. Raises AccountError for nobody.
        """
        if not connection.execute(select(UserModel.user_id).where(UserModel.user_id == user_id)).scalar():
            raise AccountError("This user no longer exists. Reload the list.")
        sessions = select(UserModel.session_id).where(UserModel.user_id == user_id).scalar_subquery()
        theirs = (TokenModel.user_id == user_id) | (TokenModel.session_id == sessions)
        ended = func.coalesce(TokenModel.revoked_at, self._steady.latest())
        blank = {"user_id": None, "device": ""}
        connection.execute(update(TokenModel).where(theirs).values(revoked_at=ended, **blank))
        connection.execute(delete(TicketModel).where(TicketModel.user_id == user_id))
        connection.execute(delete(UserRoleModel).where(UserRoleModel.user_id == user_id))
        connection.execute(delete(UserModel).where(UserModel.user_id == user_id))
        connection.execute(update(SessionModel).where(SessionModel.user_id == user_id).values(user_id=None))
        self._note(connection, "person.deleted", by=by, subject=f"person:{user_id}")
