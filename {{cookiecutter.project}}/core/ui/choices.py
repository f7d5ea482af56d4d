"""Kinds of widgets that offer options: their value is one of them, or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamlit.dataframe_util import convert_anything_to_list

from core.state.forms import same
from core.ui.kinds import Arguments, Kind, MisfitError


def offered(arguments: Arguments) -> Sequence[Any]:
    """The options as a sequence, whatever they were given as."""
    options = arguments["options"]
    return options if type(options) in (list, tuple) else convert_anything_to_list(options)


def _check_offered(values: Sequence[Any], arguments: Arguments) -> None:
    options = offered(arguments)
    gone = [value for value in values if not _is_among(value, options)]
    if arguments.get("accept_new_options"):
        gone = [value for value in gone if not isinstance(value, str)]
    if gone:
        raise MisfitError("misfit.gone", value=", ".join(str(value) for value in gone))


def _is_among(value: Any, options: Sequence[Any]) -> bool:
    # By type as well: 1 == True, and a person who chose one of them did not choose the other.
    return value in options and any(same(value, option) for option in options)


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
    if any(value.index(item) != place for place, item in enumerate(value)):
        raise MisfitError("misfit.no_choices", value=value)
    _check_offered(value, arguments)


def _check_segments(value: Any, arguments: Arguments) -> None:
    if arguments["selection_mode"] == "multi":
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
    options = offered(arguments)
    if options.index(value[0]) > options.index(value[1]):
        raise MisfitError("misfit.no_place", value=value)


def _is_pair(arguments: Arguments) -> bool:
    """Whether a select slider has two handles. An option may itself be a tuple."""
    value = arguments["value"]
    return isinstance(value, tuple | list) and value not in offered(arguments)


def _initial_choice(arguments: Arguments) -> Any:
    options, index = offered(arguments), arguments["index"]
    return options[index] if index is not None and options else None


def _initial_choices(arguments: Arguments) -> list[Any]:
    default = arguments["default"]
    if default is None:
        return []
    # One option by itself stands for a list of it.
    return [default] if _is_among(default, offered(arguments)) else convert_anything_to_list(default)


def _initial_segments(arguments: Arguments) -> Any:
    return _initial_choices(arguments) if arguments["selection_mode"] == "multi" else arguments["default"]


def _initial_steps(arguments: Arguments) -> Any:
    value = arguments["value"]
    if value is None:
        return offered(arguments)[0]
    return tuple(value) if _is_pair(arguments) else value


CHOICE = Kind(_check_choice, _initial_choice)
CHOICES = Kind(_check_choices, _initial_choices)
SEGMENTS = Kind(_check_segments, _initial_segments)
STEPS = Kind(_check_steps, _initial_steps)
