"""Edits of a table, stored apart from it: changed cells, added rows, deleted rows.

An edit knows its row by the row's label where the table's labels are unique, and otherwise by its place and what it
held. It also knows what was there before. So when the table itself changes, an edit is applied where the cell it
changed is still what it was, and nowhere else.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeGuard

import numpy as np
import pandas as pd

from core.ui.table_values import INDEX_IDENTIFIER, Table

TableEdits = Mapping[str, Any]
"""As it is stored: `rows` by row key, each with `was`, `deleted` and `cells` (`to`, `was`); `added` rows by id."""
NOTHING: TableEdits = {"rows": {}, "added": {}}
NO_ENTRY: Final = object()


def is_kept(value: object) -> TypeGuard[TableEdits]:
    """Return whether a stored value has the form of edits."""
    match value:
        case {"rows": dict(rows), "added": dict(added)}:
            return all(map(_is_row, rows.items())) and all(map(_is_cells, added.values()))
    return False


def _is_row(item: tuple[object, object]) -> bool:
    match item:
        case str(key), {"was": str(), "deleted": bool(), "cells": dict(cells)}:
            names_row = key.startswith("=") or key.partition(":")[0].isdecimal()
            return names_row and _is_cells(cells) and all(_is_cell(cell) for cell in cells.values())
    return False


def _is_cell(value: object) -> bool:
    return isinstance(value, dict) and "to" in value and isinstance(value.get("was"), str)


def _is_cells(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(column, str) for column in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEdit:
    """An edit of one cell, or a deletion, where `column` is None.

    `row` is the row's name, None for an added row; where its `column` is None, `value` has all of its cells.
    """

    key: str
    row: str | None
    column: str | None
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Edits by the positions of a table's rows, and those that don't apply to it."""

    cells: Mapping[int, Mapping[str, Any]]
    deleted: Sequence[int]
    added: Mapping[str, Mapping[str, Any]]
    unfit: Sequence[TableEdit]
    keys: Mapping[int, str]
    """The keys of the rows that have edits."""


