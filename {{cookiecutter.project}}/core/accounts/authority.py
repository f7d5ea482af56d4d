"""Who may give and take what: nobody more than they hold themselves.

Administration has two halves, people and roles, which need not be the same person's. Without this law each would be all
of it: whoever gives roles would give themselves the largest, and whoever writes roles would write everything into their
own. What somebody holds is read in the transaction that changes something.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from core.accounts.audit import Actor
from core.errors import AccountError
from core.storage.models import RoleModel, UserModel, UserRoleModel
from core.wildcards import lacking

_MOST_NAMED = 3


def require_permissions(connection: Connection, by: Actor, permissions: Iterable[str]) -> None:
    """Raise AccountError where who acts lacks one of these permissions, which may hold wildcards.

    Whoever acts without an account is the command line or the server itself, which may do all.
    """
    if missing := _missing(connection, by, permissions):
        raise AccountError(f"Nobody gives or takes what they don't have themselves, and you don't have {missing}.")


def require_roles(connection: Connection, by: Actor, roles: Iterable[str]) -> None:
    """The same for all that these roles give."""
    wanted = RoleModel.role.in_(sorted(set(roles)))
    for row in connection.execute(select(RoleModel.role, RoleModel.permissions).where(wanted).order_by(RoleModel.role)):
        if missing := _missing(connection, by, row.permissions.split()):
            raise AccountError(
                f"The role {row.role!r} gives {missing}, which you don't have yourself. Ask somebody who has it."
            )


def require_over(connection: Connection, by: Actor, user_id: str) -> None:
    """Raise AccountError where a person holds more than who acts; nobody holds more than themselves."""
    if by.user_id != user_id and (missing := _missing(connection, by, _held(connection, user_id))):
        raise AccountError(f"This person has {missing}, which you don't have yourself. Ask somebody who has it.")


def _missing(connection: Connection, by: Actor, permissions: Iterable[str]) -> str:
    """What who acts lacks of these, in words; nothing if that is nothing."""
    if by.user_id is None:
        return ""
    missing = lacking(_held(connection, by.user_id, active=True), permissions)
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    return ", ".join(f"`{permission}`" for permission in missing[:_MOST_NAMED]) + more


def _held(connection: Connection, user_id: str, *, active: bool = False) -> set[str]:
    """What the roles of a person give; with `active` nothing to somebody locked out."""
    given = (
        select(RoleModel.permissions)
        .join(UserRoleModel, UserRoleModel.role == RoleModel.role)
        .join(UserModel, UserModel.user_id == UserRoleModel.user_id)
        .where(UserModel.user_id == user_id)
    )
    lines = connection.scalars(given.where(UserModel.active.is_(True)) if active else given)
    return {permission for line in lines for permission in line.split()}
