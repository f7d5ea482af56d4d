"""A form with a model: checked on the server, saved in one step, filled in over as many screens as it needs.

    with ui.form("profile", model=Profile) as form:
        ui.text_input("Name", field="name")
        ui.number_input("Age", 0, 150, field="age")

It is not `st.form`: each field is durable while it is filled in. The pydantic model decides at Save, and at each
step's Next, whether what was entered will do. What is wrong is said under its field until it is right, and nothing
that was entered is lost by it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from core.session import FormState
from core.session_manager import get_session_manager
from core.state import forms
from core.state.paths import field_path
from core.storage.submissions import Receipt
from core.ui import cards
from core.ui.form_context import FormContext, within
from core.ui.form_parts import (
    Step,
    asked_step,
    discard_button,
    field_names,
    foot,
    look_at,
    nothing_waits,
    open_step,
    require_kept,
    show_progress,
    unsaved_text,
)
from core.ui.keys import own_key
from core.ui.restore_value import keep_shown
from core.ui.times import clock_time, words
from core.ui.validation import WHOLE_FORM, Checked, check

M = TypeVar("M", bound=BaseModel)
OnSave = Callable[[Session, M], str | None]

log = structlog.get_logger(__name__)

_OUTCOMES_KEY = "_keep_save_outcomes"
"""Per form, in `st.session_state`: what the last press of Save or Next led to."""


@contextmanager
def form(
    form_id: str,
    *,
    model: type[M],
    on_save: OnSave[M] | None = None,
    after_save: Callable[[str | None], object] | None = None,
    clear_on_save: bool = False,
    steps: Sequence[Step] = (),
    in_order: bool = False,
    label: str | None = None,
) -> Iterator[Form[M]]:
    """Show a form: messages on top, what the block shows, and the foot with Save. `label` is the button's.

    `on_save(session, instance)` writes tables of the team's own with a SQLAlchemy session, in the transaction that
    saves the form: all of it is stored or none, and once, however often Save arrives. It may be called again after
    an answer of the database got lost, and must do nothing but write there. To refuse, it raises `core.RefusedError`
    with what to tell. What it returns, such as a number, is handed to `after_save`, once everything is stored.

    `clear_on_save` empties the form for the next one. With `steps` one of them is shown at a time, and the address
    says which; `in_order` opens each once those before it are complete. Raises ValueError inside another form's
    block, for clearing without `on_save`, for a callback that can't take what it is given, and for a step or a widget
    that asks for what the model lacks.
    """
    if clear_on_save and on_save is None:
        raise ValueError(f"The form {form_id!r} would be emptied and nothing of it stored. Give it on_save=….")
    _check_callback("on_save", on_save, "session", model.__name__.lower())
    _check_callback("after_save", after_save, "result")
    for step in steps:
        if strange := step.fields - model.model_fields.keys():
            raise ValueError(f"The step {step.name!r} asks for {sorted(strange)}, which {model.__name__} lacks.")
    shown = Form(
        form_id,
        model,
        on_save,
        after_save,
        label=label or words()("saving.save"),
        clear=clear_on_save,
        steps=steps,
        in_order=in_order,
    )
    with within(shown):
        if steps:
            show_progress(shown.manager, form_id, steps, shown.step, shown.may_open)
        with st.container(border=bool(steps), key=own_key("form", form_id)):
            if steps:
                st.subheader(shown.step.title)
            top = st.container(key=own_key("form-top", form_id))
            yield shown
            with top:
                _show_top(shown)
    _show_foot(shown)


class Form(FormContext, Generic[M]):
    """One form in one run, as `with ui.form(…) as form` gives it."""

    def __init__(
        self,
        form_id: str,
        model: type[M],
        on_save: OnSave[M] | None,
        after_save: Callable[[str | None], object] | None,
        *,
        label: str,
        clear: bool,
        steps: Sequence[Step],
        in_order: bool,
    ) -> None:
        super().__init__(form_id, model)
        self.label, self.steps = label, steps
        self.manager = get_session_manager()
        self._model, self._on_save, self._after_save, self._clear = model, on_save, after_save, clear
        self._in_order = in_order
        self._key = forms.submission_key(self.manager.session, form_id)
        """The submission that the button is shown for. Two presses of it are one."""
        self._checked = check(model, self.state.values)
        self.messages = self._remaining_messages()

    @property
    def state(self) -> FormState:
        """The state of the form: drafts and saved values."""
        return self.manager.session.form(self.form_id)

    @property
    def value(self) -> M | None:
        """The model's instance of what was entered when the run began; None while it is not valid."""
        return self._checked.value

    @property
    def changes(self) -> frozenset[str]:
        """The fields that wait for Save: none where the person has everything saved by itself."""
        return self.manager.session.unsaved_changes(self.form_id)

    @property
    def step(self) -> Step:
        """The step this run shows. Raises ValueError for a form without steps."""
        if not self.steps:
            raise ValueError(f"The form {self.form_id!r} has no steps. Give ui.form steps=[ui.Step(…), …].")
        asked = asked_step(self.steps)
        return asked if self.may_open(asked) else next(step for step in self.steps if not self._is_done(step))

    def may_open(self, step: Step) -> bool:
        """Return whether a step may be shown now."""
        before = self.steps[: self.steps.index(step)] if self._in_order else ()
        return all(self._is_done(earlier) for earlier in before)

    def save(self) -> None:
        """Check everything and store it, or tell why not: the callback of the form's own button, and of any other."""
        _outcomes().pop(self.form_id, None)
        try:
            receipt = self._store()
        except Exception as error:  # noqa: BLE001 - whatever the team's code raises is told, and the draft stays
            reason = self._reason(error)
            self._tell(reason or words()("form.fault"), fault=None if reason else Fault.of(error))
            return
        if receipt is None:
            return
        if receipt.again and self.state.changes:
            when = clock_time(receipt.at, get_services().clock.now())
            self._tell(words()("form.already", time=when), is_error=False)
        if self._after_save is not None:
            self._after_save(receipt.result)

    def go_on(self, step: Step, following: Step) -> None:
        """Open the following step once this one is complete: the callback of Next."""
        try:
            values = self._entered()
        except NotKeptError as error:
            self._tell(self._reason(error))
            return
        if step.model is None or self._passes(check(step.model, values), step.fields):
            open_step(self.manager, following)

    def _remaining_messages(self) -> dict[str, str]:
        """Return the remaining messages of the last Save or Next, by field, without WHOLE_FORM."""
        problems = self._checked.messages(words(), plain)
        if self.steps and self.step.model is not None:
            problems = {**problems, **check(self.step.model, self.state.values).messages(words(), plain)}
            problems = {name: said for name, said in problems.items() if name in {*self.step.fields, WHOLE_FORM}}
        return {name: said for name, said in problems.items() if name in self.state.errors}

    def outcome(self) -> SaveOutcome | None:
        """Return what the last press of Save or Next led to; None if the form was edited since."""
        found = _outcomes().get(self.form_id)
        return found if found and found.edited == self._last_edit() else None

    def _store(self) -> Receipt | None:
        """Store the form and return the receipt; None when something in it is wrong."""
        on_save = self._on_save
        if on_save is not None and (stored := get_services().submissions.find(self._key)):
            self.manager.catch_up()
            return stored
        values = self._entered()
        checked = check(self._model, values)
        instance = checked.value
        if not self._passes(checked, None) or instance is None:
            unfinished = [step for step in self.steps if step.model and check(step.model, values).problems]
            if unfinished:
                open_step(self.manager, unfinished[0])
            return None
        if on_save is None:
            self.manager.save_form(self.form_id, values)
            return Receipt(at=get_services().clock.now(), result=None)
        return self.manager.submit_form(
            self.form_id, values, lambda session: on_save(session, instance), key=self._key, clear=self._clear
        )

    def _entered(self) -> dict[str, object]:
        """Return what the page shows, persisted. Raises NotKeptError where a value of it couldn't be."""
        require_kept(self.manager, self.form_id)
        keep_shown(self.form_id)
        require_kept(self.manager, self.form_id)
        return dict(self.state.values)

    def _passes(self, checked: Checked[BaseModel], among: frozenset[str] | None) -> bool:
        """Return whether these fields (None: all) are valid, and store the messages of those that aren't."""
        found = checked.messages(words())
        asked = {} if among is None else self.state.errors
        others = {name: said for name, said in asked.items() if name not in {*(among or ()), WHOLE_FORM}}
        self.manager.session.set_errors(self.form_id, {**others, **found})
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
        log.error("a form could not be saved", form=self.form_id, exc_info=error)
        return ""

    def _tell(self, text: str, *, is_error: bool = True, fault: Fault | None = None) -> None:
        _outcomes()[self.form_id] = SaveOutcome(text, self._last_edit(), is_error, fault)

    def _last_edit(self) -> str:
        stamps = self.manager.session.stamps
        return max((stamps.get(field_path(self.form_id, name), "") for name in self.state.values), default=NO_STAMP)

    def _is_done(self, step: Step) -> bool:
        return step.model is None or step.is_complete(self.state)


