"""A data editor that keeps what is edited, added and deleted, apart from the table it was done to.

    table = ui.data_editor(orders(), form="orders", field="edits", num_rows="dynamic")

Arguments and return value are Streamlit's. When the table underneath changes, what still applies is applied; what
doesn't is told and kept. A page that has written the rows to their own table clears the field, as `finish_form` does.
"""

from __future__ import annotations

import functools
import json
import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.errors import KeepError
from core.session_manager import MISSING, SessionManager, get_session_manager
from core.state.forms import same
from core.ui.block import form_of, say_beneath
from core.ui.kinds import MisfitError
from core.ui.plain import plain
from core.ui.table_edits import NOTHING, Base, Draft, Kept, edited, fit, is_kept, without_unfit
from core.ui.times import words
from core.ui.widgets import known_field, say_problem, stamp_of, widget_key
from core.web.fields import ShownField
from core.web.protocol import WidgetState, inside_form
from core.web.tabular import INDEX_IDENTIFIER, Table

_TOLD = 5
"""Edits that are told one by one."""
_LONGEST = 40
"""Characters of a value that are told."""


@dataclass(slots=True, eq=False)
class _Editor:
    """What one tab's editor shows: a browser's editor can't be given edits, so it is given a table that has them."""

    draft: Draft
    key: str


@functools.wraps(st.data_editor)
def data_editor(
    data: Any,
    *,
    form: str | None = None,
    field: str,
    key: str | int | None = None,
    num_rows: str = "fixed",
    disabled: bool | Iterable[str | int] = False,
    column_config: Mapping[Any, Any] | None = None,
    on_change: Any = "rerun",
    args: Any = None,
    kwargs: Any = None,
    **options: Any,
) -> Any:
    """Show a data editor. `form` and `field` say where its edits are kept; the rest is as in Streamlit."""
    form = form_of(form, field)
    manager = get_session_manager()
    disabled = disabled if isinstance(disabled, bool) else list(disabled)
    shown = known_field(manager, form, field, str(key or widget_key(form, field)))
    base = Base(Table.read(data))
    saved = manager.field_value(form, field)
    problem = None if saved is MISSING or is_kept(saved) else MisfitError("misfit.other", value=saved)
    refused = _refused(manager, shown)
    editor, is_new = _editor(
        manager, shown, base, NOTHING if problem or saved is MISSING else saved, again=bool(refused)
    )
    rules = _Rules(editor.draft.table, num_rows, disabled, column_config or {})

    def total(state: Mapping[str, Any]) -> Kept:
        held = manager.field_value(form, field)
        return editor.draft.overlay(held if is_kept(held) else NOTHING, rules.checked(state))

    def keep() -> None:
        kept = total(st.session_state[editor.key])
        if manager.live.took(editor.key, kept) or manager.persist_field(form, field, kept):
            shown.stamp = stamp_of(manager, shown)
        if not manager.is_unkept_for_now(form, field):
            manager.live.settle(editor.key)

    def changed() -> None:
        keep()
        if callable(on_change):
            on_change(*(args or ()), **(kwargs or {}))

    silent = inside_form() or on_change == "ignore"
    show: Any = st.data_editor
    show(
        editor.draft.table.frame,
        key=editor.key,
        num_rows=num_rows,
        disabled=disabled,
        column_config=column_config,
        on_change=on_change if silent else changed,
        **options,
    )
    state = st.session_state[editor.key]
    is_touched = any(state[part] for part in ("edited_rows", "added_rows", "deleted_rows"))
    kept = total(state) if is_touched else saved if is_kept(saved) else NOTHING
    if is_touched and not same(kept, saved) and (silent or manager.should_retry(form, field)):
        keep()
    manager.live.show(
        editor.key,
        form=form,
        field=field,
        read=_reader(total),
        refuse=lambda _edits: MisfitError("misfit.disabled") if disabled is True else None,
        value=kept,
        given=is_new,
        waits=silent,
    )
    shown.stamp, shown.was_shown = stamp_of(manager, shown), True
    manager.shown_fields[shown.key] = shown
    say_problem(manager, form, field, problem, refused)
    say_beneath(form, field)
    _tell(manager, shown, base, kept)
    return edited(base, kept)


def edited_rows(data: Any) -> Callable[[object], Any]:
    """Return what makes rows of the edits that a field keeps of this table: a dict each, None for an empty cell.

        items: Annotated[list[Item], BeforeValidator(ui.edited_rows(BLANK_ITEMS))] = []

    In a form's model it stands before the validation of the rows. A row in which nothing was entered is none; what are
    no edits is handed on as it is.
    """
    base = Base(Table.read(data))

    def rows(value: object) -> Any:
        if not isinstance(value, Mapping) or not is_kept(value):
            return value
        frame = Table.read(edited(base, value)).frame
        found = frame.astype(object).where(frame.notna(), None).to_dict("records")
        return [row for row in found if any(cell is not None for cell in row.values())]

    return rows


