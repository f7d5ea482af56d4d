"""Permissions are dotted names, a `*` in a grant stands for any, and what nobody granted is denied."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def matches(granted: Iterable[str], wanted: str) -> bool:
    """Whether one of the granted permissions covers the wanted one.

    A `*` stands for one segment, and at the end for one or more: `orders.*` covers `orders.read` and
    `orders.read.all`, but not `orders`; `*` covers everything; `*.read` covers `orders.read`.
    """
    segments = wanted.split(".")
    return all(segments) and any(_covers(permission.split("."), segments) for permission in granted)


def lacking(granted: Collection[str], wanted: Iterable[str]) -> list[str]:
    """Those of the wanted permissions that are not granted, sorted. They may hold wildcards themselves."""
    return sorted({permission for permission in wanted if not matches(granted, permission)})


def _covers(granted: list[str], wanted: list[str]) -> bool:
    if granted[-1] == "*" and len(wanted) >= len(granted):
        granted, wanted = granted[:-1], wanted[: len(granted) - 1]
    return len(granted) == len(wanted) and all(g in ("*", w) for g, w in zip(granted, wanted, strict=True))
