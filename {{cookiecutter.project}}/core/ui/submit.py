"""Save and Next: validate what was entered, and store it or say why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import streamlit as st
import structlog
from pydantic import BaseModel
from sqlalchemy.orm import Session

from core.clock import NO_STAMP
from core.discovery import Fault
from core.errors import MissingMigrationError, NotKeptError, RefusedError, StoreUnavailableError, message_of
from core.language import plain
from core.services import get_services
from core.session import UserSession
from core.session_manager import SessionManager
from core.state.paths import field_path
from core.storage.submissions import Receipt
from core.ui.saving import require_kept
from core.ui.steps import Step, open_step
from core.ui.times import clock_time, words
from core.ui.widgets import keep_shown
from core.validation import WHOLE_FORM, Checked, check

M = TypeVar("M", bound=BaseModel)

log = structlog.get_logger(__name__)

_TOLD_KEY = "_keep_form_told"
"""Per form, in `st.session_state`: what the last press of Save led to."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message at the top of a form, until the next edit."""

    text: str
    edited: str
    """The stamp of the form's last edit by then."""
    trouble: bool = True
    fault: Fault | None = None
    """The line of the team's code that raised an unexpected error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit(Generic[M]):
    """The Save button of one form in one run, and its Next."""

    manager: SessionManager
    form: str
    key: str
    """The submission the button was shown for. Two presses of it are one."""
    model: type[M]
    label: str
    on_save: Callable[[Session, M], str | None] | None
    after_save: Callable[[str | None], object] | None
    clear: bool
    steps: Sequence[Step]

    def save(self) -> None:
        """Store the form, or tell why not."""
        _all_told().pop(self.form, None)
        try:
            receipt = self._store()
        except Exception as error:  # noqa: BLE001 - whatever the team's code raises is told, and the draft stays
            reason = self._reason(error)
            self._tell(reason or words()("form.fault"), fault=None if reason else Fault.of(error))
            return
        if receipt is None:
            return
        if receipt.again and self.manager.session.form(self.form).changes:
            when = clock_time(receipt.at, get_services().clock.now())
            self._tell(words()("form.already", time=when), trouble=False)
        if self.after_save is not None:
            self.after_save(receipt.result)

    def go_on(self, step: Step, following: Step) -> None:
        """Open the following step once this one is complete."""
        try:
            require_kept(self.manager, self.form)
            keep_shown(self.form)
            model = step.model
            complete = model is None or self._passes(check(model, self._values()), step.fields)
        except NotKeptError as error:
            self._tell(words()("form.not_kept", reason=error.reason))
            return
        if complete:
            open_step(self.manager, following)

    def _store(self) -> Receipt | None:
        """Store the form and return the receipt; None when something in it is wrong."""
        submissions, on_save = get_services().submissions, self.on_save
        if on_save is not None and (stored := submissions.find(self.key)):
            self.manager.catch_up()
            return stored
        require_kept(self.manager, self.form)
        keep_shown(self.form)
        values = self._values()
        checked = check(self.model, values)
        instance = checked.value
        if not self._passes(checked, None) or instance is None:
            unfinished = [step for step in self.steps if step.model and check(step.model, values).problems]
            if unfinished:
                open_step(self.manager, unfinished[0])
            return None
        if on_save is None:
            self.manager.save_form(self.form, values)
            return Receipt(at=get_services().clock.now(), result=None)
        return self.manager.submit_form(
            self.form, values, lambda session: on_save(session, instance), key=self.key, clear=self.clear
        )

    def _values(self) -> dict[str, object]:
        """Return what was entered. Raises NotKeptError where the page shows a value that couldn't be persisted."""
        require_kept(self.manager, self.form)
        return dict(self.manager.session.form(self.form).values)

    def _passes(self, checked: Checked[BaseModel], among: frozenset[str] | None) -> bool:
        """Return whether these fields (None: all) are valid, and store the messages of those that aren't."""
        found = checked.messages(words())
        asked = {} if among is None else self.manager.session.form(self.form).errors
        others = {name: said for name, said in asked.items() if name not in {*(among or ()), WHOLE_FORM}}
        self.manager.session.set_errors(self.form, {**others, **found})
        return not found

    def _reason(self, error: Exception) -> str:
        """Return the message for an error; empty for a mistake in the team's code, which is logged."""
        say = words()
        if isinstance(error, StoreUnavailableError) and not isinstance(error, MissingMigrationError):
            return say("form.no_database", label=self.label)
        if isinstance(error, NotKeptError):
            return say("form.not_kept", reason=error.reason)
        if isinstance(error, RefusedError):
            return plain(message_of(error))
        log.error("a form could not be saved", form=self.form, exc_info=error)
        return ""

    def _tell(self, text: str, *, trouble: bool = True, fault: Fault | None = None) -> None:
        _all_told()[self.form] = Told(text, _last_edit(self.manager.session, self.form), trouble, fault)


def told(session: UserSession, form: str) -> Told | None:
    """Return the message of the last press, None if the form was edited since."""
    found = _all_told().get(form)
    return found if found and found.edited == _last_edit(session, form) else None


def _last_edit(session: UserSession, form: str) -> str:
    return max((session.stamps.get(field_path(form, name), "") for name in session.form(form).values), default=NO_STAMP)


def _all_told() -> dict[str, Told]:
    all_told: dict[str, Told] = st.session_state.setdefault(_TOLD_KEY, {})
    return all_told
