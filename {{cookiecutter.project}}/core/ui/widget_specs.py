"""The specs of widgets: the values that each accepts, and its default.

A spec is functions over the widget's arguments: `check` raises InvalidValueError for a value the widget would refuse,
`initial` is the widget's own default, `rule` says how typed text becomes its value. Values come from storage and from
browsers, so any type must be expected.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from core.errors import KeepError
from core.state.equality import same
from core.state.text_rules import TextKind, TextRule, length_of
from core.streamlit_compat.widgets import date_values, datetime_values, options_of
from core.words import FALLBACK, Words, words_in

Arguments = Mapping[str, Any]
"""The widget's arguments by name, defaults included."""
_AS_GIVEN = ("options", "default", "value")
"""Arguments that a widget with options returns as they were given."""
_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Types of arguments that are Python's own already: most are."""
_LONGEST = 80
"""Characters of a value that are shown in a message."""


class InvalidValueError(KeepError):
    """A value doesn't fit its widget. `said` is the message for the person using the page."""

    def __init__(self, entry: str, **values: Any) -> None:
        self._entry, self._values = entry, values
        super().__init__(self.said(words_in(FALLBACK)))

    def said(self, say: Words) -> str:
        """Return the message in a language."""
        return say(self._entry, **{name: _brief(value) for name, value in self._values.items()})


@dataclass(frozen=True, slots=True)
class WidgetSpec:
    """The values of a widget: which it accepts, and its default."""

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


def invalid_value(spec: WidgetSpec, value: object, arguments: Arguments) -> InvalidValueError | None:
    """Return why a value doesn't fit, None if it does."""
    try:
        spec.check(value, arguments)
    except InvalidValueError as error:
        return error
    except (TypeError, ValueError, OverflowError, ArithmeticError):  # things that can't be compared with each other
        return InvalidValueError("field_value.other", value=value)
    return None


def _may_be_empty(value: Any, arguments: Arguments) -> bool:
    """Return whether this is None in a widget that begins with None, and so can be emptied again."""
    return value is None and arguments["value"] is None


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# Text, ticks, colours, ratings and pages


def _check_text(value: Any, arguments: Arguments) -> None:
    if _may_be_empty(value, arguments):
        return
    if not isinstance(value, str):
        raise InvalidValueError("field_value.other", value=value)
    longest = arguments["max_chars"]
    if longest is not None and length_of(value) > longest:
        raise InvalidValueError("field_value.too_long", length=length_of(value), longest=longest)


def _initial_text(arguments: Arguments) -> str | None:
    value = arguments["value"]
    return None if value is None else str(value)


def _text_rule(arguments: Arguments) -> TextRule:
    return TextRule(kind="text", optional=arguments["value"] is None, longest=arguments["max_chars"])


def _check_tick(value: Any, _arguments: Arguments) -> None:
    if not isinstance(value, bool):
        raise InvalidValueError("field_value.other", value=value)


def _check_colour(value: Any, _arguments: Arguments) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"#([0-9a-fA-F]{3}){1,2}", value):
        raise InvalidValueError("field_value.other", value=value)


def _check_feedback(value: Any, arguments: Arguments) -> None:
    highest = {"thumbs": 1, "faces": 4, "stars": 4}[arguments["options"]]
    if value is not None and not (type(value) is int and 0 <= value <= highest):
        raise InvalidValueError("field_value.other", value=value)


def _check_page(value: Any, arguments: Arguments) -> None:
    last = arguments["num_pages"]
    if type(value) is not int or not 1 <= value <= last:
        raise InvalidValueError("field_value.other", value=value)


TEXT = WidgetSpec(_check_text, _initial_text, _text_rule)
TICK = WidgetSpec(_check_tick, lambda arguments: bool(arguments["value"]))
COLOUR = WidgetSpec(_check_colour, lambda arguments: arguments["value"] or "#000000")
FEEDBACK = WidgetSpec(_check_feedback, lambda arguments: arguments["default"])
PAGES = WidgetSpec(_check_page, lambda arguments: arguments["default"])


# A smallest and a largest value: numbers, sliders, dates and times

_LARGEST_WHOLE = 2**53 - 1
"""Beyond it a browser's numbers lose digits, and Streamlit takes none."""
_SLIDER_DAYS = timedelta(days=14)
"""Default range of a slider of days, to either side."""


def _check_range(ends: Iterable[Any], low: Any, high: Any) -> None:
    for end in ends:
        if low is not None and end < low:
            raise InvalidValueError("field_value.too_small", value=end, low=low)
        if high is not None and end > high:
            raise InvalidValueError("field_value.too_large", value=end, high=high)