class Base:
    """The table that is edited, and how its rows are known again."""

    def __init__(self, data: Any, row_id: str | int | None = None, config: Mapping[Any, Any] | None = None) -> None:
        """Read what the editor takes. `row_id` is the column that names a row, where its label doesn't.

        `config` is the editor's `column_config`.

        Raises Streamlit's errors for what is no table, and LookupError for one without such a column. A table of
        nothing at all, as `[]` is, has no rows to be named.
        """
        self.table = Table.read(data, config)
        self._frame = self.table.frame
        self.id_column = INDEX_IDENTIFIER if row_id is None else str(row_id)  # as the editor names columns
        columns = self._frame.columns
        if row_id is not None and self.id_column not in columns and self._frame.shape != (0, 0):
            raise LookupError(f"The table has no column {row_id!r}; it has {', '.join(columns) or 'none'}.")
        self.fitted: tuple[TableEdits, Fit] | None = None
        """The edits that were looked at last, and what was found: a run asks several times."""

    @cached_property
    def digest(self) -> str:
        """Of all that the table holds, and of what its editor shows as what."""
        frame = self._frame
        columns = [(str(name), str(frame[name].dtype)) for name in frame.columns]
        columns += [(name, str(shown_as)) for name, shown_as in self.table.untyped.items()]
        return _digest(columns, [_text(label) for label in frame.index], self._digests)

    @cached_property
    def ids(self) -> dict[str, int] | None:
        """Places by the row's id, as text; None where nothing names rows."""
        if self.id_column == INDEX_IDENTIFIER and isinstance(self._frame.index, pd.RangeIndex):
            return None
        places = {_text(self.id(place)): place for place in range(len(self._frame))}
        return places if len(places) == len(self._frame) else None

    def id(self, place: int) -> Any:
        """Return the row's label, or what it holds in the column that names rows."""
        found = self._cell(place, self.id_column)
        if not isinstance(found, Hashable):
            return _text(found)
        return found.item() if isinstance(found, np.generic) else found

    @cached_property
    def _digests(self) -> list[str]:
        columns = [[_text(value) for value in self._column(name)] for name in self._frame.columns]
        return [_digest(*values) for values in zip(*columns, strict=True)] if columns else [""] * len(self._frame)

    def key(self, place: int) -> str:
        """Return the name of a row, in this table and in the ones that come after it."""
        if self.ids is not None:
            return f"={_text(self.id(place))}"
        return f"{place}:{self._digests[place]}"

    def place(self, key: str) -> int | None:
        """Return the position of a row now, None if it is gone."""
        if key.startswith("="):
            return (self.ids or {}).get(key[1:])
        place, _, digest = key.partition(":")
        if int(place) < len(self._digests) and self._digests[int(place)] == digest:
            return int(place)
        return self._digests.index(digest) if self._digests.count(digest) == 1 else None

    def row_was(self, place: int) -> str:
        return self._digests[place]

    def cell_was(self, place: int, column: str) -> str:
        return _digest(_text(self._cell(place, column)))

    def holds(self, place: int, column: str, value: Any) -> bool:
        """Return whether a cell holds the value that was entered into it."""
        takes = self.table.takes(column, value)
        return takes and self.cell_was(place, column) == _digest(_text(self.table.cell(column, value)))

    def id_entered(self, row: Mapping[str, Any]) -> str | None:
        """Return the id that was entered for a row, as text."""
        value = row.get(self.id_column)
        return None if value is None else _text(self.table.cell(self.id_column, value))

    def lacks_label(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row can't be added because it lacks a label."""
        return not self.table.counts and row.get(INDEX_IDENTIFIER) is None

    def _cell(self, place: int, column: str) -> Any:
        return self._column(column).iloc[place] if column in self._frame.columns else self._frame.index[place]

    def _column(self, name: str) -> pd.Series[Any]:
        return self.table.objects.get(name, self._frame[name])


def fit(kept: TableEdits, base: Base) -> Fit:
    """Find out which edits apply to a table. What it holds already, or has no more, is no edit to it."""
    if base.fitted is None or base.fitted[0] is not kept:
        base.fitted = kept, _fit(kept, base)
    return base.fitted[1]


def _fit(kept: TableEdits, base: Base) -> Fit:
    cells: dict[int, dict[str, Any]] = {}
    deleted, unfit, keys = [], [], {}
    for key, row in kept["rows"].items():
        place = base.place(key)
        if place is None:
            at = key.partition(":")[0]
            if at.isdecimal() and int(at) < len(base.table.frame) and _is_done(row, base, int(at)):
                continue
            unfit += [_edit_of_cell(key, column, cell) for column, cell in row["cells"].items()]
            continue
        keys[place] = key
        if row["deleted"]:
            if base.row_was(place) == row["was"]:
                deleted.append(place)
            else:
                unfit.append(TableEdit(key=key, row=_name(key), column=None, value=None))
            continue
        for column, cell in row["cells"].items():
            takes = base.table.takes(column, cell["to"])
            if takes and base.cell_was(place, column) == cell["was"]:
                cells.setdefault(place, {})[column] = cell["to"]
            elif not takes or not base.holds(place, column, cell["to"]):
                unfit.append(_edit_of_cell(key, column, cell))
    added, unfit_rows = _fit_added(kept, base, cells, deleted)
    return Fit(cells=cells, deleted=deleted, added=added, unfit=[*unfit, *unfit_rows], keys=keys)


def _edit_of_cell(key: str, column: str, cell: Mapping[str, Any]) -> TableEdit:
    return TableEdit(key=key, row=_name(key), column=column, value=cell["to"])


def _fit_added(
    kept: TableEdits, base: Base, cells: Mapping[int, Mapping[str, Any]], deleted: Sequence[int]
) -> tuple[dict[str, dict[str, Any]], list[TableEdit]]:
    """Return the rows that can be added to a table after these changes and deletions: no two rows share an id."""
    taken: dict[str, int | None] = dict(base.ids or {})
    for place in deleted:
        taken.pop(_text(base.id(place)), None)
    for place, row in cells.items():
        if base.id_column in row:
            taken.pop(_text(base.id(place)), None)
            taken[base.id_entered(row) or ""] = None
    added: dict[str, dict[str, Any]] = {}
    unfit: list[TableEdit] = []
    for key, entered in kept["added"].items():
        row = {column: value for column, value in entered.items() if base.table.takes(column, value)}
        name = base.id_entered(row)
        if base.lacks_label(row) or (base.ids is not None and name in taken):
            there = taken.get(name or "")
            if there is None or not all(base.holds(there, column, value) for column, value in entered.items()):
                unfit.append(TableEdit(key=key, row=None, column=None, value=entered))
            continue
        if name is not None:
            taken[name] = None
        added[key] = row
        unfit += [
            TableEdit(key=key, row=None, column=column, value=value)
            for column, value in entered.items()
            if column not in row
        ]
    return added, unfit


def edits_of(kept: TableEdits) -> Iterator[TableEdit]:
    """Yield the edits one by one; an added row is one."""
    for key, row in kept["rows"].items():
        if row["deleted"]:
            yield TableEdit(key=key, row=_name(key), column=None, value=None)
        else:
            yield from (_edit_of_cell(key, column, cell) for column, cell in row["cells"].items())
    yield from (TableEdit(key=key, row=None, column=None, value=cells) for key, cells in kept["added"].items() if cells)


def without_unfit(kept: TableEdits, base: Base) -> TableEdits:
    """Return the edits that apply, without those that don't."""
    unfit = {(each.key, each.column) for each in fit(kept, base).unfit}
    rows = {}
    for key, row in kept["rows"].items():
        cells = {column: cell for column, cell in row["cells"].items() if (key, column) not in unfit}
        if cells or (row["deleted"] and (key, None) not in unfit):
            rows[key] = {**row, "cells": cells}
    added = {
        key: {column: value for column, value in cells.items() if (key, column) not in unfit}
        for key, cells in kept["added"].items()
        if (key, None) not in unfit
    }
    return {"rows": rows, "added": added}


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A table with its edits applied, as the editor shows it: what is done there is done to this."""

    base: Base
    table: Table
    origins: Sequence[int | str]
    """Per row: its place in the base, or the id of an added row."""
    token: str
    """Prefix of the ids of rows that were added in this editor."""

    @classmethod
    def of(cls, base: Base, kept: TableEdits, token: str) -> Draft:
        found = fit(kept, base)
        table = applied(base, kept).as_shown(base.table)
        gone = set(found.deleted)
        origins = [place for place in range(len(base.table.frame)) if place not in gone]
        return cls(base, table, [*origins, *found.added], token)

    def entered(self, kept: TableEdits, number: int, column: str) -> Any:
        """Return the edited value of a cell of the editor; NO_ENTRY for none."""
        origin = self.origins[number] if number < len(self.origins) else f"{self.token}-{number - len(self.origins)}"
        if isinstance(origin, str):
            return kept["added"].get(origin, {}).get(column, NO_ENTRY)
        row = kept["rows"].get(self._key(kept, origin), {"cells": {}})
        return row["cells"][column]["to"] if column in row["cells"] else NO_ENTRY

    def count_added(self, kept: TableEdits) -> int:
        """Return the number of rows that were added in this editor."""
        return sum(name.startswith(f"{self.token}-") for name in kept["added"])

    def is_deleted(self, kept: TableEdits, number: int) -> bool:
        """Return whether a row of the editor is deleted."""
        origin = self.origins[number]
        if isinstance(origin, str):
            return origin not in kept["added"]
        return bool(kept["rows"].get(self._key(kept, origin), {"deleted": False})["deleted"])

    def name(self, number: int) -> str | None:
        """Return the name of a row of the editor, None for an added one."""
        origin = self.origins[number] if number < len(self.origins) else ""
        return None if isinstance(origin, str) else _name(self.base.key(origin))

    def overlay(self, kept: TableEdits, state: Mapping[str, Any]) -> TableEdits:
        """Return edits with those of an editor's state added: the same, however often it is done."""
        rows = {key: {**row, "cells": dict(row["cells"])} for key, row in kept["rows"].items()}
        added = {name: dict(cells) for name, cells in kept["added"].items()}

        def row_at(place: int) -> dict[str, Any]:
            new = {"was": self.base.row_was(place), "deleted": False, "cells": {}}
            return rows.setdefault(self._key(kept, place), new)

        for number, cells in state["edited_rows"].items():
            origin = self.origins[int(number)]
            if isinstance(origin, str):
                added.setdefault(origin, {}).update(cells)
                continue
            row = row_at(origin)
            for column, value in cells.items():
                row["cells"][column] = {"to": value, "was": self.base.cell_was(origin, column)}
        for number in state["deleted_rows"]:
            origin = self.origins[int(number)]
            if isinstance(origin, str):
                added.pop(origin, None)
            else:
                row_at(origin).update(deleted=True, was=self.base.row_was(origin))
        added = {name: cells for name, cells in added.items() if not name.startswith(f"{self.token}-")}
        added |= {f"{self.token}-{number}": dict(cells) for number, cells in enumerate(state["added_rows"])}
        return {"rows": rows, "added": added}

    def _key(self, kept: TableEdits, place: int) -> str:
        """Return the name under which edits of a row of the table are kept."""
        return fit(kept, self.base).keys.get(place) or self.base.key(place)


def edited(base: Base, kept: TableEdits) -> Any:
    """Return the table with its edits, in the form the page gave it."""
    return applied(base, kept).as_given(base.table)


def applied(base: Base, kept: TableEdits) -> Table:
    """Return the table with its edits, as the editor reads it."""
    found = fit(kept, base)
    return base.table.edited(found.cells, found.deleted, list(found.added.values()))


def _is_done(row: Mapping[str, Any], base: Base, place: int) -> bool:
    """Return whether a row holds all that was entered, so that it is the edited row, saved by somebody."""
    return not row["deleted"] and all(base.holds(place, column, cell["to"]) for column, cell in row["cells"].items())


def _name(key: str) -> str:
    return key[1:] if key.startswith("=") else str(int(key.partition(":")[0]) + 1)


def _text(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    value = value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    # 3 and 3.0 are the same cell: an empty one elsewhere in its column makes it the other.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else f"{_in_order(value)}"


def _in_order(value: Any) -> Any:
    """Put what sets hold in an order that doesn't depend on the process: another one hashes it otherwise."""
    kind = type(value)
    if kind is list or kind is tuple:
        return kind(map(_in_order, value))
    if kind is dict:
        return {key: _in_order(each) for key, each in value.items()}
    return sorted(map(_in_order, value), key=repr) if kind is set or kind is frozenset else value


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
