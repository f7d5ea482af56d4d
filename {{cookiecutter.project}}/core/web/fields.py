"""Which widgets a tab shows, and in which field of which form each keeps its value."""

from __future__ import annotations

from dataclasses import dataclass

from core.drafts import TextRule


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """One widget on a tab's page. `key` is the widget's own, by which the browser's message names it."""

    key: str
    form: str
    field: str
    label: str
    rule: TextRule | None
    """How typed text becomes its value; None for a widget nobody types into."""
    stamp: str
    """The stamp of the value it shows."""
