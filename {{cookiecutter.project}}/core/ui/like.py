"""Functions that are called like a function of Streamlit's, with parameters besides."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_PARAMETERS = {
    "form": """form : str or None
    The form that the value is stored in. In the block of `with ui.form(…)` it is that one.
""",
    "field": """field : str
    The field of the form that the value is stored in.
""",
    "option_id": """option_id : callable or None
    Returns what is stored of an option that is an object, such as `lambda row: row.id` for a row of a table.
""",
    "row_id": """row_id : str, int or None
    The column that identifies a row, as the `id` of a database table does, where the labels of the table don't. An
    edit then stays with its row when rows are added or removed, and when another of its cells changes.
""",
}


def like(function: Callable[..., Any]) -> Callable[[F], F]:
    """Give a function the name, signature and help of Streamlit's, with its own keyword-only parameters besides."""

    def document(own: F) -> F:
        theirs, extra = inspect.signature(function), inspect.signature(own).parameters.values()
        has_options = "format_func" in theirs.parameters
        added = [each for each in extra if each.name in _PARAMETERS and (each.name != "option_id" or has_options)]
        parameters = sorted([*theirs.parameters.values(), *added], key=lambda each: each.kind)
        heading, text = "Parameters\n----------\n", inspect.getdoc(function) or ""
        own.__name__ = own.__qualname__ = function.__name__
        own.__doc__ = text.replace(heading, heading + "".join(_PARAMETERS[each.name] for each in added), 1)
        own.__signature__ = theirs.replace(parameters=parameters)  # type: ignore[attr-defined]
        return own

    return document
