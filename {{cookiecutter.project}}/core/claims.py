"""What an identity provider says about a person, and what of it counts here."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

EVERYBODY = "*"
_LONGEST = 200
"""Characters of a name or an address, which also travel in a cookie. What is longer is cut off, or no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """A statement of the provider. `email` is None where the provider says that it is not the person's."""

    username: str
    """Made of issuer and subject, which name a person for ever; an e-mail address may pass to somebody else."""
    name: str
    email: str | None
    email_verified: bool
    groups: frozenset[str]
    issued_at: datetime
    """Aware UTC; long ago where the statement doesn't say."""

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
        """The local roles these groups give."""
        return frozenset(by_group[group] for group in self.groups if group in by_group)

    def admitted(self, allowed: Collection[str], by_group: Mapping[str, str]) -> bool:
        """Whether the person may come in: a group gives them a role, or `allowed` has them.

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
