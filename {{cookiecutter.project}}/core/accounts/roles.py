"""Roles: named sets of permissions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from core.accounts.audit import COMMAND_LINE, Actor, AuditTrail
from core.accounts.rights import last_admin_stays, require_permissions, require_roles
from core.errors import AccountError
from core.storage.database import read_from
from core.storage.models import RoleModel, UserModel, UserRoleModel
from core.wildcards import lacking

_ROLE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_PERMISSION = re.compile(r"(\*|[a-z0-9_-]+)(\.(\*|[a-z0-9_-]+))*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A named set of permissions; a permission may hold wildcards (`orders.*`)."""

    role: str
    description: str
    permissions: tuple[str, ...]
    holders: int = 0
    """The number of people who have it."""


class Roles:
    """The roles of one database. Every method is one transaction."""

    def __init__(self, database: Engine, audit: AuditTrail) -> None:
        self._database, self._audit = database, audit

    def all(self) -> list[Role]:
        """Return all roles, by name."""
        holders = select(func.count()).select_from(UserRoleModel).where(UserRoleModel.role == RoleModel.role)
        wanted = select(RoleModel.role, RoleModel.description, RoleModel.permissions, holders.scalar_subquery())
        with read_from(self._database) as connection:
            return [
                Role(role=role, description=description, permissions=tuple(permissions.split()), holders=count)
                for role, description, permissions, count in connection.execute(wanted.order_by(RoleModel.role))
            ]

    def save(self, role: str, permissions: Iterable[str], description: str = "", *, by: Actor = COMMAND_LINE) -> None:
        """Create or change a role. Only where its permissions change do the people who have it receive new tokens.

        Raises AccountError for a malformed name or permission, for a change that is not `by`'s to make, and where
        nobody could administer any more.
        """
        granted = _checked(role, permissions)
        with self._database.begin() as connection, last_admin_stays(connection):
            there_is = RoleModel.role == role
            before = connection.execute(select(RoleModel.permissions).where(there_is)).scalar_one_or_none()
            changed = set(granted) ^ set((before or "").split())
            require_permissions(connection, by, changed)
            values = {"permissions": "\n".join(granted), "description": description}
            if before is None:
                connection.execute(insert(RoleModel).values(role=role, **values))
            else:
                connection.execute(update(RoleModel).where(there_is).values(values))
            if changed:
                _bump_holders(connection, role)
            self._audit.add(connection, "role.saved", by=by, subject=f"role:{role}", detail=" ".join(granted))

    def declare(self, role: str, permissions: Iterable[str], description: str = "") -> None:
        """Create a role that the code declares, or grant it what the code declares of it for the first time.

        What an administrator took away since then stays away, and nothing is taken. A role that was there before
        anybody noted what is declared of it is left as it is. Raises AccountError for a malformed name or permission.
        """
        wanted = _checked(role, permissions)
        with self._database.begin() as connection:
            there_is = RoleModel.role == role
            found = connection.execute(
                select(RoleModel.permissions, RoleModel.declared).where(there_is).with_for_update()
            ).one_or_none()
            if found is None:
                text = "\n".join(wanted)
                values = {"permissions": text, "declared": text, "description": description}
                connection.execute(insert(RoleModel).values(role=role, **values))
                self._audit.add(
                    connection, "role.saved", by=COMMAND_LINE, subject=f"role:{role}", detail=" ".join(wanted)
                )
                return
            before = wanted if found.declared is None else found.declared.split()
            new = [permission for permission in wanted if permission not in before]
            if new or found.declared is None:
                connection.execute(update(RoleModel).where(there_is).values(declared="\n".join([*before, *new])))
            held = found.permissions.split()
            if missing := set(lacking(held, new)):
                granted = [*held, *(permission for permission in new if permission in missing)]
                connection.execute(update(RoleModel).where(there_is).values(permissions="\n".join(granted)))
                _bump_holders(connection, role)
                self._audit.add(
                    connection, "role.saved", by=COMMAND_LINE, subject=f"role:{role}", detail=" ".join(granted)
                )

    def delete(self, role: str, *, by: Actor = COMMAND_LINE) -> None:
        """Remove a role and take it from everybody who has it.

        Raises AccountError for a role that is not `by`'s to take, and where nobody could administer any more.
        """
        with self._database.begin() as connection, last_admin_stays(connection):
            require_roles(connection, by, [role])
            _bump_holders(connection, role)
            connection.execute(delete(UserRoleModel).where(UserRoleModel.role == role))
            connection.execute(delete(RoleModel).where(RoleModel.role == role))
            self._audit.add(connection, "role.deleted", by=by, subject=f"role:{role}")


def grant(connection: Connection, user_id: str, roles: Iterable[str]) -> list[str]:
    """Grant roles to a person within a transaction; returns them sorted. Raises AccountError for an unknown role."""
    given = existing(connection, roles)
    for role in given:
        connection.execute(insert(UserRoleModel).values(user_id=user_id, role=role))
    return given


def existing(connection: Connection, roles: Iterable[str]) -> list[str]:
    """Return these roles sorted, each once. Raises AccountError for an unknown role."""
    known = set(connection.scalars(select(RoleModel.role)))
    wanted = sorted(set(roles))
    for role in wanted:
        if role not in known:
            entry = "account.no_role" if known else "account.no_roles"
            raise AccountError(entry=entry, role=repr(role), known=", ".join(sorted(known)))
    return wanted


def listed(roles: Iterable[str]) -> str:
    """Return roles as the audit trail shows them."""
    return f"roles: {', '.join(sorted(roles)) or 'none'}"


def _checked(role: str, permissions: Iterable[str]) -> list[str]:
    """Return permissions, each once. Raises AccountError for a malformed name or permission."""
    granted = list(dict.fromkeys(permissions))
    if not _ROLE_NAME.fullmatch(role):
        raise AccountError(entry="account.role_name", role=repr(role))
    for permission in granted:
        if not _PERMISSION.fullmatch(permission):
            raise AccountError(entry="account.permission", permission=repr(permission))
    return granted


def _bump_holders(connection: Connection, role: str) -> None:
    """Make the tokens of everybody who has a role stale."""
    holders = select(UserRoleModel.user_id).where(UserRoleModel.role == role).scalar_subquery()
    connection.execute(update(UserModel).where(UserModel.user_id.in_(holders)).values(epoch=UserModel.epoch + 1))