@dataclass(frozen=True, slots=True)
class SaveOutcome:
    """A message at the top of a form, until the next edit."""

    text: str
    edited: str
    """The stamp of the form's last edit by then."""
    is_error: bool
    fault: Fault | None
    """The line of the team's code that raised an unexpected error."""


def _outcomes() -> dict[str, SaveOutcome]:
    outcomes: dict[str, SaveOutcome] = st.session_state.setdefault(_OUTCOMES_KEY, {})
    return outcomes


def _check_callback(name: str, given: Callable[..., object] | None, *handed: str) -> None:
    """Raise ValueError for a callback that would fail when it is called, which is only once somebody saves."""
    if given is None:
        return
    try:
        inspect.signature(given).bind(*handed)
    except TypeError as error:
        called = getattr(given, "__name__", repr(given))
        raise ValueError(f"{name} is called as {called}({', '.join(handed)}), and that fails: {error}.") from error


def _show_top(form: Form[M]) -> None:
    """Say what belongs to no field on the page, and what the last press of Save led to."""
    outcome, say = form.outcome(), words()
    if outcome is not None:
        (st.error if outcome.is_error else st.info)(outcome.text)
        if outcome.fault is not None and cards.may_see_faults():
            cards.fault_place(outcome.fault)
    for name, message in form.messages.items():
        if name == WHOLE_FORM:
            st.error(message)
        elif name not in form.shown:
            label = field_names(form.manager, form.form_id, frozenset({name}))
            st.error(say("form.field", field=label, message=message))


