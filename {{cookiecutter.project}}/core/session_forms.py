"""What can be done with the forms of a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.clock import NO_STAMP
from core.drafts import Draft, digest_of, draft_path
from core.errors import UnknownSnapshotError
from core.forms import FormSnapshot, FormState
from core.paths import field_path, join_path
from core.session_state import REMOVED, Change, SessionState


class SessionForms(SessionState):
    """Drafts, saved values, messages and snapshots."""

    __slots__ = ()

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
        return note if noted > self.stamps.get(field_path(form_id, name), NO_STAMP) else None

    def set_field(self, form_id: str, name: str, value: Any, *, page: str | None = None) -> None:
        """Keep the draft of one field. `page` binds it to a widget of the same key on that page."""
        changes = self._binding(page, name, form_id) if page is not None else []
        self.commit([Change(field_path(form_id, name), value), *changes], counting="interactions")

    def set_fields(self, values: Mapping[tuple[str, str], Any]) -> None:
        """Keep the drafts of several fields, by form and name, in one durable step."""
        changes = [Change(field_path(form, name), value) for (form, name), value in values.items()]
        self.commit(changes, counting="interactions")

    def save_form(self, form_id: str, data: Mapping[str, Any], *, page: str | None = None) -> None:
        """Make `data` the draft and the saved values of a form, in one durable step."""
        values = dict(data)
        changes = [Change(field_path(form_id, name), value) for name, value in values.items()]
        changes.append(self._saved_change(form_id, values))
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
        """Empty a form whose work is done, so that the next one begins from nothing. Snapshots stay."""
        with self.lock:
            form = self.form(form_id)
            saved = [Change(join_path("form", form_id, "saved"), REMOVED)] if form.saved else []
            self.commit([*self._values_changes(form, {}), *saved])

    def reset_form(self, form_id: str) -> None:
        """Clear the drafts of a form. What was saved, and the snapshots, stay."""
        self.commit([Change(field_path(form_id, name), REMOVED) for name in self.form(form_id).values])

    def discard_drafts(self, form_id: str) -> FormSnapshot:
        """Put a form back to what was saved last, empty if nothing was. The drafts become an automatic snapshot first.

        Both happen in one durable step. `restore_form_snapshot` with the snapshot's id undoes it.
        """
        with self.lock:  # what is typed meanwhile is either in the snapshot or stays
            form = self.form(form_id)
            snapshot = FormSnapshot.of(form, at=self.clock.now(), description="Before discarding", automatic=True)
            self.commit([self._snapshot_change(snapshot), *self._values_changes(form, form.saved)])
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
        self.commit([self._snapshot_change(snapshot)])
        self._drop_surplus(form_id)
        return snapshot

    def restore_form_snapshot(self, snapshot_id: str) -> FormSnapshot:
        """Put a form back to a snapshot. The values replaced, if any, become an automatic snapshot first.

        Raises UnknownSnapshotError if there is no such snapshot.
        """
        for form in self.form_states.values():
            for snapshot in form.snapshots:
                if snapshot.snapshot_id == snapshot_id:
                    if form.values:
                        self.create_form_snapshot(form.form_id, "Before going back", automatic=True)
                    self.commit(self._values_changes(form, snapshot.values))
                    return snapshot
        raise UnknownSnapshotError(f"There is no snapshot {snapshot_id!r}. Its form may have dropped it as the oldest.")

    def _binding(self, page: str, key: str, form_id: str) -> list[Change]:
        bound = self.bound_keys.get(page, {}).get(key) == form_id
        return [] if bound else [Change(join_path("key", page, key), form_id)]

    def _values_changes(self, form: FormState, values: Mapping[str, Any]) -> list[Change]:
        """What makes these the drafts of a form, and no others."""
        wanted = {**dict.fromkeys(form.values, REMOVED), **values}
        return [Change(field_path(form.form_id, name), value) for name, value in wanted.items()]

    def _saved_change(self, form_id: str, values: Mapping[str, Any]) -> Change:
        return Change(join_path("form", form_id, "saved"), {"values": dict(values), "at": self.clock.now()})

    def _drop_surplus(self, form_id: str) -> None:
        surplus = self.form(form_id).surplus_snapshots()
        self.commit([Change(join_path("form", form_id, "snapshot", old.snapshot_id), REMOVED) for old in surplus])

    def _snapshot_change(self, snapshot: FormSnapshot) -> Change:
        return Change(join_path("form", snapshot.form_id, "snapshot", snapshot.snapshot_id), snapshot.to_dict())
