"""Somebody can always administer: no change of rights leaves a project without a person who may give them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, select

from core.errors import LastAdministratorError
from core.storage.models import RoleModel, UserModel, UserRoleModel
from core.wildcards import matches

NEEDED = ("admin.people", "admin.roles")
"""Whoever has both can give everybody, themselves included, everything."""


@contextmanager
def still_administered(connection: Connection) -> Iterator[None]:
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
        raise LastAdministratorError(
            "Nobody could administer this project any more. Give another active person a role with "
            f"{' and '.join(NEEDED)} first."
        )


def _has_administrator(connection: Connection) -> bool:
    """Whether one active person has all that is needed, by one role or by several."""
    gives = {
        row.role: {needed for needed in NEEDED if matches(row.permissions.split(), needed)}
        for row in connection.execute(select(RoleModel.role, RoleModel.permissions))
    }
    helpful = [role for role, given in gives.items() if given]
    holders = (
        select(UserRoleModel.user_id, UserRoleModel.role)
        .join(UserModel, UserModel.user_id == UserRoleModel.user_id)
        .where(UserModel.active.is_(True), UserRoleModel.role.in_(helpful))
    )
    held: dict[str, set[str]] = {}
    for row in connection.execute(holders):
        held.setdefault(row.user_id, set()).update(gives[row.role])
    return any(given.issuperset(NEEDED) for given in held.values())
