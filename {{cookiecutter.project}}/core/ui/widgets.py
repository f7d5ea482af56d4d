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

import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import streamlit as st

from core.forms import same
from core.paths import field_path
from core.session_manager import MISSING, SessionManager, get_session_manager
from core.ui import kinds
from core.ui.kinds import Arguments, Kind, MisfitError, misfit, text_rule
from core.ui.times import words
from core.web.fields import ShownField
from core.web.protocol import inside_form, reader

R = TypeVar("R")

_SHOWN_KEY = "_keep_shown"
"""Per widget key, in `st.session_state`: the stamp of the saved value that this tab shows."""
_VALUES_KEY = "_keep_values"
"""Per widget key, in `st.session_state`: what the widget returned in the run before."""


class Controlled(Generic[R]):
    """A Streamlit widget function, made to keep its value in a field of a form."""

    def __init__(self, function: Callable[..., R], kind: Kind) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._signature = inspect.signature(function)
        self._kind = kind

    def __call__(self, *args: Any, form: str, field: str, **kwargs: Any) -> R:
        """Show the widget. `form` and `field` say where its value is kept; the rest is as in Streamlit."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = bound.arguments
        if arguments.get("type") == "password":
            raise ValueError(f"{field!r} is a password, and must not be kept. Use st.text_input for it.")
        manager = get_session_manager()
        key = arguments["key"] = str(arguments["key"] or widget_key(form, field))
        submitted = inside_form()
        if not submitted:
            arguments["on_change"] = _keeping(manager, form, field, key, arguments)
            arguments["args"] = arguments["kwargs"] = None
        # Makes Streamlit send a value that was put back until the browser has taken it over: a widget whose code is
        # still loading when the next run follows would otherwise come up empty.
        arguments["persist_state"] = arguments["persist_state"] or "session"
        problem, given = _restore(manager, form, field, key, self._kind, arguments)
        value = self._function(*bound.args, **bound.kwargs)
        if submitted and not given:
            _keep_submitted(manager, form, field, key, value)
        if manager.should_retry(form, field):
            _keep(manager, form, field, key)
        self._announce(manager, form, field, key, arguments, value, given=given)
        _say(manager, form, field, problem)
        return value

    def _announce(
        self,
        manager: SessionManager,
        form: str,
        field: str,
        key: str,
        arguments: Arguments,
        value: object,
        *,
        given: bool,
    ) -> None:
        """Make the widget known to those who hear of its edits by other ways than its callback."""
        manager.shown_fields[key] = ShownField(
            key=key,
            form=form,
            field=field,
            label=str(arguments.get("label", field)),
            rule=text_rule(self._kind, arguments),
            stamp=_stamp(manager, form, field),
        )
        read = reader(key)
        if read is not None:
            manager.live.show(
                key,
                form=form,
                field=field,
                read=read,
                fits=lambda edited: misfit(self._kind, edited, arguments) is None,
                value=value,
                given=given,
            )
        _values()[key] = value


def widget_key(form: str, field: str) -> str:
    """The key of a field's widget in `st.session_state`."""
    return f"{form}.{field}"


def keep_shown(form: str) -> None:
    """Keep what the widgets of a form show now, for fields nobody has touched: their defaults become answers.

    Call it where a person confirms what they see, such as in the callback of a Next or Save button.
    """
    manager = get_session_manager()
    prefix = widget_key(form, "")
    for key in [key for key in _shown() if key.startswith(prefix) and key in st.session_state]:
        field = key.removeprefix(prefix)
        if manager.field_value(form, field) is MISSING:
            _keep(manager, form, field, key)


def _keep(manager: SessionManager, form: str, field: str, key: str) -> None:
    if manager.live.is_old_view(key):
        _shown().pop(key, None)  # so that this run gives it the value once more
        return
    if manager.live.took(key, st.session_state[key]) or manager.persist_field(form, field, st.session_state[key]):
        _shown()[key] = _stamp(manager, form, field)


def _keep_submitted(manager: SessionManager, form: str, field: str, key: str, value: object) -> None:
    """Inside `st.form` there are no callbacks: what differs from the run before was submitted."""
    before = _values().get(key, MISSING)
    if before is not MISSING and not same(before, value):
        _keep(manager, form, field, key)