def _check_number(value: Any, arguments: Arguments) -> None:
    if _may_be_empty(value, arguments):
        return
    if type(value) not in (int, float) or not math.isfinite(value):
        raise InvalidValueError("field_value.other", value=value)
    whole = _is_whole(arguments)
    if type(value) is not (int if whole else float):
        raise InvalidValueError("field_value.other", value=value)
    _check_range([value], *_number_limits(arguments))


def _number_limits(arguments: Arguments) -> tuple[Any, Any]:
    low, high = arguments["min_value"], arguments["max_value"]
    if _is_whole(arguments):
        low = -_LARGEST_WHOLE if low is None else low
        high = _LARGEST_WHOLE if high is None else high
    return low, high


def _is_whole(arguments: Arguments) -> bool:
    """Return whether a number input takes whole numbers: it was given some, and nothing else."""
    given = [arguments[name] for name in ("value", "min_value", "max_value", "step")]
    numbers = [number for number in given if number is not None and number != "min"]
    return bool(numbers) and all(isinstance(number, Integral) for number in numbers)


def _initial_number(arguments: Arguments) -> Any:
    value, low = arguments["value"], arguments["min_value"]
    if value != "min":
        return value
    return low if low is not None else 0 if _is_whole(arguments) else 0.0


def _number_rule(arguments: Arguments) -> TextRule:
    low, high = _number_limits(arguments)
    kind: TextKind = "integer" if _is_whole(arguments) else "decimal"
    return TextRule(kind=kind, optional=arguments["value"] is None, low=low, high=high)


def _check_slider(value: Any, arguments: Arguments) -> None:
    initial = _initial_slider(arguments)
    pair = isinstance(initial, tuple)
    sample = initial[0] if pair else initial
    ends = value if isinstance(value, tuple | list) else (value,)
    if (
        isinstance(value, tuple) != pair
        or (pair and len(ends) != 2)
        or any(type(end) is not type(sample) for end in ends)
    ):
        raise InvalidValueError("field_value.other", value=value)
    if isinstance(sample, float) and not all(math.isfinite(end) for end in ends):
        raise InvalidValueError("field_value.other", value=value)
    _check_range(ends, *_slider_limits(sample, arguments))
    if pair and ends[0] > ends[1]:
        raise InvalidValueError("field_value.other", value=value)


def _slider_limits(sample: Any, arguments: Arguments) -> tuple[Any, Any]:
    low, high = arguments["min_value"], arguments["max_value"]
    if isinstance(sample, int | float):
        standard: tuple[Any, Any] = (type(sample)(0), 100 if isinstance(sample, int) else 1.0)
    elif isinstance(sample, time):
        standard = (time.min.replace(tzinfo=sample.tzinfo), time.max.replace(tzinfo=sample.tzinfo))
    else:
        standard = (sample - _SLIDER_DAYS, sample + _SLIDER_DAYS)
    return standard[0] if low is None else low, standard[1] if high is None else high


def _initial_slider(arguments: Arguments) -> Any:
    value, low = arguments["value"], arguments["min_value"]
    if value is None:
        return 0 if low is None else low
    if not isinstance(value, tuple | list):
        return value
    if len(value) == 2:
        return tuple(value)
    # Streamlit fills in the ends that are not given.
    sample = value[0] if value else 0
    bottom, top = _slider_limits(sample, arguments)
    return (value[0] if value else bottom, top)


def _check_date(value: Any, arguments: Arguments) -> None:
    if _may_be_empty(value, arguments):
        return
    wanted = date_values(arguments)
    ends = value if isinstance(value, tuple) else (value,)
    if isinstance(value, tuple) != wanted.is_range or len(ends) > 2 or any(type(end) is not date for end in ends):
        raise InvalidValueError("field_value.other", value=value)
    _check_range(ends, wanted.low, wanted.high)
    if len(ends) == 2 and ends[0] > ends[1]:
        raise InvalidValueError("field_value.other", value=value)


def _initial_date(arguments: Arguments) -> Any:
    return date_values(arguments).initial


def _check_moment(value: Any, arguments: Arguments) -> None:
    if _may_be_empty(value, arguments):
        return
    if type(value) is not datetime or value.tzinfo is not None:
        raise InvalidValueError("field_value.other", value=value)
    wanted = datetime_values(arguments)
    _check_range([value], wanted.low, wanted.high)


def _check_time(value: Any, arguments: Arguments) -> None:
    if not _may_be_empty(value, arguments) and (type(value) is not time or value.tzinfo is not None):
        raise InvalidValueError("field_value.other", value=value)


