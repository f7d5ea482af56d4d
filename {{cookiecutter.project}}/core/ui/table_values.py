"""Streamlit's reading of a table for its editor, and the values its columns can hold: no public API of it.

`tests/test_data_editor.py` holds it to that. From `elements/widgets/data_editor.py` and `dataframe_util.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import Any

import pandas as pd
import pyarrow as pa

from core.streamlit_compat.tables import (
    EDITABLE_AS,
    INDEX_IDENTIFIER,
    ColumnDataKind,
    dataframe_util,
    determine_dataframe_schema,
    fix_column_headers,
    parse_value,
    stringify_incompatible,
)

__all__ = ["INDEX_IDENTIFIER", "Table"]

_NUMBERS = (ColumnDataKind.INTEGER, ColumnDataKind.FLOAT)
_MOMENTS = (ColumnDataKind.DATE, ColumnDataKind.TIME, ColumnDataKind.DATETIME)
_CONFIGURED = {
    **dict.fromkeys(("text", "link", "markdown"), ColumnDataKind.STRING),
    **dict.fromkeys(("list", "multiselect"), ColumnDataKind.LIST),
    "number": ColumnDataKind.FLOAT,
    "checkbox": ColumnDataKind.BOOLEAN,
    "selectbox": ColumnDataKind.EMPTY,
    "date": ColumnDataKind.DATE,
    "time": ColumnDataKind.TIME,
    "datetime": ColumnDataKind.DATETIME,
}
"""By the type that a column is configured as: what its cells are where its data doesn't say that."""
_EDITABLE = frozenset(kind for kinds in EDITABLE_AS.values() for kind in kinds)
_REFUSALS = (
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    pa.ArrowException,
)
"""Raised by pandas and Arrow for a value that doesn't fit; by pandas an assertion for a date out of range."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Data as the editor shows it. `frame` is not to be changed."""

    frame: pd.DataFrame
    schema: Mapping[str, Any]
    kind: Any
    """The data of the page: a frame, a list of dicts…"""
    configs: Mapping[str, Mapping[str, Any]]
    """The configurations of columns, by name."""
    untyped: Mapping[str, tuple[ColumnDataKind, Any]]
    """Columns without a value in the given data, with the kind and dtype of their configuration."""
    objects: Mapping[str, pd.Series[Any]]
    """The values of columns that Streamlit shows as text, such as UUIDs and sets. They can't be edited."""

    @classmethod
    def read(cls, data: Any, config: Mapping[Any, Any] | None = None) -> Table:
        """Read whatever the editor takes. Raises Streamlit's errors for anything else."""
        kind = dataframe_util.determine_data_format(data)
        frame = dataframe_util.convert_anything_to_pandas_df(data, ensure_copy=True)
        fix_column_headers(frame)
        before = dict(frame.items())
        stringify_incompatible(frame, {}, trial_conversion=True)
        objects = {str(name): column for name, column in before.items() if frame[name].dtype != column.dtype}
        schema = determine_dataframe_schema(frame, pa.Table.from_pandas(frame).schema)
        configs = _by_name(config or {}, frame)
        return cls(frame, schema, kind, configs, dict(_untyped(frame, schema, configs)), objects)

    def cell(self, column: str, value: Any) -> Any:
        """Return what a cell holds once this is entered into it. Raises ValueError for what its column can't hold."""
        try:
            return self._cell(column, value)
        except _REFUSALS as error:
            raise ValueError(f"{column} can't hold this: {error}") from error

    def takes(self, column: str, value: Any) -> bool:
        """Return whether a column can hold the value that a browser sent."""
        try:
            self.cell(column, value)
        except ValueError:
            return False
        return True

    def _cell(self, column: str, value: Any) -> Any:
        of = self.frame.index if column == INDEX_IDENTIFIER else self.frame[column]
        kind, dtype = self.schema[column], of.dtype
        if column in self.untyped and value is not None:
            self._as_configured(column, value)  # raises for what couldn't be shown
        if column == INDEX_IDENTIFIER and isinstance(value, list):
            raise ValueError("a label is no list")
        if isinstance(value, list) or kind == ColumnDataKind.LIST:
            return _as_list(kind, of, value)
        if value is None:
            if column == INDEX_IDENTIFIER:
                raise ValueError("a row needs its label")
            return None
        if column == INDEX_IDENTIFIER and isinstance(dtype, pd.CategoricalDtype):
            dtype = dtype.categories.dtype  # a label need be none of them
        return _held(kind, dtype, value)

    def _as_configured(self, column: str, value: Any) -> Any:
        """Return what an untyped column shows of an entered value, which is stored as the browser sent it."""
        kind, dtype = self.untyped[column]
        if isinstance(value, list) != (kind == ColumnDataKind.LIST):
            raise ValueError("a list where there is none, or none where there is one")
        if isinstance(value, list):
            return [entry if entry is None else str(entry) for entry in value]
        return _held(kind, dtype, value)

    def edited(
        self, cells: Mapping[int, Mapping[str, Any]], gone: Sequence[int], added: Sequence[Mapping[str, Any]]
    ) -> Table:
        """Return the table with cells changed, then rows gone, then rows added. Its columns hold the same types.

        `cells` by the row's position and column, `added` by column: all of them what `takes` says yes to. A column of
        numbers or truth values that gets an empty cell becomes pandas's nullable one.
        """
        labels = list(self.frame.index)
        for place, row in cells.items():
            if INDEX_IDENTIFIER in row:
                labels[place] = self.cell(INDEX_IDENTIFIER, row[INDEX_IDENTIFIER])
        index = self.frame.index if labels == list(self.frame.index) else self._index(labels)
        index = index.delete(list(gone))
        index = self._longer(index, added) if added else index
        columns = {}
        for name in self.frame.columns:
            changed = {place: self.cell(name, row[name]) for place, row in cells.items() if name in row}
            more = [self.cell(name, row.get(name)) for row in added]
            columns[name] = _column(self.frame[name], changed, gone, more).set_axis(index)
        return replace(self, frame=pd.DataFrame(columns, index=index, columns=self.frame.columns))

    def _index(self, labels: list[Any]) -> pd.Index[Any]:
        index: pd.Index[Any]
        dtype, name = self.frame.index.dtype, self.frame.index.name
        is_left = isinstance(dtype, pd.CategoricalDtype) and not set(labels) <= {*dtype.categories, None}
        try:
            index = pd.Index(labels, dtype=None if is_left else dtype, name=name)
        except _REFUSALS:  # counting on has left what they can hold
            index = pd.Index(labels, name=name)
        return index

    def _longer(self, index: pd.Index[Any], added: Sequence[Mapping[str, Any]]) -> pd.Index[Any]:
        """Return the labels with those of added rows, which go on counting where they count."""
        if isinstance(index, pd.RangeIndex):
            return pd.RangeIndex(index.start, index.stop + index.step * len(added), index.step, name=index.name)
        labels = list(index)
        following = int(index.max()) + 1 if self.counts and len(index) else 0
        entered = {row.get(INDEX_IDENTIFIER) for row in added}
        for row in added:
            if row.get(INDEX_IDENTIFIER) is not None and not isinstance(self.frame.index, pd.RangeIndex):
                labels.append(self.cell(INDEX_IDENTIFIER, row[INDEX_IDENTIFIER]))
            else:
                following = next(number for number in count(following) if number not in entered)
                labels.append(following)
                following += 1
        return self._index(labels)

    @property
    def counts(self) -> bool:
        """True if an added row gets its label by counting."""
        return pd.api.types.is_integer_dtype(self.frame.index.dtype)

    def as_shown(self, given: Table) -> Table:
        """Return the table as its editor shows it.

        A column whose cells were all emptied is still of its type there, and one that had none is of the configured.
        """
        frame = self.frame.copy()
        if isinstance(given.frame.index, pd.RangeIndex):
            frame = frame.reset_index(drop=True)  # an index that counts goes on counting
        for untyped, (_, dtype) in self.untyped.items():
            entries = pd.Series(frame.index) if untyped == INDEX_IDENTIFIER else frame[untyped]
            if entries.isna().all():
                continue
            cells = zip(entries, entries.isna(), strict=True)
            values = [None if is_empty else self._as_configured(untyped, value) for value, is_empty in cells]
            if untyped == INDEX_IDENTIFIER:
                frame.index = pd.Index(values, dtype=dtype, name=frame.index.name)
            else:
                frame[untyped] = pd.Series(values, index=frame.index, dtype=dtype)
        if self.schema[INDEX_IDENTIFIER] == ColumnDataKind.EMPTY and len({*map(type, frame.index.dropna())}) > 1:
            frame.index = frame.index.astype(str)  # cells of several types are shown as texts by Streamlit itself
        for name, column in frame.items():
            if pd.api.types.is_object_dtype(column.dtype) and column.isna().all():
                kind = pa.Array.from_pandas(given.frame[name]).type
                frame[name] = frame[name] if pa.types.is_null(kind) else column.astype(pd.ArrowDtype(kind))
        return replace(self, frame=frame)

    def as_given(self, given: Table) -> Any:
        """Return the table in the form that the page gave, with Streamlit's types for columns that have empty cells."""
        frame = self.frame.copy()
        for name, dtype in given.frame.dtypes.items():
            column = frame[name]
            if column.dtype == dtype:
                continue
            if not column.hasnans:
                frame[name] = column.astype(dtype)
            elif pd.api.types.is_bool_dtype(dtype):
                frame[name] = column.astype(object).where(column.notna(), None)
            elif not isinstance(dtype, pd.IntervalDtype):
                frame[name] = column.astype(float)
        return dataframe_util.convert_pandas_df_to_data_format(frame, self.kind)


