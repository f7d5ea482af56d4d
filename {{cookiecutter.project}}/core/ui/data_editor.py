"""A data editor that keeps what is edited, added and deleted, apart from the table it was done to.

    table = ui.data_editor(orders(), form="orders", field="edits", num_rows="dynamic")

Arguments and return value are Streamlit's. When the table underneath changes, what still applies is applied; what
doesn't is told and kept. A page that has written the rows to their own table clears the field, as `finish_form` does.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import streamlit as st

from core.errors import KeepError
from core.language import plain
from core.session_manager import MISSING, SessionManager, get_session_manager
from core.state.equality import same
from core.state.text_rules import length_of
from core.streamlit_compat.features import Feature, broken
from core.streamlit_compat.messages import WidgetState
from core.streamlit_compat.run import form_around
from core.streamlit_compat.widgets import WidgetKey
from core.ui.form_context import form_of, say_beneath
from core.ui.format_value import format_edit
from core.ui.keys import own_key, widget_key
from core.ui.like import like
from core.ui.restore_value import keep_value, known_field, say_problem, stamp_of
from core.ui.table_edits import NOTHING, Base, Draft, TableEdit, TableEdits, edited, fit, is_kept, without_unfit
from core.ui.table_values import Table
from core.ui.times import words
from core.ui.widget_specs import InvalidValueError
from core.web.fields import ShownField
from core.web.live_tab import Partly
from core.words import Words

_PARTS: Final[Mapping[str, Any]] = {"edited_rows": {}, "added_rows": [], "deleted_rows": []}
"""Parts of an editor's state, each as it is when nothing was done."""
_TOLD = 5
"""Edits that are told one by one."""


@like(st.data_editor)
def data_editor(
    data: Any,
    *,
    form: str | None = None,
    field: str,
    row_id: str | int | None = None,
    key: str | int | None = None,
    num_rows: str = "fixed",
    disabled: bool | Iterable[str | int] = False,
    column_config: Mapping[Any, Any] | None = None,
    on_change: Any = "rerun",
    args: Any = None,
    kwargs: Any = None,
    **options: Any,
) -> Any:
    """Show a data editor. `form` and `field` say where its edits are kept; the rest is as in Streamlit.

    `row_id` is the column that names a row, as a database's `id` does, where the table's labels don't. An edit then
    stays with its row when rows come and go, and when another of its cells changes.
    """
    form = form_of(form, field)
    if Feature.TABLES in broken():
        options |= {"num_rows": num_rows, "disabled": disabled, "column_config": column_config}
        options |= {"on_change": on_change, "args": args, "kwargs": kwargs}
        value = st.data_editor(data, key=str(key or widget_key(form, field)), **options)
        st.caption(words()("field_value.unkept"))
        return value
    manager = get_session_manager()
    disabled = disabled if isinstance(disabled, bool) else list(disabled)
    shown = known_field(manager, form, field, str(key or widget_key(form, field)))
    saved = manager.field_value(form, field)
    problem = None if saved is MISSING or is_kept(saved) else InvalidValueError("field_value.other", value=saved)

    def stored() -> TableEdits:
        found = manager.field_value(form, field)
        return found if is_kept(found) else NOTHING

    base = Base(data, row_id, column_config)
    rules = _Rules(base.table, num_rows, disabled)

    def read(editor: _Editor, state: Any) -> tuple[TableEdits, KeepError | None]:
        """Return what is kept once the editor holds this, and what of that is refused."""
        now = stored()
        accepted, refused = rules.split(state, editor.draft, now)
        return editor.draft.overlay(now, accepted), _RefusedCellsError(refused) if refused else None

    last = shown.value if isinstance(shown.value, _Editor) else None
    refused = _refused(manager, shown, last.key, partial(read, last)) if last else None
    if last and refused is None and last.draft.base.digest == base.digest and not _has_news(manager, shown, last.key):
        editor = last
    else:
        if last:
            manager.live.forget(last.key)
        token = secrets.token_hex(4)
        editor = shown.value = _Editor(Draft.of(base, stored(), token), f"{shown.key}.{token}")

    def changed() -> None:
        with suppress(ValueError):  # what no editor sends: the run that follows shows what is kept
            keep_value(manager, shown, read(editor, st.session_state[editor.key])[0], key=editor.key)
        if callable(on_change):
            on_change(*(args or ()), **(kwargs or {}))

    silent = bool(form_around()) or on_change == "ignore"
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
    kept = stored()
    if any(state[part] for part in _PARTS):
        kept = read(editor, state)[0]
        if not same(kept, saved) and (silent or manager.unkept_edits.should_retry(form, field)):
            keep_value(manager, shown, kept, key=editor.key)

    def read_message(message: WidgetState) -> TableEdits | Partly:
        if message.WhichOneof("value") != "string_value":
            raise ValueError("an editor sends text")
        accepted, error = read(editor, json.loads(message.string_value))
        return accepted if error is None else Partly(accepted, error)

    manager.live.show(
        editor.key,
        form=form,
        field=field,
        read=read_message,
        refuse=lambda _edits: InvalidValueError("field_value.disabled") if disabled is True else None,
        value=kept,
        given=editor is not last,
        batched=silent,
    )
    shown.stamp, shown.was_shown = stamp_of(manager, shown), True
    manager.show_field(shown)
    if isinstance(refused, _RefusedCellsError):
        st.warning(refused.said(words()), icon=":material/info:")
        refused = None
    say_problem(manager, form, field, problem, refused)
    say_beneath(form, field)
    _tell(manager, shown, base, kept)
    return edited(base, kept)


@dataclass(frozen=True, slots=True, eq=False)
class _Editor:
    """One tab's editor. A browser's editor can't be given edits, so it is given a table that has them."""

    draft: Draft
    key: str


