"""The form in whose `with` block the script is: its widgets need not name it, and find their messages there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches

import streamlit as st
from pydantic import BaseModel

from core.ui.keys import own_key


class FormContext:
    """A form, as the widgets of its block need to know it."""

    def __init__(self, form_id: str, model: type[BaseModel]) -> None:
        self.form_id, self.model = form_id, model
        self.messages: Mapping[str, str] = {}
        """Messages under fields, by name."""
        self.shown: set[str] = set()
        """The fields that widgets have shown so far."""

    def require(self, field: str) -> None:
        """Raise ValueError for a field that Save would leave out, or that no answer could fill."""
        name, fields = self.model.__name__, self.model.model_fields
        if field not in fields:
            meant = get_close_matches(field, fields, 1)
            hint = f"did you mean {meant[0]!r}?" if meant else f"it has {', '.join(fields) or 'none'}."
            raise ValueError(
                f"The field {field!r} is not in {name}; {hint} Save would leave it out. "
                "What the model shall not know belongs to another form: give the widget form=…."
            )


_current: ContextVar[FormContext | None] = ContextVar("form", default=None)


@contextmanager
def within(form: FormContext) -> Iterator[None]:
    """Make the widgets of a `with` block a form's. Raises ValueError inside another form's block."""
    outer = _current.get()
    if outer is not None:
        raise ValueError(
            f"ui.form({form.form_id!r}) is inside the block of ui.form({outer.form_id!r}). "
            "End that block first, or give the widgets inside it form=…."
        )
    token = _current.set(form)
    try:
        yield
    finally:
        _current.reset(token)


def form_of(form: str | None, field: str) -> str:
    """Return the form a widget belongs to: the one it names, else the one of its block.

    Raises ValueError without either, and for a field that the model of the block's form lacks or that can't be entered.
    """
    around = _current.get()
    if around is not None and form in (None, around.form_id):
        around.require(field)
        return around.form_id
    if form is None:
        raise ValueError(
            f"The field {field!r} belongs to no form. Give it form=…, or show it in the block of a ui.form."
        )
    return form


def say_beneath(form: str, field: str) -> None:
    """Say, under the widget just shown, what is wrong with its field, if that was asked for."""
    around = _current.get()
    if around is None or around.form_id != form:
        return
    around.shown.add(field)
    message = around.messages.get(field)
    # The place is there in any case: one that comes between fields moves those, and builds anew what is typed into.
    place = st.container(key=own_key("wrong", form, field))
    if message:
        place.error(message)