def _by_name(config: Mapping[Any, Any], frame: pd.DataFrame) -> dict[str, Mapping[str, Any]]:
    """Return the configuration of each column, which is given by its name or its place: 0 is that of the labels."""
    found = {name: config.get(name, config.get(place)) for place, name in enumerate([INDEX_IDENTIFIER, *frame.columns])}
    return {name: each for name, each in found.items() if isinstance(each, Mapping)}


def _untyped(
    frame: pd.DataFrame, schema: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, tuple[ColumnDataKind, Any]]]:
    for name, config in configs.items():
        dtype: Any = frame.index.dtype if name == INDEX_IDENTIFIER else frame[name].dtype
        options = config.get("type_config") or {}
        kind = _CONFIGURED.get(options.get("type", ""))
        if kind is None or schema[name] != ColumnDataKind.EMPTY or not pd.api.types.is_object_dtype(dtype):
            continue
        if kind == ColumnDataKind.DATETIME:
            dtype = pd.DatetimeTZDtype("us", "UTC") if options.get("timezone") else "datetime64[us]"
        yield name, (kind, dtype)


@lru_cache(maxsize=8192, typed=True)
def _held(kind: ColumnDataKind, dtype: Any, value: Any) -> Any:
    """Convert a single value to the type of its column. Raises one of _REFUSALS."""
    _check_entry(value)
    if kind not in _EDITABLE:
        raise ValueError("only shown")
    if kind in _MOMENTS and isinstance(value, str) and not value[:1].isdecimal():
        raise ValueError("no moment of its own")  # such as "now"
    if kind == ColumnDataKind.BOOLEAN and not isinstance(value, bool):
        raise ValueError("neither true nor false")
    if kind in _NUMBERS and isinstance(value, str):
        raise ValueError("no number")
    parsed = parse_value(value, kind)
    if parsed is None or (kind == ColumnDataKind.INTEGER and parsed != value):
        raise ValueError("not of the column's kind")
    if isinstance(dtype, pd.CategoricalDtype):
        if parsed not in dtype.categories:
            raise ValueError("not among its categories")
        return parsed
    if pd.api.types.is_object_dtype(dtype):
        pa.array([parsed])  # raises for what the browser couldn't be shown
        return parsed
    held = pd.Series([parsed], dtype=dtype).iloc[0]
    if not (math.isfinite(held) if kind == ColumnDataKind.FLOAT else bool(held == parsed)):
        raise ValueError("it would become another value")
    return held


