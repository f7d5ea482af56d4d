"""People who arrive through an identity provider."""

from __future__ import annotations

from collections.abc import Collection

import structlog
from sqlalchemy import delete, select, update

from core.accounts.administered import still_administered
from core.accounts.audit import Actor
from core.accounts.roles import grant
from core.accounts.users import User, Users
from core.errors import AccountError
from core.storage.models import RoleModel, UserModel, UserRoleModel

NEWCOMER = "member"
"""The role of a new person, where no group decides on it."""

log = structlog.get_logger(__name__)


class Provided(Users):
    """The part of `Accounts` that keeps the provider's people up to date."""

    def welcome(
        self,
        username: str,
        *,
        name: str,
        email: str | None,
        given: Collection[str] = (),
        managed: Collection[str] = (),
        by: Actor,
    ) -> User:
        """Return the person of this username, made at their first sign-in, with name and e-mail as they are now.

        Of the roles in `managed` they have exactly those in `given` afterwards; all others stay as they are here. A
        role that doesn't exist is left out. Nothing is changed for somebody locked out, nor where nobody could
        administer any more.
        """
        user = self.find(username)
        if user is None:
            newcomers = set(given) | ({NEWCOMER} - set(managed))
            try:
                return self.create_user(username, name, email=email, roles=self._existing_roles(newcomers), by=by)
            except AccountError:
                user = self.find(username)  # another tab was first
                if user is None:
                    raise
        if not user.active:
            return user
        roles = (user.roles - set(managed)) | self._existing_roles(given)
        if (user.name, user.email, user.roles) == (name, email, roles):
            return user
        try:
            with self._database.begin() as connection, still_administered(connection):
                theirs = UserModel.user_id == user.user_id
                connection.execute(update(UserModel).where(theirs).values(name=name, email=email))
                if roles != user.roles:
                    self._change(connection, user.user_id)
                    connection.execute(delete(UserRoleModel).where(UserRoleModel.user_id == user.user_id))
                    granted = grant(connection, user.user_id, roles)
                    detail = f"roles: {', '.join(granted) or 'none'}, by the provider's groups"
                    self._note(connection, "person.roles", by=by, subject=f"person:{user.user_id}", detail=detail)
        except AccountError as error:
            log.error("the last administrator keeps the roles that the provider no longer gives", error=str(error))
        return self._existing(user.user_id)

    def _existing_roles(self, wanted: Collection[str]) -> set[str]:
        with self._database.connect() as connection:
            known = set(connection.execute(select(RoleModel.role)).scalars())
        if unknown := set(wanted) - known:
            log.warning("OIDC_ROLES names roles that don't exist", roles=sorted(unknown))
        return set(wanted) & known
