"""The edits of a form in order: what undo and redo would do, what was overwritten unseen, what may be deleted.

All of it follows from the edits that are stored, whatever order they arrived in. So two tabs that know the same edits
agree, and there is no cursor that could differ between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any

from core.clock import NO_STAMP
from core.state.edits import FormEdit, UndoMark

MAX_EDITS = 50
"""Edits kept per form; at least so many can be undone."""
BATCH = 20
"""Edits deleted together, because deleting adds a row for each to the edit that causes it."""
MAX_OVERWRITTEN = 150
"""Edits kept beyond that because their values were overwritten unseen, and the conflict is not settled."""
MAX_EDIT_BYTES = 2 * 1024 * 1024
"""Limit for the edits of a form together, as stored. The newest always stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A value that was overwritten by somebody who had not seen it."""

    stamp: str
    """The stamp of the overwritten value. With the field it identifies the conflict."""
    field: str
    value: Any
    """The overwritten value; REMOVED where the field was cleared."""
    tab: str
    device: str
    at: datetime
    """Tab, device and time (aware UTC) of the overwritten value."""
    mine: bool
    """True if it was entered in this tab."""
    current: Any
    """The value the field holds now; REMOVED for none."""
    current_tab: str = ""
    current_device: str = ""
    current_at: datetime | None = None
    """Tab, device and time of the current value; None where they are not known."""


class EditHistory:
    """The edits of one form, in the order they were made."""

    def __init__(self, edits: Mapping[str, FormEdit], marks: Mapping[str, UndoMark]) -> None:
        self._stored, self._marks = edits, marks

    @cached_property
    def edits(self) -> list[FormEdit]:
        return sorted(self._stored.values(), key=lambda edit: edit.stamp)

    # Undo and redo

    def undoable(self) -> FormEdit | None:
        """Return the edit that undo would undo."""
        return next((edit for edit in reversed(self.edits) if self._counts(edit) and not self.is_undone(edit)), None)

    def redoable(self) -> FormEdit | None:
        """Return the edit that redo would redo: the first of the undone ones at the end, unless an edit followed."""
        redoable = None
        for edit in reversed(self.edits):
            if self._counts(edit):
                if not self.is_undone(edit):
                    break
                if not self._is_dropped(edit):
                    redoable = edit
        return redoable

    def is_undone(self, edit: FormEdit) -> bool:
        """Return whether an edit is undone now. Text its author added after the undo makes it count again."""
        mark = self._marks.get(edit.edit_id)
        return mark is not None and mark.undone and (mark.of == edit.stamp or mark.stamp > edit.stamp)

    def before(self, edit: FormEdit, name: str) -> Any:
        """Return the value of a field before an edit: of an earlier edit, or else what its author had seen."""
        change = edit.fields[name]
        for other in reversed(self.edits):
            is_between = change.seen_stamp < other.stamp < edit.stamp and name in other.fields
            if is_between and other.kind != "late" and not self.is_undone(other):
                return other.fields[name].after
        return change.before

    def _counts(self, edit: FormEdit) -> bool:
        return edit.kind in ("edit", "whole") and edit.stamp > self._end and not edit.is_void

    @cached_property
    def _end(self) -> str:
        return max((edit.stamp for edit in self.edits if edit.kind == "end"), default=NO_STAMP)

    @cached_property
    def _last(self) -> str:
        return max((edit.stamp for edit in self.edits if edit.kind != "late"), default=NO_STAMP)

    def _is_dropped(self, edit: FormEdit) -> bool:
        """Return whether an edit was made after this one was undone, so that it can't be redone any more."""
        return self._marks[edit.edit_id].stamp < self._last

    # Conflicts

    def writer(self, stamp: str) -> FormEdit | UndoMark | None:
        """Return what gave a field this stamp; None where that is not known. Asked of each text field in each run."""
        written: Iterator[FormEdit | UndoMark] = chain(self._stored.values(), self._marks.values())
        return next((each for each in written if each.stamp == stamp), None)

    def is_overwritten(self, edit: FormEdit, name: str) -> bool:
        """Return whether the value of a field in an edit was overwritten by somebody who hadn't seen it.

        Not what its own tab replaced later, and no conflict that is settled.
        """
        applied = self._applied(edit)
        return (
            applied is not None
            and (edit.kind == "late" or any(seen < applied < stamp for seen, stamp in self._spans.get(name, ())))
            and self._latest.get((edit.author, name), NO_STAMP) <= edit.stamp
            and (edit.stamp, name) not in self._settled
        )

    def overwritten(self, edit: FormEdit) -> Iterator[str]:
        """Return the fields of an edit whose values were overwritten unseen."""
        return (name for name in edit.fields if self.is_overwritten(edit, name))

    def _applied(self, edit: FormEdit) -> str | None:
        """Return the stamp of the latest write that applied this edit; None if it is undone."""
        if edit.kind == "end":
            return None
        mark = self._marks.get(edit.edit_id)
        if mark is None or mark.stamp < edit.stamp:
            return edit.stamp
        if mark.undone:
            return None if mark.of == edit.stamp else edit.stamp  # then whoever undid it had not seen all of it
        return mark.stamp

    @cached_property
    def _spans(self) -> dict[str, list[tuple[str, str]]]:
        """By field: seen stamp and stamp of each write. The author of a write had not seen what lies in between."""
        spans: dict[str, list[tuple[str, str]]] = {}
        for edit in self.edits:
            mark = self._marks.get(edit.edit_id)
            for write in (*([] if edit.kind == "late" else [edit.write]), *(mark.writes if mark else ())):
                for name, seen in write.seen_stamps.items():
                    spans.setdefault(name, []).append((seen, write.stamp))
        return spans

    @cached_property
    def _latest(self) -> dict[tuple[str, str], str]:
        """By tab and field: the stamp of the last edit made there that is not undone."""
        standing = (edit for edit in self.edits if not self.is_undone(edit))
        return {(edit.author, name): edit.stamp for edit in standing for name in edit.fields}

    @cached_property
    def _settled(self) -> set[tuple[str, str]]:
        return {pair for edit in self.edits if not self.is_undone(edit) for pair in edit.settles}

    # Deletion

    def surplus(self, size: Callable[[FormEdit], int], *, ending: bool = False) -> list[FormEdit]:
        """Return the edits to delete, the oldest first; none while there are only a few of them.

        Overwritten ones go last. `size` returns the bytes an edit takes; `ending`: the form is finished.
        """
        count, overwritten, total, over = 0, 0, 0, 0
        surplus = []
        for edit in reversed(self.edits):
            needed = not ending and count < MAX_EDITS and not self._is_final(edit)
            count += needed
            if not needed and overwritten < MAX_OVERWRITTEN and any(self.overwritten(edit)):
                needed = True
                overwritten += 1
            taken = size(edit)
            if needed and total + taken <= MAX_EDIT_BYTES:
                total += taken
            else:
                surplus.append(edit)
                over += taken
        few = not ending and len(surplus) < BATCH and over < MAX_EDIT_BYTES // 8
        return [] if few else surplus[::-1]

    def _is_final(self, edit: FormEdit) -> bool:
        """Return whether an edit can neither be undone nor redone, whatever is undone from now on."""
        return edit.stamp < self._end or (self.is_undone(edit) and self._is_dropped(edit))
