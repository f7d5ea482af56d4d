"""What the server knows of an open tab's widgets: enough to tell an edit from an old view in a browser's message.

With every message the browser sends the states of all its widgets. What it sent before, or was given to show, is no
edit: taking it for one would put an old value over what another tab saved since.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.forms import same
from core.web.protocol import Reader, WidgetState, key_of

_NOTHING: Final = object()
_MOST_UNTAKEN = 100
_CROSSING_SECONDS = 2.0
"""How long a value may be on its way to the browser. What comes back unchanged after that was chosen again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One widget got one value. `key` is the widget's."""

    key: str
    form: str
    field: str
    value: Any


Keep = Callable[[Sequence[Edit]], Mapping[str, str] | None]
"""Makes edits durable and returns the stamp of each by its key, or None when that couldn't be done."""


@dataclass(slots=True, kw_only=True)
class _Widget:
    form: str
    field: str
    read: Reader
    fits: Callable[[Any], bool]
    given: Any = _NOTHING
    """What the server gave it to show, until the browser has sent something since."""
    given_at: float = 0.0
    sent: WidgetState | None = None


class LiveTab:
    """The controlled widgets of one tab. Its run shows them, and the connection's thread reads what they become."""

    def __init__(self, keep: Keep, *, session_id: str) -> None:
        self.session_id = session_id
        self._keep = keep
        self._lock = threading.Lock()
        self._widgets: dict[str, _Widget] = {}
        self._untaken: dict[str, list[Any]] = {}
        self._stamps: dict[str, str] = {}

    def show(
        self,
        key: str,
        *,
        form: str,
        field: str,
        read: Reader,
        fits: Callable[[Any], bool],
        value: Any,
        given: bool,
    ) -> None:
        """Take note that a run shows a widget with a value. `given`: the value came from the server, not the browser.

        `fits` says whether the widget may hold a value, which a forged message need not respect.
        """
        with self._lock:
            widget = self._widgets.get(key)
            if widget is None:
                given, widget = True, _Widget(form=form, field=field, read=read, fits=fits)
                self._widgets[key] = widget
            widget.form, widget.field, widget.read, widget.fits = form, field, read, fits
            if given:
                widget.given, widget.given_at = value, time.monotonic()
                self._untaken.pop(key, None)

    def edits(self, states: Iterable[WidgetState]) -> list[Edit]:
        """Tell what was changed from what was there before. Each state counts once."""
        edits = []
        with self._lock:
            for state in states:
                key = key_of(state)
                widget = self._widgets.get(key) if key else None
                if key is None or widget is None or widget.sent == state:
                    continue
                try:
                    value = widget.read(state)
                except (ValueError, TypeError, LookupError, AttributeError):
                    continue  # no browser sends this; Streamlit refuses it, too
                known = widget.given is not _NOTHING and same(value, widget.given)
                widget.sent, widget.given = state, _NOTHING
                if not known and widget.fits(value):
                    edits.append(Edit(key=key, form=widget.form, field=widget.field, value=value))
        return edits

    def keep(self, edits: Sequence[Edit]) -> bool:
        """Make edits durable, all in one step. What can't be kept now is left to the widget's callback."""
        stamps = self._keep(edits)
        with self._lock:
            for edit in edits:
                if stamps is None:
                    self._untaken.pop(edit.key, None)
                    continue
                self._stamps[edit.key] = stamps[edit.key]
                waiting = self._untaken.setdefault(edit.key, [])
                waiting.append(edit.value)
                del waiting[:-_MOST_UNTAKEN]
        return stamps is not None

    def took(self, key: str, value: Any) -> bool:
        """Whether this edit was made durable when it arrived. Asked by the widget's callback, in its order."""
        with self._lock:
            waiting = self._untaken.get(key, [])
            for place, kept in enumerate(waiting):
                if same(kept, value):
                    del waiting[: place + 1]
                    return True
            return False

    def is_old_view(self, key: str) -> bool:
        """Whether what the browser sent for a widget crossed a value that was on its way to it, so is no edit."""
        with self._lock:
            widget = self._widgets.get(key)
            if widget is None or widget.given is _NOTHING or widget.sent is None:
                return False
            return time.monotonic() - widget.given_at < _CROSSING_SECONDS

    def is_own(self, key: str, stamp: str) -> bool:
        """Whether a stamp is that of the widget's last edit in this very tab."""
        return self._stamps.get(key) == stamp
