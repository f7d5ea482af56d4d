"""Edits of a form as they are stored beside its values, in the same durable write.

Each edit has a path of its own, so those of several tabs and devices merge by union. That an edit was undone is stored
at a second path: whoever undoes it never overwrites what its author may be adding to it at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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
