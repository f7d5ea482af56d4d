"""A person's own devices: the browsers that may use their session, and the way to end that."""

from __future__ import annotations

from sqlalchemy import ColumnElement, update

from core.accounts.audit import Actor
from core.accounts.tokens import TOKENS, Token, Tokens
from core.storage.models import TokenModel


class Devices(Tokens):
    """The part of `Accounts` by which people look after their own browsers. Every method is one transaction."""

    def devices(self, session_id: str) -> list[Token]:
        """The browsers that may use a session now, most recently seen first."""
        newest_first = TOKENS.where(self._may_use(session_id)).order_by(TokenModel.last_seen.desc())
        return self._list(newest_first.order_by(TokenModel.token_hash))

    def sign_out_device(self, session_id: str, token_hash: str, *, by: Actor) -> bool:
        """End one browser's right to a session. Whether it had one: another session's stays as it is."""
        return self._sign_out(TokenModel.token_hash == token_hash, session_id, by) > 0

    def sign_out_others(self, session_id: str, keep: str | None, *, by: Actor) -> int:
        """End the right of every browser of a session but the one whose token's hash is `keep`; returns of how many."""
        return self._sign_out(TokenModel.token_hash != (keep or ""), session_id, by)

    def _sign_out(self, which: ColumnElement[bool], session_id: str, by: Actor) -> int:
        ending = update(TokenModel).where(which, self._may_use(session_id)).values(revoked_at=self._steady.latest())
        with self._database.begin() as connection:
            devices = sorted(connection.scalars(ending.returning(TokenModel.device)))
            if devices:
                subject = f"person:{by.user_id}" if by.user_id else f"session:{session_id}"
                self._note(connection, "session.revoked", by=by, subject=subject, detail=", ".join(devices))
        return len(devices)

    def _may_use(self, session_id: str) -> ColumnElement[bool]:
        return (TokenModel.session_id == session_id) & self._live()
