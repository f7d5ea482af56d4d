"""What an account holds on its person, for them to read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.accounts.users import Users
from core.errors import AccountError
from core.storage.models import InvitationModel, KnownDeviceModel, UserModel

_OURS = ("password_hash", "epoch")
"""Columns that say nothing of a person, or that would help somebody who got hold of the export."""


class Records(Users):
    """The part of `Accounts` that tells what is held on a person."""

    def record_of(self, user_id: str) -> dict[str, Any]:
        """What the account of a person holds, their password left out. Raises AccountError for nobody."""
        columns = [column for column in UserModel.__table__.columns if column.name not in _OURS]
        with self._database.connect() as connection:
            row = connection.execute(select(*columns).where(UserModel.user_id == user_id)).mappings().one_or_none()
        if row is None:
            raise AccountError("This user no longer exists. Reload the list.")
        return dict(row)

    def known_devices_of(self, user_id: str) -> list[dict[str, Any]]:
        """When a person signed in last in each browser in which they ever did, as long as that is remembered."""
        wanted = select(KnownDeviceModel.last_sign_in).where(KnownDeviceModel.user_id == user_id)
        with self._database.connect() as connection:
            rows = connection.execute(wanted.order_by(KnownDeviceModel.last_sign_in.desc())).mappings()
            return [dict(row) for row in rows]

    def invitations_by(self, user_id: str) -> list[dict[str, Any]]:
        """The invitations a person gave that are still open. Whom they are for is not theirs."""
        columns = (InvitationModel.created_at, InvitationModel.expires_at, InvitationModel.roles)
        wanted = select(*columns).where(InvitationModel.invited_by == user_id).order_by(InvitationModel.created_at)
        with self._database.connect() as connection:
            return [dict(row) for row in connection.execute(wanted).mappings()]
