"""The stored value of a chosen option: the option itself, or the id that `option_id` returns for it.

ui.selectbox("Customer", customers(), format_func=str, option_id=lambda row: row.id, form="order", field="customer")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.codec import encode
from core.errors import NotKeptError
from core.ui.widget_specs import Arguments, offered

_PLAIN = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class _Gone:
    """An id that no option has now."""

    id: Any

    def __str__(self) -> str:
        return str(self.id)


@dataclass(frozen=True)
class OptionIds:
    """The ids of a widget's options. Without a function, each option is its own id."""

    of: Callable[[Any], Any] | None
    arguments: Arguments
    several: bool
    """True if the widget returns several options. One may itself be a tuple, as a row of a database is."""

    def stored(self, value: Any) -> Any:
        """Return the stored value of what the widget holds: of an option, of several, or of a text entered instead."""
        return value if self.of is None else self._each(self._id, value)

    def shown(self, stored: Any) -> Any:
        """Return what the widget holds of a stored value: the options as they are now."""
        return stored if self.of is None else self._each(self._option, stored)

    def current(self, value: Any) -> Any:
        """Return the widget's value with the options of this run; Streamlit holds those of an earlier one."""
        return (
            value if self.of is None else self._each(lambda each: self._options.get(repr(self._id(each)), each), value)
        )

    def _each(self, of: Callable[[Any], Any], value: Any) -> Any:
        return type(value)(map(of, value)) if self.several and type(value) in (list, tuple) else of(value)

    @cached_property
    def _options(self) -> dict[str, Any]:
        """The options by what is stored of them."""
        of = self.of or repr
        return {repr(None if option is None else of(option)): option for option in offered(self.arguments)}

    def _id(self, value: Any) -> Any:
        is_entered = isinstance(value, str) and self.arguments.get("accept_new_options")
        if value is None or is_entered or self.of is None:
            return value
        try:
            return self.of(value)
        except (AttributeError, LookupError, TypeError):  # a page that connects anew may send what is no option
            return _Gone(value)

    def _option(self, stored: Any) -> Any:
        if stored is None or (isinstance(stored, str) and self.arguments.get("accept_new_options")):
            return self._options.get(repr(stored), stored)
        return self._options.get(repr(stored), _Gone(stored))


def unkeepable(arguments: Arguments) -> NotKeptError | None:
    """Return why a widget's options can't be stored; None if they can, or if it has none."""
    if "format_func" not in arguments:
        return None
    for kind, option in {type(option): option for option in offered(arguments)}.items():
        if kind not in _PLAIN:
            try:
                encode(option, str(arguments["label"]))
            except NotKeptError as error:
                return error
    return None
