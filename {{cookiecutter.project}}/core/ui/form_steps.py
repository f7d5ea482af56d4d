"""The steps of a form that is filled in screen by screen: what each asks for, and how far one has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from pydantic import BaseModel

from core.session import FormState
from core.session_manager import SessionManager
from core.ui.keys import own_key
from core.ui.times import words
from core.ui.validation import check

PARAMETER = "step"
"""The name by which the step stands in the page's address."""


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
    """The step that the page's address names, else the first one."""
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
