"""The changes that actions on a session's forms consist of. `UserSession` makes them durable, each list in one step."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from core.state import undo
from core.state.paths import REMOVED, Change, join_path

if TYPE_CHECKING:
    from core.session import FormSnapshot, UserSession

MAX_SNAPSHOTS = 50
"""Snapshots kept per form. The oldest is deleted first."""


def edit_fields(
    session: UserSession, values: Mapping[tuple[str, str], Any], seen: Mapping[tuple[str, str], str]
) -> list[Change]:
    """Return the changes that set fields, by form and name. `seen`: the stamps of what their author was shown."""
    changes: list[Change] = []
    for form_id in dict.fromkeys(form for form, _ in values):
        edited = {name: value for (form, name), value in values.items() if form == form_id}
        shown = {name: stamp for (form, name), stamp in seen.items() if form == form_id}
        changes += undo.edit(session, form_id, edited, seen=shown)
    return changes


def bind(session: UserSession, page: str | None, keys: Iterable[str], form_id: str) -> list[Change]:
    """Return the changes that bind widgets of a page to the fields of the same names."""
    bound = session.bound_keys.get(page or "", {})
    if page is None:
        return []
    return [Change(join_path("key", page, key), form_id) for key in keys if bound.get(key) != form_id]


def store_saved(session: UserSession, form_id: str, values: Mapping[str, Any]) -> Change:
    """Return the change that stores values as what was saved last."""
    return Change(join_path("form", form_id, "saved"), {"values": dict(values), "at": session.clock.now()})


def store_errors(session: UserSession, form_id: str, errors: Mapping[str, str]) -> list[Change]:
    """Return the change that stores the messages of a validation, by field, unless they are stored already."""
    if dict(errors) == session.form(form_id).errors:
        return []
    return [Change(join_path("form", form_id, "errors"), dict(errors) or REMOVED)]


def save(session: UserSession, form_id: str, data: Mapping[str, Any]) -> list[Change]:
    """Return the changes that make `data` the drafts and the saved values of a form."""
    changes = [*undo.edit(session, form_id, data), store_saved(session, form_id, data)]
    return [*changes, *store_errors(session, form_id, {})]


def finish(session: UserSession, form_id: str) -> list[Change]:
    """Return the changes that empty a form for the next entry. Undo doesn't reach back behind it."""
    form = session.form(form_id)
    saved = [Change(join_path("form", form_id, "saved"), REMOVED)] if form.saved else []
    return [*undo.edit(session, form_id, dict.fromkeys(form.values, REMOVED), kind="end"), *saved]


def replace_drafts(session: UserSession, form_id: str, values: Mapping[str, Any]) -> list[Change]:
    """Return the changes that make these the drafts of a form and no others."""
    wanted = {**dict.fromkeys(session.form(form_id).values, REMOVED), **values}
    return undo.edit(session, form_id, wanted, whole=True)


def store_snapshot(session: UserSession, snapshot: FormSnapshot) -> list[Change]:
    """Return the changes that store a snapshot and delete the oldest beyond MAX_SNAPSHOTS."""
    known = session.form(snapshot.form_id).snapshots
    surplus = known[: max(len(known) + 1 - MAX_SNAPSHOTS, 0)]
    stored = {"values": dict(snapshot.values), "at": snapshot.timestamp, "description": snapshot.description}
    return [Change(_snapshot_path(snapshot), stored), *(Change(_snapshot_path(old), REMOVED) for old in surplus)]


def submission_key(session: UserSession, form_id: str) -> str:
    """Return the key of the submission a form's entry will be; the first one follows from session and form."""
    stored = session.values.get(_key_path(form_id))
    if isinstance(stored, str):
        return stored
    return hashlib.sha256(join_path(session.session_id, form_id).encode()).hexdigest()[:32]


def next_submission(form_id: str) -> Change:
    """Return the change that makes what is entered from now on a submission of its own."""
    return Change(_key_path(form_id), secrets.token_hex(16))


def submit(session: UserSession, form_id: str, values: Mapping[str, Any], *, clear: bool) -> list[Change]:
    """Return the changes that go with a submission of these values. `clear` empties the form for the next one."""
    stored = finish(session, form_id) if clear else [store_saved(session, form_id, values)]
    return [next_submission(form_id), *store_errors(session, form_id, {}), *stored]


def _snapshot_path(snapshot: FormSnapshot) -> str:
    return join_path("form", snapshot.form_id, "snapshot", snapshot.snapshot_id)


def _key_path(form_id: str) -> str:
    return join_path("form", form_id, "key")
