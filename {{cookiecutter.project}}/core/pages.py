"""The pages of all apps: which are broken, and which are open to everybody."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from difflib import get_close_matches

import structlog

from core.discovery import HOME, PACKAGES, PageSpec, discover
from core.web.position import get_page_names
from core.wildcards import matches

log = structlog.get_logger(__name__)


def load_pages(*packages: str) -> dict[str, list[str]]:
    """Import every page, as the server does at its start, and write into the log what is broken or open.

    Returns `roles_of_apps`.
    """
    specs = discover(*packages)
    get_page_names().update(spec.name for spec in specs)
    for spec in specs:
        if spec.fault is not None:
            found = spec.fault
            log.error("an app is broken", page=spec.name, file=found.file, line=found.line, error=found.summary)
    if names := open_to_everybody(specs):
        log.info("pages without @requires are open to everybody who is let in", pages=names)
    return roles_of_apps(specs)


def roles_of_apps(specs: Iterable[PageSpec]) -> dict[str, list[str]]:
    """Return the permissions that the apps give to roles, by role (`App.roles`)."""
    by_app = {spec.app_name: spec.app.roles for spec in specs}
    found: dict[str, list[str]] = {}
    for roles in by_app.values():
        for role, permissions in roles.items():
            found.setdefault(role, []).extend(permissions)
    return found


def open_to_everybody(specs: Iterable[PageSpec]) -> list[str]:
    """Return the names of the pages that ask for no permission, but for those of the app `home`, which are for all."""
    return [spec.name for spec in specs if not spec.permissions and spec.fault is None and spec.app_name != HOME]


def required_permissions(specs: Iterable[PageSpec], *packages: str) -> list[str]:
    """Return all permissions that `@requires` of pages and of other functions of the apps asks for, sorted."""
    found = {permission for spec in specs for permission in spec.permissions}
    prefixes = tuple(f"{package}." for package in packages or PACKAGES)
    for name, module in [*sys.modules.items()]:
        if name.startswith(prefixes):
            for value in vars(module).values():
                required = getattr(value, "required_permissions", ())
                found.update(required if isinstance(required, tuple) else ())
    return sorted(found)


def unknown_permissions(granted: Iterable[str], required: Collection[str], apps: Collection[str]) -> dict[str, str]:
    """Return granted permissions that nothing requires, each with the required one spelt most like it, or "".

    All permissions of an app that exists, such as `orders.*`, are known.
    """
    known = [*required, *(f"{app}.*" for app in apps)]
    return {
        permission: next(iter(get_close_matches(permission, required, n=1)), "")
        for permission in granted
        if not any(matches([permission], each) for each in known)
    }
