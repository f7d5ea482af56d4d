"""The values of Streamlit's own widgets that `persist_input` keeps, put back when their page is shown."""

from __future__ import annotations

import time
from collections.abc import Collection

import streamlit as st

from core.codec import Unreadable
from core.session import UserSession
from core.state.paths import field_path

_SETTLING_SECONDS = 2.0
"""Seconds after a widget was first shown in which the browser may still be loading its code.

Streamlit sends a value with one run only. A widget whose code is still loading when the next run follows would come up
empty, and the next message of the browser would bring that back as an edit.
"""


class BoundWidgets:
    """The widgets of a tab that have a key and are bound to a field, but don't know of it."""

    def __init__(self, session: UserSession) -> None:
        self._session = session
        self._put_back: dict[str, tuple[str, float]] = {}
        """By key: the stamp of the value that was put back, and when its widget was new on the page."""

    def restore(self, page: str, changed: Collection[tuple[str, str]]) -> None:
        """Give a page's widgets the values of their fields; `changed` are those that others changed."""
        for key, form_id in self._session.bound_keys.get(page, {}).items():
            values = self._session.form(form_id).values
            if key not in values or isinstance(values[key], Unreadable):
                continue
            stamp, is_new = self._session.stamps.get(field_path(form_id, key), ""), key not in st.session_state
            if is_new or (form_id, key) in changed or self._is_settling(key, stamp):
                since = time.monotonic() if is_new else self._put_back.get(key, ("", 0.0))[1]
                self._put_back[key] = (stamp, since)
                st.session_state[key] = values[key]

    def _is_settling(self, key: str, stamp: str) -> bool:
        """Return whether the browser may have missed a value that was put back, and nothing was entered since."""
        known, since = self._put_back.get(key, ("", 0.0))
        return key in self._put_back and known == stamp and time.monotonic() - since < _SETTLING_SECONDS
