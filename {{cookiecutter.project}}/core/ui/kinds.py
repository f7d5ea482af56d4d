"""What each kind of widget accepts, and what it shows when nothing is saved.

A kind is two functions over the widget's arguments: `check` raises MisfitError for a value the widget would
refuse, and `initial` is the widget's own default. Values come from storage, so any type must be expected.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from core.drafts import TextRule
from core.errors import KeepError
from core.words import Words, words_in

Arguments = Mapping[str, Any]
"""The widget's arguments by name, defaults included."""


class MisfitError(KeepError):
    """A saved value no longer fits its widget. `said` is the message for the person using the page."""

    def __init__(self, entry: str, **values: Any) -> None:
        self._entry, self._values = entry, values
        super().__init__(self.said(words_in("en")))

    def said(self, say: Words) -> str:
        """The message in a language."""
        return say(self._entry, **self._values)


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of holding a value."""

    check: Callable[[Any, Arguments], None]
    initial: Callable[[Arguments], Any]


def misfit(kind: Kind, value: object, arguments: Arguments) -> MisfitError | None:
    """Return why a value doesn't fit, None if it does."""
    try:
        kind.check(value, arguments)
    except MisfitError as error:
        return error
    return None


def text_rule(kind: Kind, arguments: Arguments) -> TextRule | None:
    """Return how text typed into the widget becomes its value, None for one that nobody types into."""
    if kind is TEXT:
        return TextRule(kind="text", optional=arguments["value"] is None, longest=arguments.get("max_chars"))
    if kind is NUMBER:
        return TextRule(
            kind="integer" if _number_types(arguments) == {int} else "decimal",
            optional=arguments["value"] is None,
            low=arguments["min_value"],
            high=arguments["max_value"],
        )
    return None


# Text, ticks and colours


def _check_text(value: Any, arguments: Arguments) -> None:
    if value is None and arguments["value"] is None:
        return
    if not isinstance(value, str):
        raise MisfitError("misfit.no_text", value=value)
    longest = arguments.get("max_chars")
    if longest is not None and len(value) > longest:
        raise MisfitError("misfit.too_long", length=len(value), longest=longest)


def _check_tick(value: Any, _arguments: Arguments) -> None:
    if not isinstance(value, bool):
        raise MisfitError("misfit.no_tick", value=value)


def _check_colour(value: Any, _arguments: Arguments) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise MisfitError("misfit.no_colour", value=value)


# Numbers, dates and times


def _check_number(value: Any, arguments: Arguments) -> None:
    if value is None and arguments["value"] is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise MisfitError("misfit.no_number", value=value)
    whole = _number_types(arguments)
    if type(value) not in whole:
        raise MisfitError("misfit.no_whole" if int in whole else "misfit.no_decimal", value=value)
    _check_range([value], arguments)


def _number_types(arguments: Arguments) -> set[type]:
    """The types of number a number input takes: those of the numbers it was given."""
    given = [arguments[name] for name in ("value", "min_value", "max_value", "step") if name in arguments]
    return {type(number) for number in given if isinstance(number, int | float)} or {float}


def _check_slider(value: Any, arguments: Arguments) -> None:
    ends = value if isinstance(value, tuple | list) else [value]
    wanted = _slider_default(arguments)
    pair = isinstance(wanted, tuple | list)
    sample = wanted[0] if pair else wanted
    if (len(ends) == 2) != pair or any(type(end) is not type(sample) for end in ends):
        raise MisfitError("misfit.no_place", value=value)
    low = (
        arguments["min_value"]
        if arguments["min_value"] is not None
        else type(sample)(0)
        if _is_number(sample)
        else None
    )
    high = arguments["max_value"]
    if high is None and _is_number(sample):
        high = 100 if isinstance(sample, int) else 1.0
    _check_range(ends, {"min_value": low, "max_value": high})


def _check_date(value: Any, arguments: Arguments) -> None:
    if value is None and arguments["value"] is None:
        return
    ends = value if isinstance(value, tuple | list) else [value]
    if isinstance(value, tuple | list) != isinstance(arguments["value"], tuple | list) or not all(
        isinstance(end, date) and not isinstance(end, datetime) for end in ends
    ):
        raise MisfitError("misfit.no_date", value=value)
    limits = {name: arguments.get(name) for name in ("min_value", "max_value")}
    _check_range(ends, {name: limit if isinstance(limit, date) else None for name, limit in limits.items()})


