"""Rules for changing rights: nobody grants or takes more than they hold, and somebody can always administer.

Administration has two halves, people and roles, which need not be the same person's. Without rules for delegation each
would be all of it: whoever grants roles would grant themselves the largest, and whoever writes roles would write
everything into their own. What somebody holds is read in the transaction that changes something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, select

from core.accounts.audit import Actor
from core.errors import AccountError, LastAdministratorError
from core.storage.models import RoleModel, UserModel, UserRoleModel
from core.wildcards import lacking

ADMINISTRATION = ("admin.people", "admin.roles")
"""Whoever has both can grant everybody, themselves included, everything."""
_MOST_NAMED = 3
_HELD = (
    select(UserRoleModel.user_id, RoleModel.permissions)
    .join(RoleModel, RoleModel.role == UserRoleModel.role)
    .join(UserModel, UserModel.user_id == UserRoleModel.user_id)
)


@contextmanager
def last_admin_stays(connection: Connection) -> Iterator[None]:
    """Let a transaction change rights within the block. Raises LastAdministratorError if then nobody could administer.

    It has to be the first that the transaction does. Others that change rights wait until it ends: two administrators
    who lock each other out at the same moment would otherwise both see that the other is still there. A project that
    had no administrator before may go on without.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(select(RoleModel.role).order_by(RoleModel.role).with_for_update(key_share=True)).all()
    had_one = _has_administrator(connection)
    yield
    if had_one and not _has_administrator(connection):
        raise LastAdministratorError(entry="account.last_admin", permissions=", ".join(ADMINISTRATION))


def require_permissions(connection: Connection, by: Actor, permissions: Iterable[str]) -> None:
    """Raise AccountError where the actor lacks one of these permissions, which may hold wildcards.

    Without an account the actor is the command line or the server itself, which may do all.
    """
    if missing := _missing(connection, by, permissions):
        raise AccountError(entry="account.not_yours", permissions=missing)


def require_roles(connection: Connection, by: Actor, roles: Iterable[str]) -> None:
    """Raise AccountError where the actor lacks a permission of one of these roles."""
    wanted = RoleModel.role.in_(sorted(set(roles)))
    for row in connection.execute(select(RoleModel.role, RoleModel.permissions).where(wanted).order_by(RoleModel.role)):
        if missing := _missing(connection, by, row.permissions.split()):
            raise AccountError(entry="account.role_not_yours", role=repr(row.role), permissions=missing)


def require_over(connection: Connection, by: Actor, user_id: str) -> None:
    """Raise AccountError where a person holds more than the actor; nobody holds more than themselves."""
    if by.user_id != user_id and (missing := _missing(connection, by, _held(connection, user_id))):
        raise AccountError(entry="account.person_has_more", permissions=missing)


def _missing(connection: Connection, by: Actor, permissions: Iterable[str]) -> str:
    """Return which of these the actor lacks, as a message names them; nothing if none."""
    if by.user_id is None:
        return ""
    missing = lacking(_held(connection, by.user_id, active=True), permissions)
    more = f" + {len(missing) - _MOST_NAMED}" if len(missing) > _MOST_NAMED else ""
    return ", ".join(f"`{permission}`" for permission in missing[:_MOST_NAMED]) + more


def _held(connection: Connection, user_id: str, *, active: bool = False) -> set[str]:
    """Return the permissions of a person's roles; with `active` none for somebody locked out."""
    held = _HELD.where(UserModel.user_id == user_id)
    rows = connection.execute(held.where(UserModel.active.is_(True)) if active else held)
    return {permission for row in rows for permission in row.permissions.split()}


def _has_administrator(connection: Connection) -> bool:
    """Return True if one active person has all that is needed, by one role or by several."""
    held = defaultdict[str, set[str]](set)
    for row in connection.execute(_HELD.where(UserModel.active.is_(True))):
        held[row.user_id].update(row.permissions.split())
    return any(not lacking(permissions, ADMINISTRATION) for permissions in held.values())
