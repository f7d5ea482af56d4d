"""Who has a role, and who may do something and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select

from core.accounts.administered import still_administered
from core.accounts.audit import COMMAND_LINE, Actor
from core.accounts.authority import require_roles
from core.accounts.users import Users
from core.errors import AccountError
from core.storage.models import RoleModel, UserModel, UserRoleModel
from core.wildcards import matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One person who has a role."""

    user_id: str
    name: str
    username: str
    active: bool
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a person may do something: a role of theirs grants the permission, by what it gives, such as `orders.*`."""

    holder: Holder
    permission: str
    by: tuple[str, ...]


class Holders(Users):
    """The part of `Accounts` that knows who has a role. Every method is one transaction."""

    def holders(self, *roles: str, limit: int, offset: int = 0) -> list[Holder]:
        """Those who have one of these roles, once for each of them, by username."""
        columns = (UserModel.user_id, UserModel.name, UserModel.username, UserModel.active, UserRoleModel.role)
        wanted = (
            select(*columns)
            .join(UserRoleModel, UserRoleModel.user_id == UserModel.user_id)
            .where(UserRoleModel.role.in_(roles))
            .order_by(UserModel.username, UserRoleModel.role)
        )
        with self._database.connect() as connection:
            rows = connection.execute(wanted.limit(limit).offset(offset))
            return [Holder(**row) for row in rows.mappings()]

    def count_holders(self) -> dict[str, int]:
        """How many people have each role that somebody has."""
        counted = select(UserRoleModel.role, func.count()).group_by(UserRoleModel.role)
        with self._database.connect() as connection:
            return {role: int(count) for role, count in connection.execute(counted)}

    def who_may(self, permission: str, *, limit: int) -> list[Reason]:
        """Who is granted a permission, one reason for each role that grants it, by username.

        Somebody locked out is among them: they may it again as soon as they are admitted.
        """
        with self._database.connect() as connection:
            rows = connection.execute(select(RoleModel.role, RoleModel.permissions)).all()
        by = {row.role: granting(row.permissions.split(), permission) for row in rows}
        holders = self.holders(*(role for role in by if by[role]), limit=limit)
        return [Reason(holder=holder, permission=permission, by=by[holder.role]) for holder in holders]

    def give_role(self, user_id: str, role: str, *, by: Actor = COMMAND_LINE) -> None:
        """Give one role more; nothing happens when they have it.

        Raises AccountError for an unknown role or person, and for a role that is not `by`'s to give.
        """
        with self._database.begin() as connection, still_administered(connection):
            if connection.execute(select(RoleModel.role).where(RoleModel.role == role)).one_or_none() is None:
                raise AccountError(f"There is no role {role!r} any more.")
            theirs = (UserRoleModel.user_id == user_id) & (UserRoleModel.role == role)
            if connection.execute(select(UserRoleModel.role).where(theirs)).one_or_none() is not None:
                return
            require_roles(connection, by, [role])
            self._change(connection, user_id)
            connection.execute(insert(UserRoleModel).values(user_id=user_id, role=role))
            self._note(connection, "person.roles", by=by, subject=f"person:{user_id}", detail=f"given: {role}")

    def take_role(self, user_id: str, role: str, *, by: Actor = COMMAND_LINE) -> None:
        """Take one role away; nothing happens when they don't have it.

        Raises AccountError for a role that is not `by`'s to take, and where nobody could administer any more.
        """
        with self._database.begin() as connection, still_administered(connection):
            require_roles(connection, by, [role])
            theirs = (UserRoleModel.user_id == user_id) & (UserRoleModel.role == role)
            if connection.execute(delete(UserRoleModel).where(theirs)).rowcount:
                self._change(connection, user_id)
                self._note(connection, "person.roles", by=by, subject=f"person:{user_id}", detail=f"taken: {role}")


def granting(permissions: Iterable[str], wanted: str) -> tuple[str, ...]:
    """Those of the permissions that grant the wanted one."""
    return tuple(permission for permission in permissions if matches([permission], wanted))
