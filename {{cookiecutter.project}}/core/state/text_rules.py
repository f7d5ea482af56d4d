"""Rules by which the text that is typed into a widget becomes a value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from core.errors import NotKeptError
from core.words import FALLBACK, Words, words_in

TextKind = Literal["text", "integer", "decimal"]
_SHOWN = 40
"""Characters of a text that are shown in a message."""


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
    """A rule by which typed text becomes the value that the widget will hold once it is left."""

    kind: TextKind
    optional: bool = False
    """True if an emptied widget holds None."""
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
