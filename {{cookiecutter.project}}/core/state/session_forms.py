"""What can be done with the forms of a session."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.clock import NO_STAMP
from core.errors import NoRoomError, UnknownSnapshotError
from core.state.changes import REMOVED, Change
from core.state.counts import Countable
from core.state.drafts import Draft, digest_of, draft_path
from core.state.forms import FormSnapshot, FormState
from core.state.paths import field_path, join_path
from core.state.session_steps import SessionSteps


class SessionForms(SessionSteps):
    """Drafts, saved values, messages and snapshots."""

    __slots__ = ()

    def commit(self, changes: Sequence[Change], *, counting: Countable | None = None, page: str | None = None) -> None:
        """Make changes durable, then visible here. Where room is short, the oldest automatic snapshots go for it."""
        with self.lock:
            try:
                super().commit(changes, counting=counting, page=page)
            except NoRoomError as error:
                spared = self._dropping(error.missing, {change.path for change in changes})
                if not spared:
                    raise
                super().commit([*changes, *spared], counting=counting, page=page)

    def form(self, form_id: str) -> FormState:
        """Return the state of a form, an empty one if it was never touched."""
        return self.form_states.get(form_id) or FormState(form_id=form_id)

    def draft_note(self, form_id: str, name: str) -> Draft | None:
        """What this tab noted about the last text it posted for a field."""
        return Draft.parse(self.values.get(draft_path(self.tab_id or "", form_id, name)))

    def present_draft(self, form_id: str, name: str) -> Draft | None:
        """This tab's note about a field, if the field still holds that text and nobody entered anything since."""
        note, held = self.draft_note(form_id, name), self.form(form_id).values.get(name, REMOVED)
        if note is None or held is REMOVED or note.digest != digest_of(held):
            return None
        noted = self.stamps.get(draft_path(self.tab_id or "", form_id, name), NO_STAMP)
        return note if noted >= self.stamps.get(field_path(form_id, name), NO_STAMP) else None

    def set_field(self, form_id: str, name: str, value: Any, *, page: str | None = None) -> None:
        """Keep the draft of one field. `page` binds it to a widget of the same key on that page."""
        with self.lock:
            changes = self._binding(page, name, form_id) if page is not None else []
            self.commit([*self._edited(form_id, {name: value}), *changes], counting="interactions")

    def set_fields(
        self, values: Mapping[tuple[str, str], Any], *, seen: Mapping[tuple[str, str], str] | None = None
    ) -> None:
        """Keep the drafts of several fields, by form and name, in one durable step.

        `seen`: the stamps of what their author was shown, where this view of the session may know more.
        """
        with self.lock:
            changes: list[Change] = []
            for form_id in dict.fromkeys(form for form, _ in values):
                edited = {name: value for (form, name), value in values.items() if form == form_id}
                shown = {name: stamp for (form, name), stamp in (seen or {}).items() if form == form_id}
                changes += self._edited(form_id, edited, seen=shown)
            self.commit(changes, counting="interactions")

    def send_fields(self, values: Mapping[tuple[str, str], Any], *, tab: str = "") -> None:
        """Empty fields, by form and name, whose entry was sent away: what was `values` is a draft no more.

        The browser may still post it, late or from the page that is loaded next. A note says that it was sent, from
        this tab, or from `tab` where this view of the session doesn't know its own yet.
        """
        tab = self.tab_id or tab
        with self.lock:
            changes: list[Change] = []
            for (form_id, name), value in values.items():
                path = field_path(form_id, name)
                emptied = self._edited(form_id, {name: REMOVED})
                # The field gets a stamp in any case: by that a later text is told from this one.
                changes += emptied if any(change.path == path for change in emptied) else [Change(path, REMOVED)]
                if tab and (value is None or isinstance(value, str | int | float)):
                    note = Draft.parse(self.values.get(draft_path(tab, form_id, name)))
                    sent = Draft(number=note.number if note else 0, digest=digest_of(value), on_screen=True, sent=True)
                    changes.append(Change(draft_path(tab, form_id, name), sent.to_dict()))
            self.commit(changes, counting="interactions")

    def save_form(self, form_id: str, data: Mapping[str, Any], *, page: str | None = None) -> None:
        """Make `data` the draft and the saved values of a form, in one durable step."""
        values = dict(data)
        with self.lock:
            changes = [*self._edited(form_id, values), self._saved_change(form_id, values)]
            if self.form(form_id).errors:
                changes.append(Change(join_path("form", form_id, "errors"), REMOVED))
            if page is not None:
                changes += [change for name in values for change in self._binding(page, name, form_id)]
            self.commit(changes, counting="interactions")

    def unsaved_changes(self, form_id: str) -> frozenset[str]:
        """The fields of a form that wait for Save: none with auto-save, where what is entered counts as saved."""
        return frozenset() if self.preferences.auto_save else self.form(form_id).changes

    def saved_values(self, form_id: str) -> dict[str, Any]:
        """What counts as saved of a form: with auto-save what was entered, without it what Save stored last."""
        form = self.form(form_id)
        return dict(form.values if self.preferences.auto_save else form.saved)

    def set_auto_save(self, on: bool) -> None:
        """Choose whether what is entered counts as saved, or waits for Save. What was entered so far is saved.

        Costs an edit nothing: only switching it off stores the forms that were saved by themselves until then.
        """
        changes = [Change(join_path("pref", "auto_save"), on)]
        with self.lock:
            if self.preferences.auto_save and not on:
                dirty = [form for form in self.form_states.values() if form.is_dirty]
                changes += [self._saved_change(form.form_id, form.values) for form in dirty]
            self.commit(changes)

    def finish_form(self, form_id: str) -> None:
        """Empty a form whose work is done, so that the next one begins from nothing. Snapshots stay.

        Undo doesn't reach back behind it. What another tab entered meanwhile is offered there as lost.
        """
        with self.lock:
            form = self.form(form_id)
            saved = [Change(join_path("form", form_id, "saved"), REMOVED)] if form.saved else []
            self.commit([*self._edited(form_id, dict.fromkeys(form.values, REMOVED), kind="end"), *saved])

    def reset_form(self, form_id: str) -> None:
        """Clear the drafts of a form. What was saved, and the snapshots, stay."""
        with self.lock:
            self.commit(self._edited(form_id, dict.fromkeys(self.form(form_id).values, REMOVED)))

    def discard_drafts(self, form_id: str) -> FormSnapshot:
        """Put a form back to what was saved last, empty if nothing was. The drafts become an automatic snapshot first.

        Both happen in one durable step. `undo`, or `restore_form_snapshot` with the snapshot's id, takes it back.
        """
        with self.lock:  # what is typed meanwhile is either in the snapshot or stays
            form = self.form(form_id)
            snapshot = FormSnapshot.of(form, at=self.clock.now(), description="Before discarding", automatic=True)
            self.commit([_kept(snapshot), *self._replacing(form, form.saved)])
        self._drop_surplus(form_id)
        return snapshot

    def set_errors(self, form_id: str, errors: Mapping[str, str]) -> None:
        """Keep the messages of the last validation, by field."""
        if dict(errors) == self.form(form_id).errors:
            return
        self.commit([Change(join_path("form", form_id, "errors"), dict(errors) or REMOVED)])

    def create_form_snapshot(self, form_id: str, description: str = "", *, automatic: bool = False) -> FormSnapshot:
        """Keep the present values of a form under a name, to go back to."""
        snapshot = FormSnapshot.of(
            self.form(form_id), at=self.clock.now(), description=description, automatic=automatic
        )
        self.commit([_kept(snapshot)])
        self._drop_surplus(form_id)
        return snapshot

    def restore_form_snapshot(self, snapshot_id: str) -> FormSnapshot:
        """Put a form back to a snapshot. The values replaced, if any, become an automatic snapshot first.

        Both happen in one durable step, and `undo` takes it back. Raises UnknownSnapshotError if there is no such
        snapshot.
        """
        with self.lock:
            for form in self.form_states.values():
                for snapshot in form.snapshots:
                    if snapshot.snapshot_id == snapshot_id:
                        self._restore(form, snapshot)
                        return snapshot
        raise UnknownSnapshotError(f"There is no snapshot {snapshot_id!r}. Its form may have dropped it as the oldest.")

    def _restore(self, form: FormState, snapshot: FormSnapshot) -> None:
        replaced = []
        if form.values:
            before = FormSnapshot.of(form, at=self.clock.now(), description="Before going back", automatic=True)
            replaced = [_kept(before)]
        self.commit([*replaced, *self._replacing(form, snapshot.values)])
        self._drop_surplus(form.form_id)

    def _binding(self, page: str, key: str, form_id: str) -> list[Change]:
        bound = self.bound_keys.get(page, {}).get(key) == form_id
        return [] if bound else [Change(join_path("key", page, key), form_id)]

    def _replacing(self, form: FormState, values: Mapping[str, Any]) -> list[Change]:
        """What makes these the drafts of a form, and no others."""
        return self._edited(form.form_id, {**dict.fromkeys(form.values, REMOVED), **values}, whole=True)

    def _saved_change(self, form_id: str, values: Mapping[str, Any]) -> Change:
        return Change(join_path("form", form_id, "saved"), {"values": dict(values), "at": self.clock.now()})

    def _dropping(self, missing: int, changing: Collection[str]) -> list[Change]:
        """What drops the oldest automatic snapshots that take as much as is missing; nothing if all take less."""
        every = [old for form in self.form_states.values() for old in form.snapshots if old.automatic]
        dropped = list[Change]()
        for old in sorted(every, key=lambda old: old.timestamp):
            if _path(old) not in changing:
                dropped.append(_dropped(old))
                missing -= self.footprint.size(_path(old))
                if missing <= 0:
                    return dropped
        return []

    def _drop_surplus(self, form_id: str) -> None:
        surplus = self.form(form_id).surplus_snapshots()
        self.commit([_dropped(old) for old in surplus])


def _kept(snapshot: FormSnapshot) -> Change:
    return Change(_path(snapshot), snapshot.to_dict())


def _dropped(snapshot: FormSnapshot) -> Change:
    return Change(_path(snapshot), REMOVED)


def _path(snapshot: FormSnapshot) -> str:
    return join_path("form", snapshot.form_id, "snapshot", snapshot.snapshot_id)