def _check_time(value: Any, arguments: Arguments) -> None:
    if not (isinstance(value, time) or (value is None and arguments["value"] is None)):
        raise MisfitError("misfit.no_time", value=value)


def _check_range(values: Iterable[Any], arguments: Arguments) -> None:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    for value in values:
        if low is not None and value < low:
            raise MisfitError("misfit.too_small", value=value, low=low)
        if high is not None and value > high:
            raise MisfitError("misfit.too_large", value=value, high=high)


# Choices


def _check_choice(value: Any, arguments: Arguments) -> None:
    if value is None and arguments.get("index") is None:
        return
    _check_offered([value], arguments)


def _check_choices(value: Any, arguments: Arguments) -> None:
    if not isinstance(value, list | tuple):
        raise MisfitError("misfit.no_choices", value=value)
    _check_offered(value, arguments)


def _check_pills(value: Any, arguments: Arguments) -> None:
    if arguments["selection_mode"] == "multi":
        _check_choices(value, arguments)
    elif value is not None:
        _check_offered([value], arguments)


def _check_select_slider(value: Any, arguments: Arguments) -> None:
    pair = isinstance(arguments["value"], tuple | list)
    if pair != isinstance(value, tuple | list):
        raise MisfitError("misfit.no_place", value=value)
    _check_offered(value if pair else [value], arguments)


def _check_feedback(value: Any, arguments: Arguments) -> None:
    highest = {"thumbs": 1, "faces": 4, "stars": 4}[arguments["options"]]
    if value is not None and not (type(value) is int and 0 <= value <= highest):
        raise MisfitError("misfit.no_rating", value=value)


def _check_offered(values: Sequence[Any], arguments: Arguments) -> None:
    if arguments.get("accept_new_options") and all(isinstance(value, str) for value in values):
        return
    offered = list(arguments["options"])
    gone = [str(value) for value in values if value not in offered]
    if gone:
        raise MisfitError("misfit.gone", value=", ".join(gone))


# Defaults


def _number_default(arguments: Arguments) -> Any:
    low = arguments["min_value"]
    return arguments["value"] if arguments["value"] != "min" else 0.0 if low is None else low


def _slider_default(arguments: Arguments) -> Any:
    value, low = arguments["value"], arguments["min_value"]
    return value if value is not None else 0 if low is None else low


def _choice_default(arguments: Arguments) -> Any:
    offered, index = list(arguments["options"]), arguments["index"]
    return offered[index] if index is not None and offered else None


def _pills_default(arguments: Arguments) -> Any:
    if arguments["selection_mode"] != "multi":
        return arguments["default"]
    return list(arguments["default"] or [])


def _select_slider_default(arguments: Arguments) -> Any:
    return arguments["value"] if arguments["value"] is not None else next(iter(arguments["options"]))


def _date_default(arguments: Arguments) -> Any:
    value = arguments["value"]
    if value == "today":
        return datetime.now().astimezone().date()
    return date.fromisoformat(value) if isinstance(value, str) else value


def _time_default(arguments: Arguments) -> Any:
    value = arguments["value"]
    if value == "now":
        return datetime.now().astimezone().time().replace(second=0, microsecond=0)
    return time.fromisoformat(value) if isinstance(value, str) else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


TEXT = Kind(_check_text, lambda arguments: arguments["value"])
TICK = Kind(_check_tick, lambda arguments: bool(arguments["value"]))
COLOUR = Kind(_check_colour, lambda arguments: arguments["value"] or "#000000")
NUMBER = Kind(_check_number, _number_default)
SLIDER = Kind(_check_slider, _slider_default)
DATE = Kind(_check_date, _date_default)
TIME = Kind(_check_time, _time_default)
CHOICE = Kind(_check_choice, _choice_default)
CHOICES = Kind(_check_choices, lambda arguments: list(arguments["default"] or []))
PILLS = Kind(_check_pills, _pills_default)
SELECT_SLIDER = Kind(_check_select_slider, _select_slider_default)
FEEDBACK = Kind(_check_feedback, lambda arguments: arguments["default"])
