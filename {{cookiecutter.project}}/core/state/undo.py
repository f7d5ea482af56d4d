"""Edits of a session's forms: recording them, undo and redo, and conflicts between tabs and devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.clock import NO_STAMP
from core.state.durable_map import set_item, with_item
from core.state.edits import (
    BATCH,
    MAX_EDIT_BYTES,
    MAX_EDITS,
    Conflict,
    EditHistory,
    FieldEdit,
    FormEdit,
    Kind,
    UndoMark,
    Write,
    following,
)
from core.state.equality import same
from core.state.paths import REMOVED, Change, edit_path, field_path, mark_path

if TYPE_CHECKING:
    from core.session import UserSession

_CHECK_EVERY = 10
"""Edits of a view after which it checks whether some are to be deleted."""


def history(session: UserSession, form_id: str) -> EditHistory:
    """Return the edits of a form, those of all tabs and devices."""
    return EditHistory(session.edits.get(form_id, {}), session.undo_marks.get(form_id, {}))


def apply_edit(session: UserSession, form_id: str, edit_id: str, path: str, value: Any) -> None:
    """Set, or remove, what is known of an edit to what is stored at its path."""
    edit = REMOVED if value is REMOVED else FormEdit.parse(edit_id, session.stamps.get(path, NO_STAMP), value)
    set_item(session.edits, form_id, with_item(session.edits.get(form_id, {}), edit_id, edit) or REMOVED)


def apply_mark(session: UserSession, form_id: str, edit_id: str, path: str, value: Any) -> None:
    """Set, or remove, what is known of whether an edit is undone to what is stored at its path."""
    mark = REMOVED if value is REMOVED else UndoMark.parse(session.stamps.get(path, NO_STAMP), value)
    set_item(session.undo_marks, form_id, with_item(session.undo_marks.get(form_id, {}), edit_id, mark) or REMOVED)


def undo(session: UserSession, form_id: str) -> FormEdit | None:
    """Undo the last edit of a form, durably. Returns it, or None when there is none left."""
    with session.lock:
        edits = history(session, form_id)
        edit = edits.undoable()
        if edit is None:
            return None
        held = {name: session.values.get(field_path(form_id, name), REMOVED) for name in edit.fields}
        instead = {name: value for name, value in held.items() if not same(value, edit.fields[name].after)}
        _mark(session, form_id, edit, {name: edits.before(edit, name) for name in edit.fields}, instead, undone=True)
        return edit


def redo(session: UserSession, form_id: str) -> FormEdit | None:
    """Redo the edit that was undone last, durably. Returns it, or None when there is none."""
    with session.lock:
        edit = history(session, form_id).redoable()
        if edit is None:
            return None
        instead = session.undo_marks[form_id][edit.edit_id].instead
        values = {name: instead.get(name, change.after) for name, change in edit.fields.items()}
        _mark(session, form_id, edit, values, {}, undone=False)
        return edit


def conflicts(session: UserSession, form_id: str) -> list[Conflict]:
    """Return the values of a form that were overwritten by somebody who had not seen them, the latest first.

    They are the same in all tabs, until somebody settles them or goes on in the tab whose value was overwritten.
    """
    with session.lock:
        edits = history(session, form_id)
        lost = [(edit, name) for edit in reversed(edits.edits) for name in edits.overwritten(edit)]
        found = [_conflict(session, form_id, edits, edit, name) for edit, name in lost]
    return [conflict for conflict in found if not same(conflict.value, conflict.current)]


def settle(session: UserSession, form_id: str, conflict: Conflict, value: Any) -> None:
    """Settle a conflict with this value, the overwritten or the current one. An edit like any other."""
    with session.lock:
        changes = edit(session, form_id, {conflict.field: value}, settles=((conflict.stamp, conflict.field),))
        session.commit(changes, counting="interactions")


def author(session: UserSession) -> str:
    """Return the id of this author of edits: the browser's tab, and until that has a name this view of the session."""
    return session.tab_id or session.view_id


def edit(
    session: UserSession,
    form_id: str,
    values: Mapping[str, Any],
    *,
    seen: Mapping[str, str] | None = None,
    kind: Kind = "edit",
    settles: tuple[tuple[str, str], ...] = (),
    whole: bool = False,
    typing_since: datetime | None = None,
) -> list[Change]:
    """Return the changes that set fields of a form, REMOVED to empty one, together with the edit itself.

    `seen`: by field, the stamp of the value its author had seen; by default of the one this view holds. Fields that
    hold the value already are left out, unless the form is wanted so as a `whole`, whatever others did meanwhile.
    `typing_since` makes it a part of the typing before it, or the beginning of one.
    """
    edits, held = history(session, form_id), session.form(form_id).values
    new = {name: value for name, value in values.items() if not same(value, held.get(name, REMOVED))}
    if whole or settles:
        kind = ("whole" if whole else kind) if new or settles else "same"
        new = dict(values)
    deleted = _deletions(session, form_id, edits, is_ending=kind == "end")
    if not new:
        return deleted
    before = _continued(session, form_id, edits, new, typing_since) if kind == "edit" and not settles else None
    if before is not None:
        fields = {name: replace(before.fields[name], after=value) for name, value in new.items()}
        typing_since = typing_since and before.typing_since
    else:
        fields = {name: _field_edit(session, form_id, edits, name, value, seen or {}) for name, value in new.items()}
    return [
        *(Change(field_path(form_id, name), value) for name, value in new.items()),
        _stored(session, form_id, fields, kind, typing_since, settles=settles, continued=before),
        *deleted,
    ]


