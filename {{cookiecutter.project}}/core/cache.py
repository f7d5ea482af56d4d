"""`st.cache_data` with names: say what a result depends on, and it is computed anew when that changes, everywhere.

    @cache.data("requests:monthly", depends_on=["form:intake", "table:requests"])
    def monthly() -> DataFrame: ...

    cache.invalidate("requests:*")

| depends on | changes when |
|---|---|
| `form:<id>` | `save_form` stores that form, from the moment it is in the database |
| `table:<name>` | a transaction of this project's engine that wrote the table is committed |
| anything else | `invalidate` is called with it, or with a pattern it fits |

Results are shared by all sessions of this process. Other processes learn of a change by the versions in the database
(`core/storage/versions.py`), which a run reads once, and only if it calls something cached. The names a session used
are tracked in that session.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, Generic, ParamSpec, TypeVar

import streamlit as st

from core.services import get_services
from core.session_manager import get_current_session
from core.storage.versions import UNTRACKED, is_pattern
from core.streamlit_compat.run import run_context

P = ParamSpec("P")
R = TypeVar("R")

_ASKED_KEY = "_keep_cache_asked"
"""In `st.session_state`: the run that read the versions last, and up to which change of this process."""


class _Cached(Generic[P, R]):
    """A function whose results are kept under the version of what they depend on."""

    def __init__(self, function: Callable[P, R], name: str, dependencies: tuple[str, ...], **options: Any) -> None:
        self.function, self.name, self.dependencies = function, name, dependencies
        self.names = (name, *dependencies)
        self._cached = st.cache_data(show_spinner=False, **options)(_with_version(function))
        self._lock = threading.Lock()
        self._version = ""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        version = self.settle()
        result: R = self._cached(version, *args, **kwargs)
        if self.settle() != version:  # it changed while this was computed, and the cache had been cleared before
            self._cached.clear(version, *args, **kwargs)
        return result

    def settle(self) -> str:
        """Return the version to compute for, and drop all results of another one."""
        with self._lock:
            version = get_services().versions.version_of(self.names)
            if version != self._version:
                self._version = version
                self._cached.clear()
            return version


_functions: dict[str, _Cached[..., Any]] = {}
"""By name. Filled when modules are imported, as decorators do."""


def data(
    name: str,
    *,
    depends_on: Iterable[str] = (),
    ttl: float | timedelta | None = None,
    max_entries: int | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache what a function returns, under a name. `ttl` is in seconds; without it, until invalidated.

    Results for different arguments are kept apart, and dropped together. Raises ValueError for a name that another
    function has, and for a pattern, which only `invalidate` takes.
    """
    dependencies = tuple(depends_on)
    for each in (name, *dependencies):
        if is_pattern(each):
            raise ValueError(f"{each!r} is a pattern. Name what the result depends on; patterns are for invalidate().")
        if each in UNTRACKED:
            raise ValueError(f"{each!r} is a table of the engine's. Depend on the form: 'form:<id>'.")

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        taken = _functions.get(name)
        if taken is not None and _place(taken.function) != _place(function):
            raise ValueError(f"{name!r} is the name of {_place(taken.function)} already. Give each function its own.")
        cached = _functions[name] = _Cached(function, name, dependencies, ttl=ttl, max_entries=max_entries)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            _ask()
            if run_context() is not None:
                get_current_session().track_cache_key(name, dependencies)
            result: R = cached(*args, **kwargs)
            return result

        return call

    return decorate


def invalidate(pattern: str) -> list[str]:
    """Drop every cached result whose name, or one of whose dependencies, matches (`orders:*`), in every process.

    Returns the names of those of this process. Call it when what they were computed from has been stored: who reads
    earlier than that computes the old result once more. While the database is away the other processes are told
    when it is back.
    """
    versions = get_services().versions
    with get_services().accounts.db_budget:
        versions.invalidate(pattern)
    hit = [cached for cached in list(_functions.values()) if any(fnmatchcase(each, pattern) for each in cached.names)]
    for cached in hit:
        cached.settle()
    if run_context() is not None:
        get_current_session().invalidate_cache(pattern)
    return sorted(cached.name for cached in hit)


def _ask() -> None:
    """Learn what changed elsewhere: once a run, and again after each change that this process made itself."""
    services, context = get_services(), run_context()
    changes = services.versions.changes
    if context is not None:
        run = context.cursors  # made anew for each run, also for that of a fragment
        asked = st.session_state.get(_ASKED_KEY)
        if asked is not None and asked[0] is run and asked[1] == changes:
            return
        st.session_state[_ASKED_KEY] = (run, changes)
    with services.accounts.db_budget:
        services.versions.refresh({each for cached in list(_functions.values()) for each in cached.names})


def _with_version(function: Callable[..., R]) -> Callable[..., R]:
    """Return the function with one more argument, which only tells results apart."""

    @functools.wraps(function)
    def versioned(keep_version: str, /, *args: Any, **kwargs: Any) -> R:  # noqa: ARG001
        return function(*args, **kwargs)

    signature = inspect.signature(function)
    version = inspect.Parameter("keep_version", inspect.Parameter.POSITIONAL_ONLY)
    # Streamlit looks here which arguments are not part of the key: those whose names begin with an underscore.
    versioned.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[version, *signature.parameters.values()]
    )
    return versioned


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
