"""People of an identity provider: the claims of their ID token, and the account made from them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Engine, select, update

from core.accounts.audit import Actor
from core.accounts.rights import last_admin_stays
from core.accounts.users import User, Users
from core.errors import AccountError
from core.storage.database import read_from
from core.storage.models import RoleModel, UserModel

EVERYBODY = "*"
NEWCOMER = "member"
"""The role of a new person, where no group decides on it."""
_LONGEST = 200
"""Characters of a name or an address, which also travel in a cookie. What is longer is cut off, or no address."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Verified claims. `email` is None where the provider says that it is not the person's."""

    username: str
    """Made of issuer and subject, which name a person for ever; an e-mail address may pass to somebody else."""
    name: str
    email: str | None
    email_verified: bool
    groups: frozenset[str]
    issued_at: datetime
    """Aware UTC; long ago where the token doesn't say."""

    @classmethod
    def of(cls, said: Mapping[str, Any], groups_claim: str) -> Claims:
        """Read the claims of an id token. `groups_claim` may be a path (`realm_access.roles`)."""
        named = f"{said.get('iss', '')}\0{said.get('sub', '')}"
        username = "oidc-" + hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        verified = said.get("email_verified")
        email = None if verified in (False, "false") else _text(said.get("email"))
        if email is not None and len(email) > _LONGEST:
            email = None  # nobody's: cut off it would be somebody else's
        return cls(
            username=username,
            name=(_text(said.get("name")) or email or username)[:_LONGEST],
            email=email,
            email_verified=email is not None and verified in (True, "true"),
            groups=_groups(said, groups_claim),
            issued_at=_moment(said.get("iat")),
        )

    def roles(self, by_group: Mapping[str, str]) -> frozenset[str]:
        """Return the local roles of these groups."""
        return frozenset(by_group[group] for group in self.groups if group in by_group)

    def admitted(self, allowed: Collection[str], by_group: Mapping[str, str]) -> bool:
        """Return True if the person may sign in: a group gives them a role, or `allowed` has them.

        That holds addresses (`ada@example.com`), domains (`@example.com`), or `*` for everybody. An address counts only
        if the provider says that it was verified: else anybody could claim to have it.
        """
        if EVERYBODY in allowed or self.roles(by_group):
            return True
        if self.email is None or not self.email_verified:
            return False
        address = self.email.casefold()
        wanted = {address, "@" + address.rpartition("@")[2]}
        return not wanted.isdisjoint(entry.casefold() for entry in allowed)


class OidcUsers:
    """The people of one database who come from an identity provider."""

    def __init__(self, database: Engine, users: Users) -> None:
        self._database, self._users = database, users

    def provision(
        self,
        username: str,
        *,
        name: str,
        email: str | None,
        given: Collection[str] = (),
        managed: Collection[str] = (),
        by: Actor,
    ) -> User:
        """Return the person of this username, created at their first sign-in, with name and e-mail as they are now.

        Of the roles in `managed` they have exactly those in `given` afterwards; all others stay as they are here. A
        role that doesn't exist is left out. Nothing is changed for somebody locked out, nor where nobody could
        administer any more.
        """
        user = self._users.find(username)
        if user is None:
            newcomers = self._existing_roles(set(given) | ({NEWCOMER} - set(managed)))
            user = self._users.ensure(username, name, email=email, roles=newcomers, by=by)
        roles = (user.roles - set(managed)) | self._existing_roles(given)
        if not user.active or (user.name, user.email, user.roles) == (name, email, roles):
            return user
        try:
            with self._database.begin() as connection, last_admin_stays(connection):
                theirs = UserModel.user_id == user.user_id
                connection.execute(update(UserModel).where(theirs).values(name=name, email=email))
                if roles != user.roles:
                    why = ", by the provider's groups"
                    self._users.write_roles(connection, user.user_id, user.roles, roles, by=by, reason=why)
        except AccountError as error:
            log.error("the last administrator keeps the roles that the provider no longer gives", error=str(error))
        return self._users.existing(user.user_id)

    def _existing_roles(self, wanted: Collection[str]) -> set[str]:
        with read_from(self._database) as connection:
            known = set(connection.scalars(select(RoleModel.role)))
        if unknown := set(wanted) - known:
            log.warning("OIDC_ROLES names roles that don't exist", roles=sorted(unknown))
        return set(wanted) & known


def _groups(said: Mapping[str, Any], claim: str) -> frozenset[str]:
    value: Any = said.get(claim)
    if value is None:
        value = said
        for part in claim.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return frozenset({value})
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _moment(seconds: object) -> datetime:
    long_ago = datetime.fromtimestamp(0, UTC)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return long_ago
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return long_ago
