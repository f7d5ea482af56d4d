"""Kinds of widgets that offer options: their value is one of them, or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.state.equality import same
from core.streamlit_compat.widgets import options_of
from core.ui.kinds import Arguments, Kind, MisfitError

_QUICK = (str, int, bool)
"""Types of options of which there may be many, and whose own equality says all."""


def offered(arguments: Arguments) -> Sequence[Any]:
    """The options as a sequence, whatever they were given as."""
    options = arguments["options"]
    return options if type(options) in (list, tuple) else options_of(options)


def _check_offered(values: Sequence[Any], arguments: Arguments) -> None:
    options = offered(arguments)
    gone = [value for value in values if not _is_among(value, options)]
    if arguments.get("accept_new_options"):
        gone = [value for value in gone if not isinstance(value, str)]
    if gone:
        raise MisfitError("misfit.gone", value=", ".join(str(value) for value in gone))


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
        raise MisfitError("misfit.no_choices", value=value)
    most = arguments.get("max_selections")
    if most is not None and len(value) > most:
        raise MisfitError("misfit.too_many", n=len(value), most=most)
    if any(_place(item, value) != place for place, item in enumerate(value)):
        raise MisfitError("misfit.no_choices", value=value)
    _check_offered(value, arguments)


def _check_segments(value: Any, arguments: Arguments) -> None:
    if _is_multi(arguments):
        _check_choices(value, arguments)
    elif value is not None:
        _check_offered([value], arguments)
    elif arguments["required"] and arguments["default"] is not None:
        raise MisfitError("misfit.none")


def _check_steps(value: Any, arguments: Arguments) -> None:
    if not _is_pair(arguments):
        _check_offered([value], arguments)
        return
    if not isinstance(value, tuple) or len(value) != 2:
        raise MisfitError("misfit.no_place", value=value)
    _check_offered(value, arguments)
    low, high = (_place(each, offered(arguments)) for each in value)
    if low is None or high is None or low > high:
        raise MisfitError("misfit.no_place", value=value)


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


CHOICE = Kind(_check_choice, _initial_choice)
CHOICES = Kind(_check_choices, _initial_choices, several=lambda _arguments: True)
SEGMENTS = Kind(_check_segments, _initial_segments, several=_is_multi)
STEPS = Kind(_check_steps, _initial_steps, several=_is_pair)