def _refused(
    manager: SessionManager, shown: ShownField, key: str, read: Callable[[Any], tuple[TableEdits, KeepError | None]]
) -> KeepError | None:
    """Return why what an editor holds can't be shown; what of it can be kept is made durable."""
    refused = manager.live.take_refused(key)
    # What reached Streamlit unchecked, as from a connection that began anew, must not be shown: it may not be possible.
    state = WidgetKey(key).value(None) if refused is None else None
    if state is None:
        return refused
    try:
        kept, refused = read(state)
    except ValueError:
        return InvalidValueError("field_value.not_taken")
    if refused is not None:
        manager.persist_field(shown.form, shown.field, kept)
    return refused


def _has_news(manager: SessionManager, shown: ShownField, key: str) -> bool:
    """Return whether the field's edits are others than its editor shows."""
    stamp = stamp_of(manager, shown)
    return stamp != shown.stamp and not manager.live.is_own(key, stamp)


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """Rules of what may be done to a table in its editor."""

    table: Table
    num_rows: str
    disabled: bool | list[str | int]

    def split(self, state: Any, draft: Draft, held: TableEdits) -> tuple[Mapping[str, Any], list[TableEdit]]:
        """Return an editor's state with what its columns take, and the cells they don't.

        Raises ValueError for a state that no editor would have, whatever the columns take.
        """
        if not isinstance(state, Mapping):
            raise ValueError("no state of an editor")
        rows, added, deleted = (state.get(part) or empty for part, empty in _PARTS.items())
        size = len(draft.origins)
        if not (isinstance(rows, Mapping) and isinstance(added, list) and isinstance(deleted, list)):
            raise ValueError("no state of an editor")
        if any(type(row) is not int or not 0 <= row < size for row in deleted):
            raise ValueError("there is no such row to delete")
        # What was done when that was allowed is done, whatever the page allows by now.
        if self.num_rows not in ("dynamic", "add") and len(added) > draft.count_added(held):
            raise ValueError("no row may be added")
        if self.num_rows not in ("dynamic", "delete") and not all(draft.is_deleted(held, row) for row in deleted):
            raise ValueError("no row may be deleted")
        refused: list[TableEdit] = []

        def accepted(number: int, cells: Any) -> dict[str, Any]:
            if not isinstance(cells, Mapping):
                raise ValueError("no cells of a row")
            taken = {}
            for column, value in cells.items():
                is_stored = same(value, draft.entered(held, number, column))
                if not is_stored and column not in self.table.schema:
                    raise ValueError("there is no such column")
                if is_stored or self._takes(column, value, is_new=number >= size):
                    taken[column] = value
                else:
                    refused.append(TableEdit(key="", row=draft.name(number), column=column, value=value))
            return taken

        if any(not 0 <= int(row) < size for row in rows):
            raise ValueError("there is no such row")
        changed = {int(row): accepted(int(row), cells) for row, cells in rows.items()}
        new = [(accepted(size + number, cells), cells) for number, cells in enumerate(added)]
        accepted_state = {
            "edited_rows": {row: cells for row, cells in changed.items() if cells},
            "added_rows": [taken for taken, cells in new if taken or not cells],
            "deleted_rows": sorted(set(deleted)),
        }
        return accepted_state, refused

    def _takes(self, column: str, value: Any, *, is_new: bool) -> bool:
        config = self.table.configs.get(column, {})
        if not is_new and (self._is_disabled(column) or config.get("disabled")):
            return False
        return self.table.takes(column, value) and _allows(config.get("type_config") or {}, value)

    def _is_disabled(self, column: str) -> bool:
        """Return whether nobody may edit a column, which is named or, as in its configuration, counted."""
        if isinstance(self.disabled, bool):
            return self.disabled
        return column in self.disabled or list(self.table.schema).index(column) in self.disabled


def _allows(config: Mapping[str, Any], value: Any) -> bool:
    """Return whether a column's own configuration takes a value."""
    if value is None:
        return True
    options = config.get("options")
    if options is not None and config.get("type") == "selectbox":
        offered = [option.get("value") if isinstance(option, Mapping) else option for option in options]
        return value in offered
    longest, low, high = config.get("max_chars"), config.get("min_value"), config.get("max_value")
    if longest is not None and length_of(str(value)) > longest:
        return False
    if type(value) in (int, float):
        return not ((isinstance(low, int | float) and value < low) or (isinstance(high, int | float) and value > high))
    return True


class _RefusedCellsError(InvalidValueError):
    """Cells got what their columns don't take."""

    def __init__(self, cells: Sequence[TableEdit]) -> None:
        self._cells = cells
        super().__init__("table.refused", n=len(cells))

    def said(self, say: Words) -> str:
        return _list(say, "table.refused", self._cells)


def _list(say: Words, title: str, edits: Sequence[TableEdit]) -> str:
    lines = [plain(format_edit(each, say)) for each in edits[:_TOLD]]
    if len(edits) > _TOLD:
        lines.append(say("table.more", n=len(edits) - _TOLD))
    return "\n".join([say(title, n=len(edits)), "", *(f"- {line}" for line in lines)])


def _tell(manager: SessionManager, shown: ShownField, base: Base, kept: TableEdits) -> None:
    """Say which edits the table as it is now doesn't allow, and offer to let go of them."""
    unfit = fit(kept, base).unfit
    if not unfit:
        return
    say = words()
    st.warning(_list(say, "table.changed", unfit), icon=":material/info:")

    def let_go() -> None:
        manager.persist_field(shown.form, shown.field, without_unfit(kept, base))
        shown.stamp = ""

    st.button(say("table.let_go"), key=own_key("let-go", shown.key), on_click=let_go)
