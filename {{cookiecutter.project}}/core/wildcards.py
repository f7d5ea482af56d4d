"""Permissions are dotted names; in a grant `*` stands for any text, and what nobody granted is denied.

The patterns are those of `fnmatch`, as everywhere in this project: `orders.*` covers `orders.read` and
`orders.read.all`, but not `orders`; `*.read` covers `orders.read` and `orders.lines.read`; `*` covers everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase


def matches(granted: Iterable[str], wanted: str) -> bool:
    """Return True if one of the granted permissions covers the wanted one."""
    return all(wanted.split(".")) and any(fnmatchcase(wanted, permission) for permission in granted)


def lacking(granted: Collection[str], wanted: Iterable[str]) -> list[str]:
    """Return those of the wanted permissions that are not granted, sorted. They may hold wildcards themselves."""
    return sorted({permission for permission in wanted if not matches(granted, permission)})
