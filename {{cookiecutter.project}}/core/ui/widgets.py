"""Controlled widgets: Streamlit's own, plus `form` and `field`, that keep what is entered.

    from core import ui

    name = ui.text_input("Name", form="profile", field="name")

Names, arguments and return values are Streamlit's. What is entered is durable before `on_change` returns, comes
back after a refresh, a switch of pages or a restart, and shows what another tab entered. A saved value that no
longer fits (its option is gone, it is below the minimum) makes that one field show its default and say so; the
saved value stays until something else is entered. Inside `st.form` what is chosen is durable once it is submitted, and
what is typed as soon as the typing pauses.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Generic, TypeVar

import streamlit as st

from core.errors import NotKeptError
from core.language import plain
from core.session_manager import get_session_manager
from core.ui import cards, widget_specs
from core.ui.form_context import form_of, say_beneath
from core.ui.keys import widget_key
from core.ui.like import like
from core.ui.option_ids import OptionIds, unkeepable
from core.ui.restore_value import WidgetValue, known_field, say_problem
from core.ui.times import words
from core.ui.widget_specs import WidgetSpec, plain_numbers

R = TypeVar("R")


class _Controlled(Generic[R]):
    """A Streamlit widget function, made to keep its value in a field of a form."""

    def __init__(self, function: Callable[..., R], spec: WidgetSpec) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        parameters = self._signature.parameters.values()
        self._names = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
        self._defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
        self._spec = spec

    def show(
        self,
        args: tuple[Any, ...],
        form: str | None,
        field: str,
        option_id: Callable[[Any], Any] | None,
        kwargs: dict[str, Any],
    ) -> R:
        form = form_of(form, field)
        arguments = self._arguments(args, kwargs)
        if arguments.get("type") == "password":
            raise ValueError(f"{field!r} is a password, and must not be kept. Use st.text_input for it.")
        manager = get_session_manager()
        key = arguments["key"] = str(arguments["key"] or widget_key(form, field))
        if option_id is None and (error := unkeepable(arguments)):
            unkept = self._function(**arguments)
            _say_unkept(error)
            return unkept
        shown = known_field(manager, form, field, key)
        ids = OptionIds(option_id, arguments, several=option_id is not None and self._spec.several(arguments))
        own = WidgetValue(manager, shown, self._spec, arguments, ids)
        # Makes Streamlit send a value that was put back until the browser has taken it over: a widget whose code is
        # still loading when the next run follows would otherwise come up empty.
        passed = {**arguments, "persist_state": arguments["persist_state"] or "session"}
        if not own.is_silent:
            passed |= {"on_change": own.changed, "args": None, "kwargs": None}
        refused = manager.live.take_refused(key)
        own.restore(again=refused is not None)
        with own.key.alone() if arguments.get("format_func") in (None, str) else nullcontext():
            returned = self._function(**passed)
        value: R = own.settle(returned)
        say_problem(manager, form, field, own.problem, refused)
        say_beneath(form, field)
        return value

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments by name, with defaults: what `inspect.Signature.bind` does, in a tenth of its time."""
        given = dict(zip(self._names, args, strict=False))
        if len(args) > len(self._names) or not given.keys().isdisjoint(kwargs):
            self._signature.bind(*args, **kwargs)  # says what is wrong
        arguments = {**self._defaults, **given, **kwargs}
        if hasattr(arguments.get("options"), "__next__"):
            arguments["options"] = list(arguments["options"])  # it can be gone through once only
        return plain_numbers(arguments)


def _say_unkept(error: NotKeptError) -> None:
    """Say under a widget that what is chosen in it isn't kept, and to those who can mend that, how."""
    say = words()
    if cards.may_see_faults():
        st.warning(say("field_value.unkept_option", reason=plain(str(error))), icon=":material/info:")
    else:
        st.caption(say("field_value.unkept"))


def _controlled(function: Callable[..., R], spec: WidgetSpec) -> Callable[..., R]:
    """Return a widget function of Streamlit's with `form` and `field`, which say where its value is stored."""
    widget = _Controlled(function, spec)

    @like(function)
    def show(
        *args: Any,
        form: str | None = None,
        field: str,
        option_id: Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> R:
        return widget.show(args, form, field, option_id, kwargs)

    return show


text_input: Callable[..., str | None] = _controlled(st.text_input, widget_specs.TEXT)
text_area: Callable[..., str | None] = _controlled(st.text_area, widget_specs.TEXT)
number_input: Callable[..., Any] = _controlled(st.number_input, widget_specs.NUMBER)
slider: Callable[..., Any] = _controlled(st.slider, widget_specs.SLIDER)
selectbox: Callable[..., Any] = _controlled(st.selectbox, widget_specs.CHOICE)
radio: Callable[..., Any] = _controlled(st.radio, widget_specs.CHOICE)
multiselect: Callable[..., list[Any]] = _controlled(st.multiselect, widget_specs.CHOICES)
select_slider: Callable[..., Any] = _controlled(st.select_slider, widget_specs.STEPS)
pills: Callable[..., Any] = _controlled(st.pills, widget_specs.SEGMENTS)
segmented_control: Callable[..., Any] = _controlled(st.segmented_control, widget_specs.SEGMENTS)
checkbox: Callable[..., bool] = _controlled(st.checkbox, widget_specs.TICK)
toggle: Callable[..., bool] = _controlled(st.toggle, widget_specs.TICK)
date_input: Callable[..., Any] = _controlled(st.date_input, widget_specs.DATE)
time_input: Callable[..., Any] = _controlled(st.time_input, widget_specs.TIME)
datetime_input: Callable[..., Any] = _controlled(st.datetime_input, widget_specs.MOMENT)
color_picker: Callable[..., str] = _controlled(st.color_picker, widget_specs.COLOUR)
feedback: Callable[..., int | None] = _controlled(st.feedback, widget_specs.FEEDBACK)
pagination: Callable[..., int] = _controlled(st.pagination, widget_specs.PAGES)
