"""Arguments of widgets that come from a table: numbers and moments of numpy and pandas as Python's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

_OPTIONS = ("options", "default", "value")
"""Arguments that a widget with options returns as they were given."""


def plain_numbers(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a widget's arguments with Python's numbers and moments, which is what the widget returns for them."""
    given = _OPTIONS if "format_func" in arguments else ()
    return {name: value if name in given else _plain(value) for name, value in arguments.items()}


def _plain(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(_plain(entry) for entry in value)
    if isinstance(value, np.number | np.bool_ | np.str_):
        return value.item()
    if isinstance(value, pd.Timestamp) and not pd.isna(value):
        return value.floor("us").to_pydatetime()
    return value.to_pytimedelta() if isinstance(value, pd.Timedelta) and not pd.isna(value) else value
