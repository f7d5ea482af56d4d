"""Names of people by their ids."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Engine, select

from core.storage.models import UserModel

_AT_ONCE = 5_000
_NAMED = select(UserModel.user_id, UserModel.name, UserModel.username)


class Names:
    """The part of `Accounts` that knows what people are called. A person reads as `Ada Lovelace (ada)`."""

    _database: Engine

    def names(self, user_ids: Collection[str]) -> dict[str, str]:
        """What these people are called, by their ids; without those who are deleted."""
        wanted, named = sorted(user_ids), {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = _NAMED.where(UserModel.user_id.in_(wanted[start : start + _AT_ONCE]))
            with self._database.connect() as connection:
                named.update({row.user_id: f"{row.name} ({row.username})" for row in connection.execute(some)})
        return named
