"""`st.cache_data` with names: say what a result depends on, and drop it when that changes.

    @cache.data("requests:monthly", depends_on=["requests"])
    def monthly() -> DataFrame: ...

    cache.invalidate("requests*")

Results are shared by all sessions of this process. The names a session used are tracked in that session.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import ParamSpec, Protocol, TypeVar

import streamlit as st

from core.session_manager import get_current_session

P = ParamSpec("P")
R = TypeVar("R")


class _Cached(Protocol):
    def clear(self) -> None: ...


_cached: dict[str, tuple[tuple[str, ...], _Cached]] = {}
"""By name: what a cached function depends on, and the function. Filled when modules are imported, as decorators do."""


def data(
    name: str, *, depends_on: Iterable[str] = (), ttl: float | timedelta | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache what a function returns, under a name. `ttl` is in seconds; without it, until invalidated."""
    dependencies = tuple(depends_on)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        cached = st.cache_data(ttl=ttl, show_spinner=False)(function)
        _cached[name] = (dependencies, cached)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            get_current_session().track_cache_key(name, dependencies)
            return cached(*args, **kwargs)

        return call

    return decorate


def invalidate(pattern: str) -> list[str]:
    """Drop every cached result whose name, or one of whose dependencies, matches (`requests*`). Returns the names."""
    hit = [
        name
        for name, (dependencies, _) in _cached.items()
        if any(fnmatchcase(candidate, pattern) for candidate in (name, *dependencies))
    ]
    for name in hit:
        _cached[name][1].clear()
    get_current_session().invalidate_cache(pattern)
    return sorted(hit)