def late_edit(
    session: UserSession, form_id: str, fields: Mapping[str, FieldEdit], typing_since: datetime
) -> list[Change]:
    """Return the change that stores a text beside a later one, as a conflict: the field never held it."""
    return [_stored(session, form_id, fields, "late", typing_since)]


def _stored(
    session: UserSession,
    form_id: str,
    fields: Mapping[str, FieldEdit],
    kind: Kind,
    typing_since: datetime | None,
    *,
    settles: tuple[tuple[str, str], ...] = (),
    continued: FormEdit | None = None,
) -> Change:
    """Return the change that stores an edit by this author, in place of the one that it continues."""
    if continued is None:
        session.edit_count += 1
    made = FormEdit(
        edit_id=continued.edit_id if continued else f"{session.view_id}-{session.edit_count}",
        stamp=NO_STAMP,
        fields=fields,
        author=author(session),
        device=session.device,
        kind=kind,
        typing_since=typing_since,
        settles=settles,
    )
    return Change(edit_path(form_id, made.edit_id), made.to_dict())


def _conflict(session: UserSession, form_id: str, edits: EditHistory, edit: FormEdit, name: str) -> Conflict:
    path = field_path(form_id, name)
    writer = edits.writer(session.stamps.get(path, NO_STAMP))
    return Conflict(
        stamp=edit.stamp,
        field=name,
        value=edit.fields[name].after,
        tab=edit.author,
        device=edit.device,
        at=edit.at,
        mine=edit.author == author(session),
        current=session.values.get(path, REMOVED),
        current_tab=writer.author if writer else "",
        current_device=writer.device if writer else "",
        current_at=writer.at if writer else None,
    )


def _field_edit(
    session: UserSession, form_id: str, edits: EditHistory, name: str, value: Any, seen: Mapping[str, str]
) -> FieldEdit:
    path = field_path(form_id, name)
    stamp = session.stamps.get(path, NO_STAMP)
    if seen.get(name, stamp) < stamp:
        writer = edits.writer(stamp)
        if writer is None or writer.author != author(session):
            stamp = seen[name]
    return FieldEdit(before=session.values.get(path, REMOVED), after=value, seen_stamp=stamp)


def _continued(
    session: UserSession, form_id: str, edits: EditHistory, new: Mapping[str, Any], typing_since: datetime | None
) -> FormEdit | None:
    """Return the edit whose typing goes on with this one, if it does."""
    if len(new) != 1 or not edits.edits:
        return None
    last, (name,) = edits.edits[-1], new
    stamp = session.stamps.get(field_path(form_id, name), NO_STAMP)
    continues = last.continues(author(session), name, stamp, typing_since or session.clock.now())
    return last if continues and not edits.is_undone(last) else None


def _deletions(session: UserSession, form_id: str, edits: EditHistory, *, is_ending: bool) -> list[Change]:
    """Return the changes that delete edits with this one. Mostly none: checking takes longer than an edit itself."""
    many = len(session.edits.get(form_id, ())) >= MAX_EDITS + BATCH and session.edit_count % _CHECK_EVERY == 0
    if not (is_ending or many or session.quota.edits > MAX_EDIT_BYTES):
        return []
    folder = edit_path(form_id, "")
    sizes = {edit.edit_id: session.quota.size(folder + edit.edit_id) for edit in edits.edits}
    if not (is_ending or many or sum(sizes.values()) > MAX_EDIT_BYTES):
        return []
    surplus = edits.surplus(lambda edit: sizes[edit.edit_id], ending=is_ending)
    marked = session.undo_marks.get(form_id, {})
    return [
        *(Change(edit_path(form_id, edit.edit_id), REMOVED) for edit in surplus),
        *(Change(mark_path(form_id, edit.edit_id), REMOVED) for edit in surplus if edit.edit_id in marked),
    ]


def _mark(
    session: UserSession,
    form_id: str,
    edit: FormEdit,
    values: Mapping[str, Any],
    instead: Mapping[str, Any],
    *,
    undone: bool,
) -> None:
    """Set the fields of an edit to other values, and note that it is undone, or redone."""
    known = session.undo_marks.get(form_id, {}).get(edit.edit_id)
    seen = {name: session.stamps.get(field_path(form_id, name), NO_STAMP) for name in values}
    mark = UndoMark(
        undone=undone,
        of=edit.stamp,
        writes=following(known.writes if known else (), Write(stamp=NO_STAMP, seen_stamps=seen)),
        author=author(session),
        device=session.device,
        instead=instead,
    )
    changes = [Change(field_path(form_id, name), value) for name, value in values.items()]
    session.commit([*changes, Change(mark_path(form_id, edit.edit_id), mark.to_dict())], counting="interactions")
