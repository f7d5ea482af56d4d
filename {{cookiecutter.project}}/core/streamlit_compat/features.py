"""The parts of the engine that rely on internals of Streamlit, and what is left of each where those have changed."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Feature(Enum):
    """A part that relies on internals. Its value says what becomes of it without them."""

    INGRESS = "edits are kept by callbacks in the run, no longer before it"
    FRAGMENTS = "the save status hears of a fragment's run with the next message only, or not at all"
    TYPING = "what is typed is kept when its field is left, no longer while it is typed"
    LISTING = "pages of very many fields take longer"
    IN_PLACE = "a field that is given a saved value may lose the focus"
    FORMS = "edits are kept by the run, no longer by callbacks before it, as inside st.form"
    LIMITS = "limits and options that are given in words are left to Streamlit"
    UPLOADS = "files are kept by the run, no longer when they arrive"
    TABLES = "ui.data_editor shows the table, and keeps no edits"
    PAGES = "open pages are not run again, or ended, from outside"
    STOPPED = "what a page shows before st.stop() is not told to be complete"
    USER = "st.user says nothing of accounts; get_session_manager().identity.user does"
    PROVIDER = "signing in through the identity provider is refused"


_lock = threading.RLock()
_broken: Mapping[Feature, str] | None = None


def broken() -> Mapping[Feature, str]:
    """Return why features can't be had. Their contracts are tested once, when this is first asked."""
    global _broken
    if _broken is None:
        with _lock:
            if _broken is None:
                from core.streamlit_compat.contracts import test

                _broken = {}  # the tests themselves see everything as it is
                _broken = test()
    return _broken


def test_again() -> None:
    """Forget what was found out, so that it is tested anew."""
    global _broken
    _broken = None


def part_of(feature: Feature, *, otherwise: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function return `otherwise` where the contract of its feature doesn't hold."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            moved = broken()
            if moved and feature in moved:
                degraded: R = otherwise
                return degraded
            return function(*args, **kwargs)

        return call

    return decorate
