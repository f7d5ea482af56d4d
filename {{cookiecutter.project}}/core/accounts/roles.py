"""Roles: named sets of permissions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, update

from core.errors import AccountError
from core.storage.models import RoleModel, UserModel, UserRoleModel

_ROLE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_PERMISSION = re.compile(r"(\*|[a-z0-9_-]+)(\.(\*|[a-z0-9_-]+))*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A named set of permissions; a permission may hold wildcards (`orders.*`)."""

    role: str
    description: str
    permissions: tuple[str, ...]


class Roles:
    """The part of `Accounts` that keeps roles. Every method is one transaction."""

    _database: Engine

    def roles(self) -> list[Role]:
        """All roles, by name."""
        with self._database.connect() as connection:
            rows = connection.execute(
                select(RoleModel.role, RoleModel.description, RoleModel.permissions).order_by(RoleModel.role)
            )
            return [
                Role(role=row.role, description=row.description, permissions=tuple(row.permissions.split()))
                for row in rows
            ]

    def save_role(self, role: str, permissions: Iterable[str], description: str = "") -> None:
        """Create or change a role. Raises AccountError for a malformed name or permission."""
        granted = list(dict.fromkeys(permissions))
        if not _ROLE_NAME.fullmatch(role):
            raise AccountError(f"{role!r} is no role name. Use small letters, digits, - and _, like 'order-desk'.")
        for permission in granted:
            if not _PERMISSION.fullmatch(permission):
                raise AccountError(f"{permission!r} is no permission. Write it like 'orders.read' or 'orders.*'.")
        values = {"permissions": "\n".join(granted), "description": description}
        with self._database.begin() as connection:
            changed = connection.execute(update(RoleModel).where(RoleModel.role == role).values(values))
            if not changed.rowcount:
                connection.execute(insert(RoleModel).values(role=role, **values))
            _bump_holders(connection, role)

    def delete_role(self, role: str) -> None:
        """Remove a role and take it from everybody who has it."""
        with self._database.begin() as connection:
            _bump_holders(connection, role)
            connection.execute(delete(UserRoleModel).where(UserRoleModel.role == role))
            connection.execute(delete(RoleModel).where(RoleModel.role == role))


def grant(connection: Connection, user_id: str, roles: Iterable[str]) -> None:
    """Give roles to a person within a transaction. Raises AccountError for a role that doesn't exist."""
    known = set(connection.execute(select(RoleModel.role)).scalars())
    for role in sorted(set(roles)):
        if role not in known:
            raise AccountError(f"There is no role {role!r}. There are: {', '.join(sorted(known)) or 'none yet'}.")
        connection.execute(insert(UserRoleModel).values(user_id=user_id, role=role))


def _bump_holders(connection: Connection, role: str) -> None:
    holders = select(UserRoleModel.user_id).where(UserRoleModel.role == role).scalar_subquery()
    connection.execute(update(UserModel).where(UserModel.user_id.in_(holders)).values(epoch=UserModel.epoch + 1))
