"""What is typed and not yet committed: how a tab's latest text of a field is told from news of other tabs.

A draft goes into the field's own path, so that every tab, device and recovery finds it. Beside it stands this note,
in the tab's part of the session: which of the tab's posts it was, so that a late or repeated one changes nothing, and
what it made of the field, so that the tab it was typed in isn't shown its own text as if somebody else had entered it.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any, Literal

from core.errors import NotKeptError
from core.state.paths import join_path
from core.words import FALLBACK, Words, words_in

TextKind = Literal["text", "integer", "decimal"]
_SHOWN = 40
"""Characters of a text that are shown in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The last text a tab posted for a field."""

    number: int
    """Counts the tab's posts; a later text has a greater one."""
    digest: str
    """Of the value as it is stored, see `digest_of`."""
    on_screen: bool
    """Whether the page shows the text. It doesn't when a page loaded anew posts what the one before it left behind."""
    sent: bool = False
    """Whether the text was sent away, as a chat's message or with a form that is cleared, and is a draft no more."""
    widget: str = field(default="", compare=False)
    """The id of the widget it was typed into, by which it is told from another one of the same field."""
    step: str = field(default="", compare=False)
    """The id of the step that the typing belongs to, see `core/state/steps.py`."""

    def to_dict(self) -> dict[str, Any]:
        note = {"number": self.number, "digest": self.digest, "on_screen": self.on_screen, "step": self.step}
        widget = {"widget": self.widget} if self.widget else {}
        return {**note, **widget, "sent": True} if self.sent else {**note, **widget}

    @classmethod
    def parse(cls, value: object) -> Draft | None:
        """Read a stored note; None for anything that is none."""
        match value:
            case {"number": int(number), "digest": str(digest), "on_screen": bool(on_screen), **more}:
                sent, step, widget = more.get("sent") is True, str(more.get("step", "")), str(more.get("widget", ""))
                return cls(number=number, digest=digest, on_screen=on_screen, sent=sent, step=step, widget=widget)
            case _:
                return None


def draft_path(tab: str, form: str, field: str) -> str:
    """Where a tab's note about a field is kept."""
    return join_path("tab", tab, "draft", form, field)


def digest_of(value: Any) -> str:
    """Return 16 hex digits for a text, a number or None, by which two of them can be compared."""
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def length_of(text: str) -> int:
    """Return the length of a text as browsers count it, in UTF-16 code units: that is what `max_chars` limits."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class UntakenTextError(NotKeptError):
    """A widget wouldn't take what is typed into it, such as half a number. `said` is why, in a language."""

    def __init__(self, entry: str, **values: object) -> None:
        self._entry, self._values = entry, values
        super().__init__("", self.said(words_in(FALLBACK)), "")

    def said(self, say: Words) -> str:
        return say(self._entry, **self._values)

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """How the text that is typed into a widget becomes the value the widget will hold once it is left."""

    kind: TextKind
    optional: bool = False
    """Whether an emptied widget holds None."""
    longest: int | None = None
    """For text, in what `length_of` counts."""
    low: float | None = None
    high: float | None = None

    def read(self, text: str) -> str | int | float | None:
        """Return the value. Raises UntakenTextError for a text the widget wouldn't take."""
        if not text and self.optional:
            return None
        return self._text(text) if self.kind == "text" else self._number(text)

    def _text(self, text: str) -> str:
        if self.longest is not None and length_of(text) > self.longest:
            raise UntakenTextError("typed.too_long", length=length_of(text), longest=self.longest)
        return text

    def _number(self, text: str) -> int | float:
        if not text:
            raise UntakenTextError("typed.empty")
        try:
            number = int(text) if self.kind == "integer" else float(text)
        except ValueError:
            raise UntakenTextError("typed.no_number", text=text[:_SHOWN]) from None
        if not math.isfinite(number):
            raise UntakenTextError("typed.no_number", text=text[:_SHOWN])
        if self.low is not None and number < self.low:
            raise UntakenTextError("typed.too_small", text=text[:_SHOWN], low=self.low)
        if self.high is not None and number > self.high:
            raise UntakenTextError("typed.too_large", text=text[:_SHOWN], high=self.high)
        return number
