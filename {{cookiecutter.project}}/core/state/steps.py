"""A step: what one edit changed in a form, written beside it in the same durable commit.

Each step has a path of its own, so those of several tabs and devices merge by union. That a step was undone stands
on a second path: whoever undoes it never overwrites what its author may be adding to it at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from core.clock import NO_STAMP, stamp_time
from core.state.changes import REMOVED

Kind = Literal["edit", "whole", "same", "end", "late"]
"""`whole`: a button gave all fields of the form their values, such as those of a version. `same`: so it did, but its
author saw no change, and there is nothing to undo. `end`: the form's work was done, and nothing before it is undone
any more. `late`: a text that arrived when somebody had entered something later; it never was what the field held."""

PAUSE = timedelta(seconds=2)
"""What is typed after a longer pause is a step of its own."""
LONGEST = timedelta(seconds=30)
"""And so is what is typed after that long, without any pause."""
_KINDS = ("edit", "whole", "same", "end", "late")
_LONG = 200
"""Characters from which on the text before is kept as its difference from the text after."""
_MOST_WRITES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEdit:
    """What a step did to one field. REMOVED stands for a field that holds nothing."""

    before: Any = REMOVED
    after: Any = REMOVED
    base: str = NO_STAMP
    """The stamp of the value its author had seen."""

    def to_dict(self) -> dict[str, Any]:
        stored: dict[str, Any] = {} if self.after is REMOVED else {"after": self.after}
        if self.base:
            stored["base"] = self.base
        if isinstance(self.before, str) and isinstance(self.after, str) and len(self.before) > _LONG:
            stored["cut"] = _cut(self.before, self.after)
        elif self.before is not REMOVED:
            stored["before"] = self.before
        return stored

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> FieldEdit:
        after = stored.get("after", REMOVED)
        before = stored.get("before", REMOVED)
        if "cut" in stored:
            start, end, text = stored["cut"]
            before = after[:start] + text + after[len(after) - end :]
        return cls(before=before, after=after, base=stored.get("base", NO_STAMP))


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One time a step was made, undone or done again: the stamp it gave its fields, and the stamps seen before."""

    made: str
    bases: Mapping[str, str]
    """By field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One edit of a form, of one or more fields."""

    step_id: str
    made: str
    """The stamp it gave its fields. It names the step, too: an id is used again when its step is forgotten."""
    edits: Mapping[str, FieldEdit]
    author: str
    """The tab it was made in."""
    device: str = ""
    kind: Kind = "edit"
    typing_since: datetime | None = None
    """When the typing began that may still be going on; None for an edit that is complete."""
    settles: tuple[tuple[str, str], ...] = ()
    """The conflicts it decides: stamp and field of what had lost."""

    @property
    def at(self) -> datetime:
        """When it was made, aware UTC."""
        return stamp_time(self.made)

    @property
    def write(self) -> Write:
        return Write(made=self.made, bases={name: edit.base for name, edit in self.edits.items()})

    @property
    def came_to_nothing(self) -> bool:
        """Whether what was typed was taken out again."""
        return self.typing_since is not None and all(edit.before == edit.after for edit in self.edits.values())

    def goes_on(self, author: str, name: str, held: str, now: datetime) -> bool:
        """Whether what its author types now into a field whose stamp is `held` belongs to this step."""
        return (
            self.typing_since is not None
            and self.author == author
            and self.edits.keys() == {name}
            and self.made == held
            and now - self.at <= PAUSE
            and now - self.typing_since <= LONGEST
        )

    def with_text(self, name: str, text: Any) -> Step:
        """The step with what was typed since."""
        return replace(self, edits={name: replace(self.edits[name], after=text)})

    def to_dict(self) -> dict[str, Any]:
        """The part that is stored; id and stamp come from the entry."""
        stored: dict[str, Any] = {
            "edits": {name: edit.to_dict() for name, edit in self.edits.items()},
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
    def parse(cls, step_id: str, made: str, stored: Mapping[str, Any]) -> Step:
        kind = stored.get("kind", "edit")
        return cls(
            step_id=step_id,
            made=made,
            edits={name: FieldEdit.parse(edit) for name, edit in stored["edits"].items()},
            author=stored["tab"],
            device=stored["device"],
            kind=kind if kind in _KINDS else "late",
            typing_since=stored.get("typing"),
            settles=tuple((stamp, name) for stamp, name in stored.get("settles", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Whether a step is undone, by whom, and all writes of undoing and doing it again so far."""

    undone: bool
    of: str
    """The stamp of the step as whoever undid it had seen it."""
    writes: tuple[Write, ...]
    """The last of them made the mark."""
    author: str
    device: str = ""
    instead: Mapping[str, Any] = field(default_factory=dict)
    """By field: what it held before the undo, where that wasn't what the step had left there."""

    @property
    def made(self) -> str:
        return self.writes[-1].made

    @property
    def at(self) -> datetime:
        """When that was, aware UTC."""
        return stamp_time(self.made)

    def to_dict(self) -> dict[str, Any]:
        """The part that is stored; the last write's stamp is the entry's."""
        *earlier, last = self.writes
        return {
            "undone": self.undone,
            "of": self.of,
            "writes": [[write.made, dict(write.bases)] for write in earlier],
            "bases": dict(last.bases),
            "tab": self.author,
            "device": self.device,
            "instead": {name: [] if value is REMOVED else [value] for name, value in self.instead.items()},
        }

    @classmethod
    def parse(cls, made: str, stored: Mapping[str, Any]) -> Mark:
        earlier = [Write(made=stamp, bases=bases) for stamp, bases in stored["writes"]]
        return cls(
            undone=stored["undone"],
            of=stored["of"],
            writes=(*earlier, Write(made=made, bases=stored["bases"])),
            author=stored["tab"],
            device=stored["device"],
            instead={name: value[0] if value else REMOVED for name, value in stored["instead"].items()},
        )


def following(writes: Sequence[Write], latest: Write) -> tuple[Write, ...]:
    """The writes of a mark with one more, as one with the last where nobody came in between, and bounded."""
    if writes and all(base == writes[-1].made for base in latest.bases.values()):
        return (*writes[:-1], replace(latest, bases=writes[-1].bases))
    return (*writes, latest)[-_MOST_WRITES:]


def _cut(before: str, after: str) -> list[Any]:
    """What of a text another one lacks: characters both begin with, characters both end with, and what is between."""
    most = min(len(before), len(after))
    start = _common(before, after, most)
    end = _common(before[::-1], after[::-1], most - start)
    return [start, end, before[start : len(before) - end]]


def _common(one: str, other: str, most: int) -> int:
    """How many characters two texts begin with alike, found by halving: comparing slices is fast."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