def _initial_time(arguments: Arguments) -> Any:
    value = arguments["value"]
    if value == "now":
        return datetime.now().astimezone().time().replace(second=0, microsecond=0)
    if isinstance(value, str):
        value = time.fromisoformat(value) if "T" not in value else datetime.fromisoformat(value)
    return value.time() if isinstance(value, datetime) else value


NUMBER = WidgetSpec(_check_number, _initial_number, _number_rule)
SLIDER = WidgetSpec(_check_slider, _initial_slider)
DATE = WidgetSpec(_check_date, _initial_date)
MOMENT = WidgetSpec(_check_moment, lambda arguments: datetime_values(arguments).initial)
TIME = WidgetSpec(_check_time, _initial_time)


# Options: the value is one of them, or several

_QUICK = (str, int, bool)
"""Types of options of which there may be many, and whose own equality says all."""


def offered(arguments: Arguments) -> Sequence[Any]:
    """Return the options as a sequence, whatever they were given as."""
    options = arguments["options"]
    return options if type(options) in (list, tuple) else options_of(options)


def _check_offered(values: Sequence[Any], arguments: Arguments) -> None:
    options = offered(arguments)
    gone = [value for value in values if not _is_among(value, options)]
    if arguments.get("accept_new_options"):
        gone = [value for value in gone if not isinstance(value, str)]
    if gone:
        raise InvalidValueError("field_value.gone", value=", ".join(str(value) for value in gone))


def _place(value: Any, options: Sequence[Any]) -> int | None:
    """Return the position of an option, compared by type as well: 1 == True, but they are two options."""
    kind = type(value)
    if kind in _QUICK:
        return next((place for place, each in enumerate(options) if type(each) is kind and each == value), None)
    return next((place for place, each in enumerate(options) if same(value, each)), None)


def _is_among(value: Any, options: Sequence[Any]) -> bool:
    return _place(value, options) is not None


def _check_choice(value: Any, arguments: Arguments) -> None:
    if value is None and (arguments["index"] is None or not offered(arguments)):
        return
    _check_offered([value], arguments)


def _check_choices(value: Any, arguments: Arguments) -> None:
    if not isinstance(value, list):
        raise InvalidValueError("field_value.other", value=value)
    most = arguments.get("max_selections")
    if most is not None and len(value) > most:
        raise InvalidValueError("field_value.too_many", n=len(value), most=most)
    if any(_place(item, value) != place for place, item in enumerate(value)):
        raise InvalidValueError("field_value.other", value=value)
    _check_offered(value, arguments)


def _check_segments(value: Any, arguments: Arguments) -> None:
    if _is_multi(arguments):
        _check_choices(value, arguments)
    elif value is not None:
        _check_offered([value], arguments)
    elif arguments["required"] and arguments["default"] is not None:
        raise InvalidValueError("field_value.none")


def _check_steps(value: Any, arguments: Arguments) -> None:
    if not _is_pair(arguments):
        _check_offered([value], arguments)
        return
    if not isinstance(value, tuple) or len(value) != 2:
        raise InvalidValueError("field_value.other", value=value)
    _check_offered(value, arguments)
    low, high = (_place(each, offered(arguments)) for each in value)
    if low is None or high is None or low > high:
        raise InvalidValueError("field_value.other", value=value)


def _is_pair(arguments: Arguments) -> bool:
    """Return whether a select slider has two handles. An option may itself be a tuple."""
    value = arguments["value"]
    return isinstance(value, tuple | list) and not _is_among(value, offered(arguments))


def _initial_choice(arguments: Arguments) -> Any:
    options, index = offered(arguments), arguments["index"]
    return options[index] if index is not None and options else None


def _initial_choices(arguments: Arguments) -> list[Any]:
    default = arguments["default"]
    if default is None:
        return []
    # One option by itself stands for a list of it.
    return [default] if _is_among(default, offered(arguments)) else options_of(default)


def _initial_segments(arguments: Arguments) -> Any:
    return _initial_choices(arguments) if _is_multi(arguments) else arguments["default"]


def _initial_steps(arguments: Arguments) -> Any:
    value = arguments["value"]
    if value is None:
        return None if _is_among(None, offered(arguments)) else offered(arguments)[0]
    return tuple(value) if _is_pair(arguments) else value


def _is_multi(arguments: Arguments) -> bool:
    return bool(arguments["selection_mode"] == "multi")


CHOICE = WidgetSpec(_check_choice, _initial_choice)
CHOICES = WidgetSpec(_check_choices, _initial_choices, several=lambda _arguments: True)
SEGMENTS = WidgetSpec(_check_segments, _initial_segments, several=_is_multi)
STEPS = WidgetSpec(_check_steps, _initial_steps, several=_is_pair)
