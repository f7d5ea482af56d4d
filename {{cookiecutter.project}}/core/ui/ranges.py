"""Kinds of widgets whose value lies between a smallest and a largest: numbers, sliders, dates and times."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from numbers import Integral
from typing import Any

from core.state.text_rules import TextKind, TextRule
from core.streamlit_compat.widgets import date_values, datetime_values
from core.ui.kinds import Arguments, Kind, MisfitError, may_be_empty

_LARGEST_WHOLE = 2**53 - 1
"""Beyond it a browser's numbers lose digits, and Streamlit takes none."""
_SLIDER_DAYS = timedelta(days=14)
"""Default range of a slider of days, to either side."""


def _check_range(ends: Iterable[Any], low: Any, high: Any) -> None:
    for end in ends:
        if low is not None and end < low:
            raise MisfitError("misfit.too_small", value=end, low=low)
        if high is not None and end > high:
            raise MisfitError("misfit.too_large", value=end, high=high)


# Numbers


def _check_number(value: Any, arguments: Arguments) -> None:
    if may_be_empty(value, arguments):
        return
    if type(value) not in (int, float) or not math.isfinite(value):
        raise MisfitError("misfit.no_number", value=value)
    whole = _is_whole(arguments)
    if type(value) is not (int if whole else float):
        raise MisfitError("misfit.no_whole" if whole else "misfit.no_decimal", value=value)
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


# Sliders


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
        raise MisfitError("misfit.no_place", value=value)
    if isinstance(sample, float) and not all(math.isfinite(end) for end in ends):
        raise MisfitError("misfit.no_place", value=value)
    _check_range(ends, *_slider_limits(sample, arguments))
    if pair and ends[0] > ends[1]:
        raise MisfitError("misfit.no_place", value=value)


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


# Dates and times


def _check_date(value: Any, arguments: Arguments) -> None:
    if may_be_empty(value, arguments):
        return
    wanted = date_values(arguments)
    ends = value if isinstance(value, tuple) else (value,)
    if isinstance(value, tuple) != wanted.is_range or len(ends) > 2 or any(type(end) is not date for end in ends):
        raise MisfitError("misfit.no_date", value=value)
    _check_range(ends, wanted.low, wanted.high)
    if len(ends) == 2 and ends[0] > ends[1]:
        raise MisfitError("misfit.no_date", value=value)


def _initial_date(arguments: Arguments) -> Any:
    return date_values(arguments).initial


def _check_moment(value: Any, arguments: Arguments) -> None:
    if may_be_empty(value, arguments):
        return
    if type(value) is not datetime or value.tzinfo is not None:
        raise MisfitError("misfit.no_moment", value=value)
    wanted = datetime_values(arguments)
    _check_range([value], wanted.low, wanted.high)


def _check_time(value: Any, arguments: Arguments) -> None:
    if not may_be_empty(value, arguments) and (type(value) is not time or value.tzinfo is not None):
        raise MisfitError("misfit.no_time", value=value)


def _initial_time(arguments: Arguments) -> Any:
    value = arguments["value"]
    if value == "now":
        return datetime.now().astimezone().time().replace(second=0, microsecond=0)
    if isinstance(value, str):
        value = time.fromisoformat(value) if "T" not in value else datetime.fromisoformat(value)
    return value.time() if isinstance(value, datetime) else value


NUMBER = Kind(_check_number, _initial_number, _number_rule)
SLIDER = Kind(_check_slider, _initial_slider)
DATE = Kind(_check_date, _initial_date)
MOMENT = Kind(_check_moment, lambda arguments: datetime_values(arguments).initial)
TIME = Kind(_check_time, _initial_time)
