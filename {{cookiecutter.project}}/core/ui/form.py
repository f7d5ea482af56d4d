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
from typing import Generic, TypeVar

import streamlit as st
from pydantic import BaseModel
from sqlalchemy.orm import Session

from core.language import plain
from core.services import get_services
from core.session import FormState
from core.session_manager import get_session_manager
from core.ui import cards
from core.ui.block import Block, within
from core.ui.keys import own_key
from core.ui.saving import discard_button, field_names, foot, look_at, nothing_waits, unkept_text, waiting_text
from core.ui.steps import Step, asked_step, open_step, show_progress
from core.ui.submit import Submit, told
from core.ui.times import clock_time, words
from core.validation import WHOLE_FORM, check

M = TypeVar("M", bound=BaseModel)


@contextmanager
def form(
    form_id: str,
    *,
    model: type[M],
    on_save: Callable[[Session, M], str | None] | None = None,
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
    manager = get_session_manager()
    submit = Submit(
        manager=manager,
        form=form_id,
        key=manager.session.submission_key(form_id),
        model=model,
        label=label or words()("saving.save"),
        on_save=on_save,
        after_save=after_save,
        clear=clear_on_save,
        steps=steps,
    )
    shown = Form(submit, in_order=in_order)
    block = Block(form=form_id, model=model, messages=shown.messages())
    with within(block):
        if steps:
            show_progress(manager, form_id, steps, shown.step, shown.may_open)
        with st.container(border=bool(steps), key=own_key("form", form_id)):
            if steps:
                st.subheader(shown.step.title)
            top = st.container(key=own_key("form-top", form_id))
            yield shown
            with top:
                _show_top(shown, block)
    _show_foot(shown, block)


class Form(Generic[M]):
    """One form in one run, as `with ui.form(…) as form` gives it."""

    def __init__(self, submit: Submit[M], *, in_order: bool) -> None:
        self.form_id = submit.form
        self.submit = submit
        self._manager, self._steps, self._in_order = submit.manager, submit.steps, in_order
        self._checked = check(submit.model, self.state.values)

    @property
    def state(self) -> FormState:
        """The state of the form: drafts and saved values."""
        return self._manager.session.form(self.form_id)

    @property
    def value(self) -> M | None:
        """The model's instance of what was entered when the run began; None while it is not valid."""
        return self._checked.value

    @property
    def changes(self) -> frozenset[str]:
        """The fields that wait for Save: none where the person has everything saved by itself."""
        return self._manager.session.unsaved_changes(self.form_id)

    @property
    def step(self) -> Step:
        """The step this run shows. Raises ValueError for a form without steps."""
        if not self._steps:
            raise ValueError(f"The form {self.form_id!r} has no steps. Give ui.form steps=[ui.Step(…), …].")
        asked = asked_step(self._steps)
        return asked if self.may_open(asked) else next(step for step in self._steps if not self._is_done(step))

    def save(self) -> None:
        """Check everything and store it, or tell why not: the callback of the form's own button, and of any other."""
        self.submit.save()

    def may_open(self, step: Step) -> bool:
        """Return whether a step may be shown now."""
        before = self._steps[: self._steps.index(step)] if self._in_order else ()
        return all(self._is_done(earlier) for earlier in before)

    def messages(self) -> dict[str, str]:
        """The remaining messages of the last Save or Next, by field, without WHOLE_FORM."""
        problems = self._checked.messages(words(), plain)
        if self._steps and self.step.model is not None:
            problems = {**problems, **check(self.step.model, self.state.values).messages(words(), plain)}
            problems = {name: said for name, said in problems.items() if name in {*self.step.fields, WHOLE_FORM}}
        return {name: said for name, said in problems.items() if name in self.state.errors}

    def _is_done(self, step: Step) -> bool:
        return step.model is None or step.is_complete(self.state)


def _check_callback(name: str, given: Callable[..., object] | None, *handed: str) -> None:
    """Raise ValueError for a callback that would fail when it is called, which is only once somebody saves."""
    if given is None:
        return
    try:
        inspect.signature(given).bind(*handed)
    except TypeError as error:
        called = getattr(given, "__name__", repr(given))
        raise ValueError(f"{name} is called as {called}({', '.join(handed)}), and that fails: {error}.") from error


def _show_top(form: Form[M], block: Block) -> None:
    """Say what belongs to no field on the page, and what the last press of Save led to."""
    manager = form.submit.manager
    outcome, say = told(manager.session, form.form_id), words()
    if outcome is not None:
        (st.error if outcome.trouble else st.info)(outcome.text)
        if outcome.fault is not None and cards.may_see_faults():
            cards.fault_place(outcome.fault)
    for name, message in block.messages.items():
        if name == WHOLE_FORM:
            st.error(message)
        elif name not in block.shown:
            label = field_names(manager, form.form_id, frozenset({name}))
            st.error(say("form.field", field=label, message=message))


def _show_foot(form: Form[M], block: Block) -> None:
    submit, say = form.submit, words()
    manager, steps = submit.manager, submit.steps
    with foot(form.form_id, _foot_text(form, block)):
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
                on_click=submit.go_on,
                args=(steps[place], steps[place + 1]),
            )
        else:
            st.button(submit.label, key=own_key("save", form.form_id), type="primary", on_click=form.save)


def _foot_text(form: Form[M], block: Block) -> str:
    """Return the state of the form in words: what to look at again, what waits for Save, or when it was saved."""
    say, state, manager = words(), form.state, form.submit.manager
    if block.messages:
        return look_at(manager, form.form_id, frozenset(block.messages) - {WHOLE_FORM})
    if unkept := unkept_text(manager, form.form_id):
        return unkept
    if waiting := waiting_text(manager, form.form_id):
        return waiting
    if state.saved_at is None or state.changes:
        return "" if manager.session.preferences.auto_save else nothing_waits()
    return f":gray[:material/check: {say('form.saved', time=clock_time(state.saved_at, get_services().clock.now()))}]"