def _keeping(manager: SessionManager, form: str, field: str, key: str, arguments: Arguments) -> Callable[[], None]:
    """Return a callback that keeps the value first, and then does what the page asked for."""
    on_change, args, kwargs = arguments["on_change"], arguments["args"] or (), arguments["kwargs"] or {}

    def changed() -> None:
        _keep(manager, form, field, key)
        if callable(on_change):
            on_change(*args, **kwargs)

    return changed


def _restore(
    manager: SessionManager, form: str, field: str, key: str, kind: Kind, arguments: Arguments
) -> tuple[MisfitError | None, bool]:
    """Make the widget show what is saved.

    Returns why that can't be, where the saved value doesn't fit, and whether the widget was given a value.
    """
    saved, current = manager.field_value(form, field), st.session_state.get(key, MISSING)
    stamp = _stamp(manager, form, field)
    news = stamp != _shown().get(key, "") and not _is_own(manager, form, field, key, stamp)
    problem = None if saved is MISSING else misfit(kind, saved, arguments)
    unfit = current is not MISSING and misfit(kind, current, arguments) is not None
    given = current is MISSING
    if saved is not MISSING and problem is None:
        if current is MISSING or news or unfit:
            st.session_state[key] = saved
            given = True
    elif current is not MISSING and (news or unfit):
        st.session_state[key] = kind.initial(arguments)
        given = True
    _shown()[key] = stamp
    return problem, given


def _is_own(manager: SessionManager, form: str, field: str, key: str, stamp: str) -> bool:
    """Whether the saved value came from this very tab, which shows it, or something later, already.

    Giving it to the widget would disturb further typing.
    """
    if manager.live.is_own(key, stamp):
        return True
    # What was entered after the note, such as the same text brought back by an undo, is on no screen yet.
    note = manager.session.present_draft(form, field)
    return note is not None and note.on_screen


def _say(manager: SessionManager, form: str, field: str, problem: MisfitError | None) -> None:
    refused = manager.not_kept.get((form, field))
    if refused:
        st.error(words()("misfit.refused", reason=refused), icon=":material/error:")
    elif problem is not None:
        say = words()
        st.warning(f"{problem.said(say)} {say('misfit.stays')}", icon=":material/info:")


def _stamp(manager: SessionManager, form: str, field: str) -> str:
    return manager.session.stamps.get(field_path(form, field), "")


def _values() -> dict[str, Any]:
    values: dict[str, Any] = st.session_state.setdefault(_VALUES_KEY, {})
    return values


def _shown() -> dict[str, str]:
    shown: dict[str, str] = st.session_state.setdefault(_SHOWN_KEY, {})
    return shown


text_input: Controlled[str | None] = Controlled(st.text_input, kinds.TEXT)
text_area: Controlled[str | None] = Controlled(st.text_area, kinds.TEXT)
number_input: Controlled[Any] = Controlled(st.number_input, kinds.NUMBER)
slider: Controlled[Any] = Controlled(st.slider, kinds.SLIDER)
selectbox: Controlled[Any] = Controlled(st.selectbox, kinds.CHOICE)
radio: Controlled[Any] = Controlled(st.radio, kinds.CHOICE)
multiselect: Controlled[list[Any]] = Controlled(st.multiselect, kinds.CHOICES)
select_slider: Controlled[Any] = Controlled(st.select_slider, kinds.SELECT_SLIDER)
pills: Controlled[Any] = Controlled(st.pills, kinds.PILLS)
segmented_control: Controlled[Any] = Controlled(st.segmented_control, kinds.PILLS)
checkbox: Controlled[bool] = Controlled(st.checkbox, kinds.TICK)
toggle: Controlled[bool] = Controlled(st.toggle, kinds.TICK)
date_input: Controlled[Any] = Controlled(st.date_input, kinds.DATE)
time_input: Controlled[Any] = Controlled(st.time_input, kinds.TIME)
color_picker: Controlled[str] = Controlled(st.color_picker, kinds.COLOUR)
feedback: Controlled[int | None] = Controlled(st.feedback, kinds.FEEDBACK)