def _refused(manager: SessionManager, shown: ShownField) -> KeepError | None:
    """Why what was done in the tab's editor was not taken, so that it shows something else than is kept."""
    return manager.live.take_refused(shown.value.key) if isinstance(shown.value, _Editor) else None


def _editor(manager: SessionManager, shown: ShownField, base: Base, kept: Kept, *, again: bool) -> tuple[_Editor, bool]:
    """The tab's editor, a new one where the table or its edits are others than it shows."""
    editor = shown.value if isinstance(shown.value, _Editor) else None
    if editor is not None:
        stamp = stamp_of(manager, shown)
        news = stamp != shown.stamp and not manager.live.is_own(editor.key, stamp)
        if not again and not news and editor.draft.base.digest == base.digest:
            return editor, False
        manager.live.forget(editor.key)
    token = secrets.token_hex(4)
    editor = shown.value = _Editor(Draft.of(base, kept, token), f"{shown.key}.{token}")
    return editor, True


def _reader(total: Callable[[Mapping[str, Any]], Kept]) -> Callable[[WidgetState], Kept]:
    def read(state: WidgetState) -> Kept:
        """Raises ValueError and its like for what no editor sends."""
        if state.WhichOneof("value") != "string_value":
            raise ValueError("an editor sends text")
        return total(json.loads(state.string_value))

    return read


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """What may be done to a table in its editor."""

    table: Table
    num_rows: str
    disabled: bool | list[str | int]
    config: Mapping[Any, Any]

    def checked(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an editor's state, complete. Raises ValueError for one that no editor would have."""
        if not isinstance(state, Mapping):
            raise ValueError("no state of an editor")
        rows: Mapping[Any, Any] = state.get("edited_rows") or {}
        added, deleted = state.get("added_rows") or [], state.get("deleted_rows") or []
        size = len(self.table.frame)
        if added and self.num_rows not in ("dynamic", "add"):
            raise ValueError("no row may be added")
        if deleted and self.num_rows not in ("dynamic", "delete"):
            raise ValueError("no row may be deleted")
        if any(type(row) is not int or not 0 <= row < size for row in deleted):
            raise ValueError("there is no such row to delete")
        if any(not 0 <= int(row) < size for row in rows):
            raise ValueError("there is no such row")
        for cells in rows.values():
            for column, value in cells.items():
                self._check(column, value, is_new=False)
        for cells in added:
            for column, value in cells.items():
                self._check(column, value, is_new=True)
        return {"edited_rows": rows, "added_rows": added, "deleted_rows": sorted(set(deleted))}

    def _check(self, column: str, value: Any, *, is_new: bool) -> None:
        config = self.config.get(column)
        config = config if isinstance(config, Mapping) else {}
        locked = self.disabled is True or (self.disabled and column in self.disabled) or config.get("disabled")
        if locked and not is_new:
            raise ValueError(f"{column} can't be edited")
        if column != INDEX_IDENTIFIER and column not in self.table.frame.columns:
            raise ValueError(f"there is no column {column}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{column} takes finite numbers")
        if not self.table.takes(column, value) or not _allows(config.get("type_config") or {}, value):
            raise ValueError(f"{column} doesn't take {str(value)[:_LONGEST]}")


def _allows(config: Mapping[str, Any], value: Any) -> bool:
    """Whether a column's own configuration takes a value."""
    if value is None:
        return True
    options = config.get("options")
    if options is not None and config.get("type") == "selectbox":
        offered = [option.get("value") if isinstance(option, Mapping) else option for option in options]
        return value in offered
    longest, low, high = config.get("max_chars"), config.get("min_value"), config.get("max_value")
    if longest is not None and len(str(value)) > longest:
        return False
    if type(value) in (int, float):
        return not ((isinstance(low, int | float) and value < low) or (isinstance(high, int | float) and value > high))
    return True


def _tell(manager: SessionManager, shown: ShownField, base: Base, kept: Kept) -> None:
    """Say which edits the table as it is now doesn't allow, and offer to let go of them."""
    unfit = fit(kept, base).unfit
    if not unfit:
        return
    say = words()
    lines = [
        say("table.deleted", row=plain(each.row))
        if each.column is None
        else say("table.cell", row=plain(each.row), column=plain(each.column), value=plain(str(each.value)[:_LONGEST]))
        for each in unfit[:_TOLD]
    ]
    if len(unfit) > _TOLD:
        lines.append(say("table.more", n=len(unfit) - _TOLD))
    st.warning(
        "\n".join([say("table.changed", n=len(unfit)), "", *(f"- {line}" for line in lines)]), icon=":material/info:"
    )

    def let_go() -> None:
        manager.persist_field(shown.form, shown.field, without_unfit(kept, base))
        shown.stamp = ""

    st.button(say("table.let_go"), key=f"{shown.key}.let-go", on_click=let_go)
