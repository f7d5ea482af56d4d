"""Edits of a form: how they are stored, what undo and redo would do, what was overwritten unseen, what may be deleted.

An edit is stored beside the form's values, in the same durable write. Each has a path of its own, so those of several
tabs and devices merge by union. That an edit was undone is stored at a second path: whoever undoes it never overwrites
what its author may be adding to it at that moment. All the rest follows from the edits that are stored, whatever order
they arrived in. So two tabs that know the same edits agree, and there is no cursor that could differ between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain
from typing import Any, Literal

from core.clock import NO_STAMP, stamp_time
from core.state.paths import REMOVED

Kind = Literal["edit", "whole", "same", "end", "late"]
"""`whole`: a button set all fields of the form, such as to those of a version. `same`: so it did, but its author saw
no change, and there is nothing to undo. `end`: the form was finished, and nothing before it can be undone. `late`: a
text that arrived after something entered later; the field never held it."""

PAUSE = timedelta(seconds=2)
"""Text typed after a longer pause is an edit of its own."""
LONGEST = timedelta(seconds=30)
"""Text typed after that long without a pause is an edit of its own, too."""
_KINDS = ("edit", "whole", "same", "end", "late")
_MOST_WRITES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEdit:
    """The change of one field in an edit. REMOVED stands for an empty field."""

    before: Any = REMOVED
    after: Any = REMOVED
    seen_stamp: str = NO_STAMP
    """The stamp of the value its author had seen."""

    def to_dict(self) -> dict[str, Any]:
        stored: dict[str, Any] = {} if self.after is REMOVED else {"after": self.after}
        if self.seen_stamp:
            stored["base"] = self.seen_stamp
        if self.before is not REMOVED:
            stored["before"] = self.before
        return stored

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> FieldEdit:
        before, after = stored.get("before", REMOVED), stored.get("after", REMOVED)
        return cls(before=before, after=after, seen_stamp=stored.get("base", NO_STAMP))


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write of an edit's fields, when it was made, undone or redone."""

    stamp: str
    seen_stamps: Mapping[str, str]
    """By field: the stamp its author had seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormEdit:
    """An edit of one or more fields of a form."""

    edit_id: str
    stamp: str
    """The stamp its fields got. It identifies the edit, too: an id is used again when its edit is forgotten."""
    fields: Mapping[str, FieldEdit]
    author: str
    """The tab it was made in."""
    device: str = ""
    kind: Kind = "edit"
    typing_since: datetime | None = None
    """The time typing began that may still go on; None for a complete edit."""
    settles: tuple[tuple[str, str], ...] = ()
    """The conflicts it settles: stamp and field of what had been overwritten."""

    @property
    def at(self) -> datetime:
        """The time it was made, aware UTC."""
        return stamp_time(self.stamp)

    @property
    def write(self) -> Write:
        return Write(stamp=self.stamp, seen_stamps={name: edit.seen_stamp for name, edit in self.fields.items()})

    @property
    def is_void(self) -> bool:
        """Return whether what was typed was deleted again."""
        return self.typing_since is not None and all(edit.before == edit.after for edit in self.fields.values())

    def continues(self, author: str, name: str, stamp: str, now: datetime) -> bool:
        """Return whether what its author types now into a field of that stamp belongs to this edit."""
        return (
            self.typing_since is not None
            and self.author == author
            and self.fields.keys() == {name}
            and self.stamp == stamp
            and now - self.at <= PAUSE
            and now - self.typing_since <= LONGEST
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what is stored of it; id and stamp come from the entry."""
        stored: dict[str, Any] = {
            "edits": {name: edit.to_dict() for name, edit in self.fields.items()},
            "tab": self.author,
            "device": self.device,
        }
        if self.kind != "edit":
            stored["kind"] = self.kind
        if self.typing_since is not None:
            stored["typing"] = self.typing_since
        if self.settles:
            stored["settles"] = [list(pair) for pair in self.settles]
        return stored

    @classmethod
    def parse(cls, edit_id: str, stamp: str, stored: Mapping[str, Any]) -> FormEdit:
        kind = stored.get("kind", "edit")
        return cls(
            edit_id=edit_id,
            stamp=stamp,
            fields={name: FieldEdit.parse(edit) for name, edit in stored["edits"].items()},
            author=stored["tab"],
            device=stored["device"],
            kind=kind if kind in _KINDS else "late",
            typing_since=stored.get("typing"),
            settles=tuple((stamp, name) for stamp, name in stored.get("settles", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoMark:
    """A mark that an edit is undone, or redone, and by whom."""

    undone: bool
    of: str
    """The stamp of the edit as whoever undid it had seen it."""
    writes: tuple[Write, ...]
    """Every undo and redo so far; the last one made this mark."""
    author: str
    device: str = ""
    instead: Mapping[str, Any] = field(default_factory=dict)
    """By field: what it held before the undo, where that wasn't the value of the edit."""

    @property
    def stamp(self) -> str:
        return self.writes[-1].stamp

    @property
    def at(self) -> datetime:
        """The time of the last undo or redo, aware UTC."""
        return stamp_time(self.stamp)

    def to_dict(self) -> dict[str, Any]:
        """Return what is stored of it; the last write's stamp is the entry's."""
        *earlier, last = self.writes
        return {
            "undone": self.undone,
            "of": self.of,
            "writes": [[write.stamp, dict(write.seen_stamps)] for write in earlier],
            "bases": dict(last.seen_stamps),
            "tab": self.author,
            "device": self.device,
            "instead": {name: [] if value is REMOVED else [value] for name, value in self.instead.items()},
        }

    @classmethod
    def parse(cls, stamp: str, stored: Mapping[str, Any]) -> UndoMark:
        earlier = [Write(stamp=each, seen_stamps=seen) for each, seen in stored["writes"]]
        return cls(
            undone=stored["undone"],
            of=stored["of"],
            writes=(*earlier, Write(stamp=stamp, seen_stamps=stored["bases"])),
            author=stored["tab"],
            device=stored["device"],
            instead={name: value[0] if value else REMOVED for name, value in stored["instead"].items()},
        )


def following(writes: Sequence[Write], latest: Write) -> tuple[Write, ...]:
    """Return writes with one more, merged with the last where nobody wrote in between, and bounded."""
    if writes and all(seen == writes[-1].stamp for seen in latest.seen_stamps.values()):
        return (*writes[:-1], replace(latest, seen_stamps=writes[-1].seen_stamps))
    return (*writes, latest)[-_MOST_WRITES:]


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
