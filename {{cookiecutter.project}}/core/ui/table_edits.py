"""What was done to a table, kept apart from the table: cells, added rows, deleted rows.

An edit knows its row by the row's label where the table's labels are unique, and otherwise by its place and what it
held. It also knows what was there before. So when the table itself changes, an edit is applied where the cell it
changed is still what it was, and nowhere else.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from core.web.tabular import Table

Kept = Mapping[str, Any]
"""As it is stored: `rows` by row key, each with `was`, `deleted` and `cells` (`to`, `was`); `added` rows by id."""
NOTHING: Kept = {"rows": {}, "added": {}}


def is_kept(value: object) -> bool:
    """Whether a stored value has the form of edits."""
    match value:
        case {"rows": dict(rows), "added": dict(added)}:
            return all(
                isinstance(row, dict) and {"was", "deleted", "cells"} <= row.keys() for row in rows.values()
            ) and all(isinstance(row, dict) for row in added.values())
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """An edit that the table as it is now doesn't allow. `column` is None for a deletion."""

    row: str
    column: str | None
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Which edits apply to a table, by its rows' positions, and which don't."""

    cells: Mapping[int, Mapping[str, Any]]
    deleted: Sequence[int]
    unfit: Sequence[Unfit]
    keys: Mapping[int, str]
    """The keys of the rows that have edits."""


class Base:
    """The table that is edited, and how its rows are known again."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._frame = table.frame

    @cached_property
    def digest(self) -> str:
        """Of all that the table holds."""
        frame = self._frame
        columns = [(str(name), str(frame[name].dtype)) for name in frame.columns]
        return _digest(columns, [_text(label) for label in frame.index], self._digests)

    @cached_property
    def _labels(self) -> dict[str, int] | None:
        """Places by label, None where labels don't name rows."""
        if isinstance(self._frame.index, pd.RangeIndex):
            return None
        places = {_text(label): place for place, label in enumerate(self._frame.index)}
        return places if len(places) == len(self._frame) else None

    @cached_property
    def _digests(self) -> list[str]:
        columns = [[_text(value) for value in self._frame.iloc[:, place]] for place in range(self._frame.shape[1])]
        return [_digest(*values) for values in zip(*columns, strict=True)] if columns else [""] * len(self._frame)

    def key(self, place: int) -> str:
        """The name of a row, in this table and in the ones that come after it."""
        if self._labels is not None:
            return f"={_text(self._frame.index[place])}"
        return f"{place}:{self._digests[place]}"

    def place(self, key: str) -> int | None:
        """Where a row is now."""
        if key.startswith("="):
            return (self._labels or {}).get(key[1:])
        place, _, digest = key.partition(":")
        if int(place) < len(self._digests) and self._digests[int(place)] == digest:
            return int(place)
        return self._digests.index(digest) if self._digests.count(digest) == 1 else None

    def row_was(self, place: int) -> str:
        return self._digests[place]

    def cell_was(self, place: int, column: str) -> str:
        return _digest(_text(self._cell(place, column)))

    def holds(self, place: int, column: str, value: Any) -> bool:
        """Whether a cell holds what somebody entered into it."""
        parsed = self.table.parsed(column, value) if column in self.table.schema else value
        return self.cell_was(place, column) == _digest(_text(parsed))

    def has(self, column: str) -> bool:
        return column in self.table.schema

    def _cell(self, place: int, column: str) -> Any:
        return self._frame[column].iloc[place] if column in self._frame.columns else self._frame.index[place]


def fit(kept: Kept, base: Base) -> Fit:
    """Find out which edits apply to a table. What it holds already, or has no more, is no edit to it."""
    cells: dict[int, dict[str, Any]] = {}
    deleted, unfit, keys = [], [], {}
    for key, row in kept["rows"].items():
        place = base.place(key)
        if place is None:
            at = key.partition(":")[0]
            if at.isdecimal() and int(at) < len(base.table.frame) and _is_done(row, base, int(at)):
                continue
            unfit += [Unfit(row=_name(key), column=column, value=cell["to"]) for column, cell in row["cells"].items()]
            continue
        keys[place] = key
        if row["deleted"]:
            if base.row_was(place) == row["was"]:
                deleted.append(place)
            else:
                unfit.append(Unfit(row=_name(key), column=None, value=None))
            continue
        for column, cell in row["cells"].items():
            if base.has(column) and base.cell_was(place, column) == cell["was"]:
                cells.setdefault(place, {})[column] = cell["to"]
            elif not base.has(column) or not base.holds(place, column, cell["to"]):
                unfit.append(Unfit(row=_name(key), column=column, value=cell["to"]))
    return Fit(cells=cells, deleted=deleted, unfit=unfit, keys=keys)


