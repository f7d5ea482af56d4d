"""Permissions: checked on pages, callbacks and any other function, with wildcards, denied by default."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import ParamSpec, TypeVar

from core.accounts import Identity
from core.auth import acting, active_identity, current_identity
from core.errors import NotAllowedError
from core.services import get_services
from core.wildcards import matches

__all__ = ["current_permissions", "matches", "require", "requires"]

P = ParamSpec("P")
R = TypeVar("R")


def current_permissions() -> frozenset[str]:
    """Return the permissions of this tab's person as of the begin of the run; none before sign-in. No query."""
    identity = active_identity()
    return identity.permissions if identity else frozenset()


def requires(*permissions: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only people with all these permissions call the function: a page, a callback or any other action.

    They are looked up at each call, so that what was taken away counts at once: a callback runs before the script has
    looked who is there. The call raises NotAllowedError, SignedOutError, or StoreUnavailableError where it
    can't be known now. The
    function's `required_permissions` lets the router hide a page from those who may not open it.
    """
    for permission in permissions:
        if not permission or "*" in permission or not all(permission.split(".")):
            raise ValueError(f"@requires needs permissions like 'orders.read', without wildcards; got {permission!r}")
    if not permissions:
        raise ValueError("@requires needs at least one permission, like @requires('orders.read')")

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            _check(current_identity(), permissions)
            return function(*args, **kwargs)

        inner: tuple[str, ...] = getattr(function, "required_permissions", ())
        setattr(guarded, "required_permissions", tuple(dict.fromkeys((*permissions, *inner))))  # noqa: B010
        return guarded

    return decorate


def require(*permissions: str) -> None:
    """Check what this run knows of its person, without a query. A refusal is noted in the audit trail.

    Raises NotAllowedError for a permission that is lacking, and StoreUnavailableError where that isn't known now.
    """
    identity = active_identity() or current_identity()
    _check(identity, permissions)


def _check(identity: Identity, permissions: Collection[str]) -> None:
    try:
        identity.require(*permissions)
    except NotAllowedError as error:
        get_services().accounts.audit.deny(error.permission, by=acting())
        raise
