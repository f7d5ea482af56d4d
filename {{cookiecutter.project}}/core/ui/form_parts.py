"""Parts of a form: its steps, how far one has come in them, and its foot with what waits for Save and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st
from pydantic import BaseModel

from core.errors import NotKeptError
from core.session import FormState
from core.session_manager import SessionManager, get_session_manager
from core.state.text_rules import UntakenTextError
from core.ui.keys import own_key
from core.ui.restore_value import keep_shown
from core.ui.times import words
from core.ui.validation import check

PARAMETER = "step"
"""The name by which the step stands in the page's address."""
_ENDS = " ?!.:…"
"""Ends of labels that are sentences of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One screen of a form. `model` has the fields it asks for; a step without one only shows."""

    name: str
    """As it stands in the address."""
    title: str
    show: Callable[[], object]
    """Shows the step's widgets."""
    model: type[BaseModel] | None = None
    icon: str | None = None

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.model.model_fields) if self.model else frozenset()

    def is_complete(self, form: FormState) -> bool:
        """Return whether all of its fields are valid."""
        if self.model is None or self.fields.isdisjoint(form.values):
            return False
        return not check(self.model, form.values).problems


def asked_step(steps: Sequence[Step]) -> Step:
    """Return the step that the page's address names, else the first one."""
    asked = st.query_params.get(PARAMETER)
    return next((step for step in steps if step.name == asked), steps[0])


def open_step(manager: SessionManager, step: Step) -> None:
    """Show another step in the next run. It is part of the address, so the browser's Back goes back to this one."""
    params = {**st.query_params.to_dict(), PARAMETER: step.name}
    if manager.page:
        manager.navigate_to(manager.page, params)
    else:  # a script without a router
        st.query_params[PARAMETER] = step.name


def show_progress(
    manager: SessionManager, form_id: str, steps: Sequence[Step], current: Step, open_to: Callable[[Step], bool]
) -> None:
    """Show the steps, which of them are complete and which is open. Each that may be opened is a button."""
    form, say = manager.session.form(form_id), words()
    with st.container(horizontal=True, key=own_key("steps", form_id), gap="small"):
        for number, step in enumerate(steps, 1):
            st.button(
                step.title,
                key=own_key("step", form_id, step.name),
                icon=":material/check_circle:" if step is not current and step.is_complete(form) else step.icon,
                type="primary" if step is current else "tertiary",
                disabled=not open_to(step),
                help=say("form.step", n=number, count=len(steps)),
                on_click=open_step,
                args=(manager, step),
            )


def save_bar(form: str) -> None:
    """Show where auto-save is off how many changes of a form wait for Save. Shows nothing where it is on.

    For fields that stand in no `with ui.form(…)`, which has a foot of its own.
    """
    manager = get_session_manager()
    if manager.session.preferences.auto_save:
        return
    say, count = words(), len(manager.session.unsaved_changes(form))
    with foot(form, unsaved_text(manager, form) or nothing_waits()):
        discard_button(manager, form)
        st.button(
            say("saving.save"),
            key=own_key("saving-save", form),
            disabled=not count,
            on_click=_save,
            args=(manager, form),
        )


@contextmanager
def foot(form: str, text: str) -> Iterator[None]:
    """The line under a form: a text on the left, and on the right the buttons that the block adds."""
    with st.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", key=own_key("saving", form)
    ):
        st.markdown(text, width="stretch")
        yield


def unsaved_text(manager: SessionManager, form: str) -> str:
    """Say which fields of a form aren't kept, so that it can't be saved, or else which wait for Save; "" for none."""
    if unkept := manager.unkept(form):
        return look_at(manager, form, frozenset(unkept))
    waiting = manager.session.unsaved_changes(form)
    if not waiting:
        return ""
    say = words()
    names = field_names(manager, form, waiting)
    return f":material/edit: {say('form.field', field=say('saving.waiting', n=len(waiting)), message=names)}"


def look_at(manager: SessionManager, form: str, fields: frozenset[str]) -> str:
    """Ask to look at fields again; nothing without any."""
    names = field_names(manager, form, fields)
    return f":red[:material/error: {words()('form.look', fields=names)}]" if fields else ""


def require_kept(manager: SessionManager, form: str) -> None:
    """Raise NotKeptError, with the field's label, where a form's page shows something that isn't kept."""
    say = words()
    for name, reason in manager.unkept(form).items():
        message = reason.said(say) if isinstance(reason, UntakenTextError) else str(reason)
        raise NotKeptError(name, say("form.field", field=manager.label_of(form, name), message=message), "")


def nothing_waits() -> str:
    """Say that all changes are saved."""
    return f":gray[:material/check: {words()('saving.none')}]"


def field_names(manager: SessionManager, form: str, fields: frozenset[str]) -> str:
    """Return fields as the page calls them, in its order, and then those it doesn't show: within a sentence of ours."""
    shown = [each.field for each in manager.shown_fields.values() if each.form == form and each.field in fields]
    labels = [manager.label_of(form, name) for name in [*shown, *sorted(fields - set(shown))]]
    return ", ".join(label.rstrip(_ENDS) or label for label in labels)


def discard_button(manager: SessionManager, form: str) -> None:
    """Show the way back to what was saved last, for those who save by themselves."""
    st.button(
        words()("saving.discard"),
        key=own_key("saving-discard", form),
        type="tertiary",
        disabled=not manager.session.unsaved_changes(form),
        on_click=_discard,
        args=(manager, form),
    )


def _discard(manager: SessionManager, form: str) -> None:
    manager.session.discard_drafts(form)


def _save(manager: SessionManager, form: str) -> None:
    if manager.unkept(form):
        return  # the line above the button names what isn't kept
    keep_shown(form)
    manager.save_form(form, manager.session.form(form).values)
