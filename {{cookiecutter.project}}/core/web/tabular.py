"""How Streamlit reads a table for its editor and applies what was edited: no public API of it.

`tests/test_data_editor.py` holds it to that. From `elements/widgets/data_editor.py` and `dataframe_util.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
from streamlit import dataframe_util
from streamlit.elements.lib.column_config_utils import (
    INDEX_IDENTIFIER,
    ColumnDataKind,
    determine_dataframe_schema,
)
from streamlit.elements.widgets.data_editor import (
    _apply_cell_edits,
    _apply_row_additions,
    _apply_row_deletions,
    _fix_column_headers,
    _parse_value,
    _stringify_arrow_incompatible_columns,
)

__all__ = ["INDEX_IDENTIFIER", "Table"]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Data as the editor shows it. `frame` is not to be changed."""

    frame: pd.DataFrame
    schema: Mapping[str, Any]
    kind: Any
    """What the page gave: a frame, a list of dicts…"""

    @classmethod
    def read(cls, data: Any) -> Table:
        """Read whatever the editor takes. Raises Streamlit's errors for anything else."""
        kind = dataframe_util.determine_data_format(data)
        frame = dataframe_util.convert_anything_to_pandas_df(data, ensure_copy=True)
        _fix_column_headers(frame)
        _stringify_arrow_incompatible_columns(frame, {}, trial_conversion=True)
        schema = determine_dataframe_schema(frame, pa.Table.from_pandas(frame).schema)
        return cls(frame, schema, kind)

    def with_cells(self, cells: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
        """A copy with other values in some cells, by row's position and column."""
        frame = self.frame.copy()
        _apply_cell_edits(frame, cells, dict(self.schema))
        return frame

    def without(self, frame: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
        return _apply_row_deletions(frame, rows) if rows else frame

    def add(self, frame: pd.DataFrame, row: Mapping[str, Any]) -> bool:
        """Add a row to a frame. False where its values or its label don't allow that."""
        before = len(frame)
        _apply_row_additions(frame, [dict(row)], dict(self.schema))
        return len(frame) > before

    def takes(self, column: str, value: Any) -> bool:
        """Whether a column can hold what a browser sent for it."""
        kind = self.schema.get(column)
        if kind is None or (kind == ColumnDataKind.BOOLEAN and not isinstance(value, bool | None)):
            return False
        if kind in (ColumnDataKind.INTEGER, ColumnDataKind.FLOAT) and isinstance(value, bool | str | list):
            return False
        try:
            parsed = _parse_value(value, kind)
        except (ValueError, OverflowError):
            return False
        whole = kind != ColumnDataKind.INTEGER or value is None or parsed == value
        return whole and (value is None or parsed is not None)

    def parsed(self, column: str, value: Any) -> Any:
        """The value a cell has once this is entered into it."""
        return _parse_value(value, self.schema[column])

    def as_given(self, frame: pd.DataFrame) -> Any:
        """A frame in the form of what the page gave."""
        return dataframe_util.convert_pandas_df_to_data_format(frame, self.kind)
