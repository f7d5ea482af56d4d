"""Rows and changes of a table that was edited, for the model of a form and for the page that stores them.

class Stock(BaseModel):
    items: Annotated[ui.TableChanges[Item], BeforeValidator(ui.table_changes(load_items, row_id="sku"))]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import pandas as pd
from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from core.ui.table_edits import NOTHING, Base, TableEdits, applied, fit, is_kept
from core.ui.table_values import Table

Row = TypeVar("Row")
T = TypeVar("T")


class TableChanges(BaseModel, Generic[Row]):
    """The changes of a table. `changed` holds the rows as they are now, by their ids; `deleted` holds ids."""

    added: list[Row] = []
    changed: dict[Any, Row] = {}
    deleted: list[Any] = []


@dataclass(frozen=True, slots=True, eq=False)
class FromEdits(Generic[T]):
    """A function that makes something of the edits that a field keeps of a table, to validate a model's field with.

    Raises an error, told under the field, while there are edits that don't fit the table: to save would drop them.
    """

    load: Callable[[], Any]
    row_id: str | int | None
    make: Callable[[Base, TableEdits], T]
    untouched: ClassVar[TableEdits] = NOTHING
    """Return the value of a field without any edit, for `core.ui.validation`."""

    def __call__(self, value: object) -> T | object:
        value = self.untouched if value is None else value
        if not is_kept(value):
            return value
        base = Base(self.load(), self.row_id)
        if unfit := fit(value, base).unfit:
            raise PydanticCustomError("edits_unfit", "{n} edits don't fit the table as it is now", {"n": len(unfit)})
        return self.make(base, value)

    def preview(self, value: object) -> T | object:
        """Return the same without the edits that don't fit: to show it, not to store it."""
        value = self.untouched if value is None else value
        return self.make(Base(self.load(), self.row_id), value) if is_kept(value) else value


def edited_rows(data: Any, *, row_id: str | int | None = None) -> FromEdits[list[dict[str, Any]]]:
    """Return what makes rows of the edits that a field keeps of this table: a dict each, None for an empty cell.

        items: Annotated[list[Item], BeforeValidator(ui.edited_rows(BLANK_ITEMS))] = []

    In a form's model it stands before the validation of the rows; where nothing was edited they are the table's own. A
    row in which nothing was entered is none; what are no edits is handed on as it is. `data` and `row_id` are those of
    the editor. Where the rows may change, `data` is the function that loads them.
    """
    return FromEdits(_loader(data), row_id, lambda base, kept: _records(applied(base, kept)))


def table_changes(data: Any, *, row_id: str | int | None = None) -> FromEdits[TableChanges[Any]]:
    """Return what makes changes of the edits that a field keeps of this table: which rows were added, changed, deleted.

        stock: Annotated[ui.TableChanges[Item], BeforeValidator(ui.table_changes(load_items, row_id="sku"))]

    A row's id is what it holds in the column `row_id`, else its label. The arguments are those of `edited_rows`. Raises
    LookupError, when it is called, where no id names the rows.
    """
    return FromEdits(_loader(data), row_id, _changes)


def _changes(base: Base, kept: TableEdits) -> TableChanges[Any]:
    if base.ids is None:
        raise LookupError('Nothing names the rows of this table. Give row_id="…", a column of ids that differ.')
    found = fit(kept, base)
    rows = _records(applied(base, kept), also_empty=True)
    stay = [place for place in range(len(base.table.frame)) if place not in set(found.deleted)]
    now = dict(zip(stay, rows, strict=False))
    return TableChanges(
        added=[row for row in rows[len(stay) :] if _is_filled(row)],
        changed={base.id(place): now[place] for place in found.cells},
        deleted=[base.id(place) for place in found.deleted],
    )


def _records(table: Table, *, also_empty: bool = False) -> list[dict[str, Any]]:
    """Return the rows as dicts, with their labels where these have a name."""
    frame = table.frame
    if frame.index.name is not None and not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    rows: list[Any] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return rows if also_empty else [row for row in rows if _is_filled(row)]


def _is_filled(row: Mapping[str, Any]) -> bool:
    return any(cell is not None for cell in row.values())


def _loader(data: Any) -> Callable[[], Any]:
    return data if callable(data) else lambda: data
