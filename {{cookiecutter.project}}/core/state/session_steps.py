"""Every edit of a form with its step, undo and redo, and what is to be decided between tabs and devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.clock import NO_STAMP
from core.state.changes import REMOVED, Change
from core.state.forms import FormState, same
from core.state.paths import field_path, mark_path, step_path
from core.state.session_state import SessionState
from core.state.steps import FieldEdit, Kind, Mark, Step, Write, following
from core.state.timeline import AT_ONCE, MAX_STEP_BYTES, MAX_STEPS, Conflict, Timeline

_LOOK_EVERY = 10
"""Steps of a view, from its first on, after which it looks for some to forget."""


class SessionSteps(SessionState):
    """What was done in the forms of a session, step by step."""

    __slots__ = ()

    def timeline(self, form_id: str) -> Timeline:
        """The steps of a form, those of all tabs and devices."""
        form = self.form_states.get(form_id)
        return Timeline(form.steps, form.marks) if form else Timeline({}, {})

    def can_undo(self, form_id: str) -> bool:
        return self.timeline(form_id).undoable() is not None

    def can_redo(self, form_id: str) -> bool:
        return self.timeline(form_id).redoable() is not None

    def undo(self, form_id: str) -> Step | None:
        """Take back the last edit of a form, whichever tab or device it was made on. None when there is none left.

        It is an edit like any other to everybody else, and durable when it returns.
        """
        with self.lock:
            timeline = self.timeline(form_id)
            step = timeline.undoable()
            if step is None:
                return None
            held = {name: self.values.get(field_path(form_id, name), REMOVED) for name in step.edits}
            instead = {name: value for name, value in held.items() if not same(value, step.edits[name].after)}
            self._mark(form_id, step, {name: timeline.before(step, name) for name in step.edits}, instead, undone=True)
            return step

    def redo(self, form_id: str) -> Step | None:
        """Do again what was undone last. None when there is nothing: an edit after an undo drops what was undone."""
        with self.lock:
            step = self.timeline(form_id).redoable()
            if step is None:
                return None
            instead = self.form_states[form_id].marks[step.step_id].instead
            values = {name: instead.get(name, edit.after) for name, edit in step.edits.items()}
            self._mark(form_id, step, values, {}, undone=False)
            return step

    def conflicts(self, form_id: str) -> list[Conflict]:
        """What was entered in a form and lost to a later edit by somebody who had not seen it, the latest first.

        The same in all tabs, until somebody decides (`take_lost`, `keep_current`) or goes on in the tab that lost.
        """
        with self.lock:
            timeline = self.timeline(form_id)
            lost = [(step, name) for step in reversed(timeline.steps) for name in timeline.losses(step)]
            conflicts = [self._conflict(form_id, timeline, step, name) for step, name in lost]
        return [conflict for conflict in conflicts if not same(conflict.value, conflict.current)]

    def take_lost(self, form_id: str, conflict: Conflict) -> None:
        """Make what had lost what the field holds. An edit like any other: undo takes it back."""
        self._decide(form_id, conflict, conflict.value)

    def keep_current(self, form_id: str, conflict: Conflict) -> None:
        """Decide for what the field holds. Undo opens the question again."""
        with self.lock:
            self._decide(form_id, conflict, self.values.get(field_path(form_id, conflict.field), REMOVED))

    def _decide(self, form_id: str, conflict: Conflict, value: Any) -> None:
        changes = self._edited(form_id, {conflict.field: value}, settles=((conflict.made, conflict.field),))
        self.commit(changes, counting="interactions")

    def _conflict(self, form_id: str, timeline: Timeline, step: Step, name: str) -> Conflict:
        path = field_path(form_id, name)
        stamp = self.stamps.get(path, NO_STAMP)
        maker = timeline.maker(stamp)
        return Conflict(
            made=step.made,
            field=name,
            value=step.edits[name].after,
            tab=step.author,
            device=step.device,
            at=step.at,
            mine=step.author == self.author,
            current=self.values.get(path, REMOVED),
            current_tab=maker.author if maker else "",
            current_device=maker.device if maker else "",
            current_at=maker.at if maker else None,
        )

    # What an edit consists of

    @property
    def author(self) -> str:
        """Who edits here: the browser's tab, and until that has a name this view of the session."""
        return self.tab_id or self.view_id

    def _edited(
        self,
        form_id: str,
        values: Mapping[str, Any],
        *,
        seen: Mapping[str, str] | None = None,
        kind: Kind = "edit",
        settles: tuple[tuple[str, str], ...] = (),
        whole: bool = False,
    ) -> list[Change]:
        """The changes that give fields of a form these values, REMOVED for none, and the step beside them.

        `seen`: by field, the stamp of what its author had seen; without it, of what this view holds. What a field
        holds already is no edit, unless the form is wanted so as a `whole`, whatever others did meanwhile.
        """
        form = self.form_states.get(form_id) or FormState(form_id=form_id)
        timeline = Timeline(form.steps, form.marks)
        new = {name: value for name, value in values.items() if not same(value, form.values.get(name, REMOVED))}
        if whole or settles:
            kind = ("whole" if whole else kind) if new or settles else "same"
            new = dict(values)
        forgotten = self._surplus(form_id, timeline, ending=kind == "end")
        if not new:
            return self._forgetting(form_id, forgotten)
        going_on = self._going_on(form_id, timeline, new)
        edits = {name: self._field_edit(form_id, timeline, name, value, seen or {}) for name, value in new.items()}
        if going_on is not None and kind == "edit" and not settles:
            (name,) = new
            step_id, edits = going_on.step_id, dict(going_on.with_text(name, new[name]).edits)
        else:
            self.steps_made += 1
            step_id = f"{self.view_id}-{self.steps_made}"
        step = Step(
            step_id=step_id,
            made=NO_STAMP,
            edits=edits,
            author=self.author,
            device=self.device,
            kind=kind,
            settles=settles,
        )
        return [
            *(Change(field_path(form_id, name), value) for name, value in new.items()),
            Change(step_path(form_id, step_id), step.to_dict()),
            *self._forgetting(form_id, forgotten),
        ]

    def _field_edit(
        self, form_id: str, timeline: Timeline, name: str, value: Any, seen: Mapping[str, str]
    ) -> FieldEdit:
        path = field_path(form_id, name)
        base = self.stamps.get(path, NO_STAMP)
        if seen.get(name, base) < base and not self._is_own(timeline.maker(base)):
            base = seen[name]
        return FieldEdit(before=self.values.get(path, REMOVED), after=value, base=base)

    def _is_own(self, maker: Step | Mark | None) -> bool:
        return maker is not None and maker.author == self.author

    def _going_on(self, form_id: str, timeline: Timeline, new: Mapping[str, Any]) -> Step | None:
        """The step of the typing that this edit completes, if it does."""
        if len(new) != 1 or not timeline.steps:
            return None
        last, (name,) = timeline.steps[-1], new
        held = self.stamps.get(field_path(form_id, name), NO_STAMP)
        goes_on = last.goes_on(self.author, name, held, self.clock.now()) and not timeline.undone(last)
        return last if goes_on else None

    def _forgetting(self, form_id: str, steps: Iterable[Step]) -> list[Change]:
        marks = self.form_states[form_id].marks if form_id in self.form_states else {}
        changes = []
        for step in steps:
            changes.append(Change(step_path(form_id, step.step_id), REMOVED))
            if step.step_id in marks:
                changes.append(Change(mark_path(form_id, step.step_id), REMOVED))
        return changes

    def _surplus(self, form_id: str, timeline: Timeline, *, ending: bool) -> list[Step]:
        """The steps to forget with this edit. Mostly none, and looking closely takes longer than the edit itself."""
        folder = step_path(form_id, "")
        sizes = {step.step_id: self.footprint.size(folder + step.step_id) for step in timeline.steps}
        many = len(sizes) >= MAX_STEPS + AT_ONCE and self.steps_made % _LOOK_EVERY == 0
        if not (ending or many or sum(sizes.values()) > MAX_STEP_BYTES):
            return []
        return timeline.surplus(lambda step: sizes[step.step_id], ending=ending)

    def _mark(
        self, form_id: str, step: Step, values: Mapping[str, Any], instead: Mapping[str, Any], *, undone: bool
    ) -> None:
        """Give the fields of a step other values, and note on it that it is undone, or done again."""
        known = self.form_states[form_id].marks.get(step.step_id)
        bases = {name: self.stamps.get(field_path(form_id, name), NO_STAMP) for name in values}
        mark = Mark(
            undone=undone,
            of=step.made,
            writes=following(known.writes if known else (), Write(made=NO_STAMP, bases=bases)),
            author=self.author,
            device=self.device,
            instead=instead,
        )
        changes = [Change(field_path(form_id, name), value) for name, value in values.items()]
        self.commit([*changes, Change(mark_path(form_id, step.step_id), mark.to_dict())], counting="interactions")