def _show_foot(form: Form[M]) -> None:
    say, steps, manager = words(), form.steps, form.manager
    with foot(form.form_id, _foot_text(form)):
        if not manager.session.preferences.auto_save:
            discard_button(manager, form.form_id)
        place = steps.index(form.step) if steps else 0
        if place:
            st.button(
                say("form.back"),
                key=own_key("back", form.form_id),
                icon=":material/arrow_back:",
                on_click=open_step,
                args=(manager, steps[place - 1]),
            )
        if place + 1 < len(steps):
            st.button(
                say("form.next"),
                key=own_key("next", form.form_id),
                icon=":material/arrow_forward:",
                type="primary",
                on_click=form.go_on,
                args=(steps[place], steps[place + 1]),
            )
        else:
            st.button(form.label, key=own_key("save", form.form_id), type="primary", on_click=form.save)


def _foot_text(form: Form[M]) -> str:
    """Return the state of the form in words: what to look at again, what waits for Save, or when it was saved."""
    state, manager = form.state, form.manager
    if form.messages:
        return look_at(manager, form.form_id, frozenset(form.messages) - {WHOLE_FORM})
    if unsaved := unsaved_text(manager, form.form_id):
        return unsaved
    if state.saved_at is None or state.changes:
        return "" if manager.session.preferences.auto_save else nothing_waits()
    when = clock_time(state.saved_at, get_services().clock.now())
    return f":gray[:material/check: {words()('form.saved', time=when)}]"
