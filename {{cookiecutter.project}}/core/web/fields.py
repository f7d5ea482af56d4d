"""The controlled widgets of a tab, with the form and field of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.state.text_rules import TextRule


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(slots=True, kw_only=True)
class ShownField:
    """One widget on a tab's page. `key` is the widget's own, by which the browser's message names it."""

    key: str
    form: str
    field: str
    label: str = ""
    rule: TextRule | None = None
    """Converts typed text to its value; None for a widget without text."""
    stamp: str = ""
    """The stamp of the value it shows."""
    value: Any = None
    """The stored form of what it returned in its last run, or of what was entered since."""
    stored: Callable[[Any], Any] = _as_it_is
    """Turns what the widget holds into what is stored of it."""
    default: Any = None
    """Its default in that run."""
    is_invalid: bool = False
    """True if it showed its default because the saved value is invalid there."""
    given_at: float = 0.0
    """The time a saved value was put into it last, in seconds of a monotonic clock."""
    needs: tuple[str, ...] = ()
    """The permissions required by its page."""
    is_other: bool = False
    """True if its key was another field's before, whose value is under the key until it is shown."""
    was_shown: bool = False
    """True once a run has shown it."""