def listed(kept: Kept) -> list[tuple[str | None, Mapping[str, Any] | None]]:
    """What was done, row by row: the row's name (None for an added one) and its cells (None where it was deleted)."""
    done = [
        (_name(key), None if row["deleted"] else {name: cell["to"] for name, cell in row["cells"].items()})
        for key, row in kept["rows"].items()
    ]
    return [*done, *((None, cells) for cells in kept["added"].values() if cells)]


def without_unfit(kept: Kept, base: Base) -> Kept:
    """The edits that apply, without those that don't."""
    unfit = {(each.row, each.column) for each in fit(kept, base).unfit}
    rows = {}
    for key, row in kept["rows"].items():
        cells = {column: cell for column, cell in row["cells"].items() if (_name(key), column) not in unfit}
        if cells or (row["deleted"] and (_name(key), None) not in unfit):
            rows[key] = {**row, "cells": cells}
    return {**kept, "rows": rows}


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A table with its edits applied, as the editor shows it: what is done there is done to this."""

    base: Base
    table: Table
    origins: Sequence[int | str]
    """Per row: its place in the base, or the id of an added row."""
    token: str
    """What the ids of rows added in this editor begin with."""

    @classmethod
    def of(cls, base: Base, kept: Kept, token: str) -> Draft:
        frame, origins = _applied(base, kept)
        if isinstance(base.table.frame.index, pd.RangeIndex):
            frame = frame.reset_index(drop=True)  # an index that counts goes on counting
        return cls(base, Table.read(frame), origins, token)

    def overlay(self, kept: Kept, state: Mapping[str, Any]) -> Kept:
        """Return edits with those of an editor's state added: the same, however often it is done."""
        rows = {key: {**row, "cells": dict(row["cells"])} for key, row in kept["rows"].items()}
        added = {name: dict(cells) for name, cells in kept["added"].items()}
        keys = fit(kept, self.base).keys
        for number, cells in state["edited_rows"].items():
            origin = self.origins[int(number)]
            if isinstance(origin, str):
                added.setdefault(origin, {}).update(cells)
                continue
            row = self._row(rows, keys, origin)
            for column, value in cells.items():
                before = row["cells"].get(column, {}).get("was") or self.base.cell_was(origin, column)
                row["cells"][column] = {"to": value, "was": before}
        for number in state["deleted_rows"]:
            origin = self.origins[int(number)]
            if isinstance(origin, str):
                added.pop(origin, None)
            else:
                self._row(rows, keys, origin)["deleted"] = True
        added = {name: cells for name, cells in added.items() if not name.startswith(f"{self.token}-")}
        added |= {f"{self.token}-{number}": dict(cells) for number, cells in enumerate(state["added_rows"])}
        return {"rows": rows, "added": added}

    def _row(self, rows: dict[str, Any], keys: Mapping[int, str], place: int) -> dict[str, Any]:
        key = keys.get(place) or self.base.key(place)
        row: dict[str, Any] = rows.setdefault(key, {"was": self.base.row_was(place), "deleted": False, "cells": {}})
        return row


def edited(base: Base, kept: Kept) -> Any:
    """The table with its edits, in the form the page gave it."""
    return base.table.as_given(_applied(base, kept)[0])


def _applied(base: Base, kept: Kept) -> tuple[pd.DataFrame, list[int | str]]:
    found = fit(kept, base)
    table = base.table
    gone = set(found.deleted)
    labels = set(table.frame.index[list(found.deleted)])
    origins: list[int | str] = [
        place for place, label in enumerate(table.frame.index) if place not in gone and label not in labels
    ]
    frame = table.without(table.with_cells(found.cells), list(found.deleted))
    origins += [name for name, cells in kept["added"].items() if table.add(frame, cells)]
    return frame, origins


def _is_done(row: Mapping[str, Any], base: Base, place: int) -> bool:
    """Whether a row holds all that was entered, so is the one that was edited: somebody saved it."""
    return not row["deleted"] and all(
        base.has(column) and base.holds(place, column, cell["to"]) for column, cell in row["cells"].items()
    )


def _name(key: str) -> str:
    return key[1:] if key.startswith("=") else str(int(key.partition(":")[0]) + 1)


def _text(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    value = value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    # 3 and 3.0 are the same cell: an empty one elsewhere in its column makes it the other.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else f"{value}"


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
