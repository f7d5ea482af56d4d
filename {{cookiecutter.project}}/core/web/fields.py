"""Which widgets a tab shows, and in which field of which form each keeps its value."""

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
    """How typed text becomes its value; None for a widget nobody types into."""
    stamp: str = ""
    """The stamp of the value it shows."""
    value: Any = None
    """What is stored of what it returned in the run that showed it last, or what was entered since."""
    stored: Callable[[Any], Any] = _as_it_is
    """Turns what the widget holds into what is stored of it."""
    default: Any = None
    """What it showed then, or would have, with nothing saved."""
    is_misfit: bool = False
    """Whether it showed that because what is saved doesn't fit it."""
    given_at: float = 0.0
    """When something saved was put into it last, in seconds of a steady clock."""
    waits: bool = False
    """Whether what is chosen is sent with its `st.form` only."""
    needs: tuple[str, ...] = ()
    """The permissions without which its page can't be seen."""
    is_other: bool = False
    """Whether its key was another field's before, so that what is under the key is not its own, until it is shown."""
    was_shown: bool = False
    """Whether a run has shown it to its end."""
