"""What follows from the steps of a form: what undo and redo would do, what was lost to whom, what may be forgotten.

All of it is a reading of the steps that are there, and none depends on the order in which they arrived. So two tabs
that know the same steps agree, and there is no cursor that could point to different places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from core.clock import NO_STAMP
from core.state.steps import Mark, Step

MAX_STEPS = 50
"""Steps kept per form, at least, so many can be undone."""
AT_ONCE = 20
"""So many are forgotten together, and their bytes together, because forgetting costs an edit a row for each."""
MAX_LOST = 150
"""Steps kept beyond that because what they entered was lost to a later edit, and nobody has decided yet."""
MAX_STEP_BYTES = 2 * 1024 * 1024
"""What the steps of a form may take together, as stored. The newest always stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Somebody entered a value, and somebody who had not seen it entered something later in the same field."""

    made: str
    """The stamp of what lost. With the field it names the conflict."""
    field: str
    value: Any
    """What lost; REMOVED where the field was cleared."""
    tab: str
    device: str
    at: datetime
    """Where and when it was entered, aware UTC."""
    mine: bool
    """Whether it was entered in this tab."""
    current: Any
    """What the field holds now; REMOVED for nothing."""
    current_tab: str = ""
    current_device: str = ""
    current_at: datetime | None = None
    """Where and when that was entered; None where nobody noted it."""


class Timeline:
    """The steps of one form, in the order they were made."""

    def __init__(self, steps: Mapping[str, Step], marks: Mapping[str, Mark]) -> None:
        self.steps = sorted(steps.values(), key=lambda step: step.made)
        self._marks = marks
        self._end = max((step.made for step in self.steps if step.kind == "end"), default=NO_STAMP)
        self._last = max((step.made for step in self.steps if step.kind != "late"), default=NO_STAMP)

    # Undo and redo

    def undoable(self) -> Step | None:
        """The step that undo would undo."""
        return next((step for step in reversed(self.steps) if self._counts(step) and not self.undone(step)), None)

    def redoable(self) -> Step | None:
        """The step that redo would do again: the undone ones after the last that isn't, unless an edit followed."""
        redoable = None
        for step in reversed(self.steps):
            if self._counts(step):
                if not self.undone(step):
                    break
                if not self._dropped(step):
                    redoable = step
        return redoable

    def undone(self, step: Step) -> bool:
        """Whether a step is undone now. What its author added after that counts again."""
        mark = self._marks.get(step.step_id)
        return mark is not None and mark.undone and (mark.of == step.made or mark.made > step.made)

    def before(self, step: Step, name: str) -> Any:
        """What a field held before a step: what an earlier one left there, or what the author of this one had seen."""
        edit = step.edits[name]
        for other in reversed(self.steps):
            if edit.base < other.made < step.made and name in other.edits and self._applies(other):
                return other.edits[name].after
        return edit.before

    def _counts(self, step: Step) -> bool:
        return step.kind in ("edit", "whole") and step.made > self._end and not step.came_to_nothing

    def _applies(self, step: Step) -> bool:
        return step.kind != "late" and not self.undone(step)

    def _dropped(self, step: Step) -> bool:
        """Whether an edit was made after a step was undone: what could be done again then is gone for good."""
        return self._marks[step.step_id].made < self._last

    # What was lost

    def maker(self, stamp: str) -> Step | Mark | None:
        """What gave a field this stamp; None where that is not known."""
        for step in reversed(self.steps):
            if step.made == stamp:
                return step
            mark = self._marks.get(step.step_id)
            if mark is not None and mark.made == stamp:
                return mark
        return None

    def lost(self, step: Step, name: str) -> bool:
        """Whether what a step entered in a field was overwritten by somebody who hadn't seen it.

        Not lost is what the same tab replaced later, and what somebody has decided about.
        """
        applied = self._applied(step)
        return (
            applied is not None
            and (step.kind == "late" or any(base < applied < made for base, made in self._spans.get(name, ())))
            and self._latest.get((step.author, name), NO_STAMP) <= step.made
            and (step.made, name) not in self._settled
        )

    def losses(self, step: Step) -> Iterator[str]:
        """The fields in which what a step entered was lost."""
        return (name for name in step.edits if self.lost(step, name))

    def _applied(self, step: Step) -> str | None:
        """The stamp under which what a step entered was last put into its fields; None for what was taken back."""
        if step.kind == "end":
            return None
        mark = self._marks.get(step.step_id)
        if mark is None or mark.made < step.made:
            return step.made
        if mark.undone:
            return None if mark.of == step.made else step.made  # then whoever undid it had not seen all of it
        return mark.made

    @cached_property
    def _spans(self) -> dict[str, list[tuple[str, str]]]:
        """By field: the stamps between which each write lies. What was made in between, its author had not seen."""
        spans: dict[str, list[tuple[str, str]]] = {}
        for step in self.steps:
            mark = self._marks.get(step.step_id)
            for write in (*([] if step.kind == "late" else [step.write]), *(mark.writes if mark else ())):
                for name, base in write.bases.items():
                    spans.setdefault(name, []).append((base, write.made))
        return spans

    @cached_property
    def _latest(self) -> dict[tuple[str, str], str]:
        """By tab and field: the last step made there that is not undone."""
        return {(step.author, name): step.made for step in self.steps if not self.undone(step) for name in step.edits}

    @cached_property
    def _settled(self) -> set[tuple[str, str]]:
        return {pair for step in self.steps if not self.undone(step) for pair in step.settles}

    # What may be forgotten

    def surplus(self, size: Callable[[Step], int], *, ending: bool = False) -> list[Step]:
        """The steps to forget, the oldest first; none while there are but few of them.

        What was lost goes last. `size` gives what a step takes, in bytes; `ending`: nothing is undone any more.
        """
        count, lost, total, over = 0, 0, 0, 0
        surplus = []
        for step in reversed(self.steps):
            needed = not ending and count < MAX_STEPS and not self._is_history(step)
            count += needed
            if not needed and lost < MAX_LOST and any(self.losses(step)):
                needed = True
                lost += 1
            taken = size(step)
            if needed and total + taken <= MAX_STEP_BYTES:
                total += taken
            else:
                surplus.append(step)
                over += taken
        few = not ending and len(surplus) < AT_ONCE and over < MAX_STEP_BYTES // 8
        return [] if few else surplus[::-1]

    def _is_history(self, step: Step) -> bool:
        """Whether nobody can undo a step, or do it again, whatever is undone from now on."""
        return step.made < self._end or (self.undone(step) and self._dropped(step))
