"""The kinds of widgets: the values each accepts, and its default.

A kind is functions over the widget's arguments: `check` raises MisfitError for a value the widget would refuse,
`initial` is the widget's own default, `rule` says how typed text becomes its value. Values come from storage and from
browsers, so any type must be expected. Here are the plain kinds; those with a smallest and a largest value are in
`ranges`, those with options in `choices`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.errors import KeepError
from core.state.text_rules import TextRule, length_of
from core.words import FALLBACK, Words, words_in

Arguments = Mapping[str, Any]
"""The widget's arguments by name, defaults included."""
_AS_GIVEN = ("options", "default", "value")
"""Arguments that a widget with options returns as they were given."""
_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Types of arguments that are Python's own already: most are."""
_LONGEST = 80
"""Characters of a value that are shown in a message."""


class MisfitError(KeepError):
    """A value doesn't fit its widget. `said` is the message for the person using the page."""

    def __init__(self, entry: str, **values: Any) -> None:
        self._entry, self._values = entry, values
        super().__init__(self.said(words_in(FALLBACK)))

    def said(self, say: Words) -> str:
        """The message in a language."""
        return say(self._entry, **{name: _brief(value) for name, value in self._values.items()})


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of holding a value."""

    check: Callable[[Any, Arguments], None]
    initial: Callable[[Arguments], Any]
    rule: Callable[[Arguments], TextRule | None] = lambda _arguments: None
    several: Callable[[Arguments], bool] = lambda _arguments: False
    """Return whether the value is a list of the widget's options."""


def plain_numbers(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a widget's arguments with Python's numbers and moments, which is what the widget returns for them."""
    given = _AS_GIVEN if "format_func" in arguments else ()
    return {name: value if name in given else _plain(value) for name, value in arguments.items()}


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if type(value) in (list, tuple):
        return type(value)(_plain(entry) for entry in value)
    if isinstance(value, np.number | np.bool_ | np.str_):
        return value.item()
    if isinstance(value, pd.Timestamp) and not pd.isna(value):
        return value.floor("us").to_pydatetime()
    return value.to_pytimedelta() if isinstance(value, pd.Timedelta) and not pd.isna(value) else value


def misfit(kind: Kind, value: object, arguments: Arguments) -> MisfitError | None:
    """Return why a value doesn't fit, None if it does."""
    try:
        kind.check(value, arguments)
    except MisfitError as error:
        return error
    except (TypeError, ValueError, OverflowError, ArithmeticError):  # things that can't be compared with each other
        return MisfitError("misfit.other", value=value)
    return None


def may_be_empty(value: Any, arguments: Arguments) -> bool:
    """Return whether this is None in a widget that begins with None, and so can be emptied again."""
    return value is None and arguments["value"] is None


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _check_text(value: Any, arguments: Arguments) -> None:
    if may_be_empty(value, arguments):
        return
    if not isinstance(value, str):
        raise MisfitError("misfit.no_text", value=value)
    longest = arguments["max_chars"]
    if longest is not None and length_of(value) > longest:
        raise MisfitError("misfit.too_long", length=length_of(value), longest=longest)


def _initial_text(arguments: Arguments) -> str | None:
    value = arguments["value"]
    return None if value is None else str(value)


def _text_rule(arguments: Arguments) -> TextRule:
    return TextRule(kind="text", optional=arguments["value"] is None, longest=arguments["max_chars"])


def _check_tick(value: Any, _arguments: Arguments) -> None:
    if not isinstance(value, bool):
        raise MisfitError("misfit.no_tick", value=value)


def _check_colour(value: Any, _arguments: Arguments) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"#([0-9a-fA-F]{3}){1,2}", value):
        raise MisfitError("misfit.no_colour", value=value)


def _check_feedback(value: Any, arguments: Arguments) -> None:
    highest = {"thumbs": 1, "faces": 4, "stars": 4}[arguments["options"]]
    if value is not None and not (type(value) is int and 0 <= value <= highest):
        raise MisfitError("misfit.no_rating", value=value)


def _check_page(value: Any, arguments: Arguments) -> None:
    last = arguments["num_pages"]
    if type(value) is not int or not 1 <= value <= last:
        raise MisfitError("misfit.no_page", value=value, last=last)


TEXT = Kind(_check_text, _initial_text, _text_rule)
TICK = Kind(_check_tick, lambda arguments: bool(arguments["value"]))
COLOUR = Kind(_check_colour, lambda arguments: arguments["value"] or "#000000")
FEEDBACK = Kind(_check_feedback, lambda arguments: arguments["default"])
PAGES = Kind(_check_page, lambda arguments: arguments["default"])