def _as_list(kind: ColumnDataKind, column: Any, value: Any) -> Any:
    """Convert a list, whose entries the browser sends as text, to the type of its column. Raises one of _REFUSALS."""
    if value is None:
        return None
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        _check_entry(entry)
    if kind == ColumnDataKind.LIST:
        return pa.array([entries]).cast(pa.Array.from_pandas(column).type).to_pylist()[0] if entries else []
    if kind == ColumnDataKind.STRING:
        return _held(kind, column.dtype, parse_value(value, kind))
    if kind != ColumnDataKind.EMPTY:
        raise ValueError("no list")
    return entries


def _check_entry(value: Any) -> None:
    if not (value is None or isinstance(value, bool | int | float | str)):
        raise ValueError("no value of a cell")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("no finite number")
    if isinstance(value, str):
        value.encode()  # raises for half of a surrogate pair


def _column(column: pd.Series[Any], changed: Mapping[int, Any], gone: Sequence[int], more: list[Any]) -> pd.Series[Any]:
    """Return a column with some values changed, some gone and more of them."""
    if any(value is None for value in (*changed.values(), *more)):
        if column.dtype.kind in "biu":
            column = column.convert_dtypes()
        elif isinstance(column.dtype, pd.IntervalDtype) and getattr(column.dtype.subtype, "kind", "") in "iu":
            column = column.astype(pd.IntervalDtype("float64", column.dtype.closed))
    if any(isinstance(value, list) for value in changed.values()):  # which pandas would spread over several cells
        column = pd.Series([changed.get(place, value) for place, value in enumerate(column)], dtype=column.dtype)
    elif changed:
        column = column.copy()
        for place, value in changed.items():
            column.iat[place] = value
    if gone:
        left = set(range(len(column))) - set(gone)
        column = column.iloc[sorted(left)]
    return pd.concat([column, pd.Series(more, dtype=column.dtype)]) if more else column
