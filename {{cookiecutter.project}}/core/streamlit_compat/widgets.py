"""`st.session_state` from inside, and what widgets do with their arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.streamlit_compat.features import Feature, broken, part_of
from core.streamlit_compat.messages import PRESSES, WidgetState
from core.streamlit_compat.run import app_session, run_context

if TYPE_CHECKING:
    from streamlit.runtime.state import SafeSessionState, SessionState

_SHOWN = 40
"""Characters of what was sent that are told."""


Reader = Callable[[WidgetState], Any]
"""Turns what the browser sent for a widget into the value the script gets.

Raises ValueError for what the widget itself would not have sent; other errors may come from Streamlit for the same.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateValues:
    """The initial value of a date input, and the smallest and largest it takes."""

    initial: Any
    is_range: bool
    low: Any
    high: Any


def _state() -> SessionState | None:
    context = run_context()
    return None if context is None else context.session_state._state


class WidgetKey:
    """The state that Streamlit holds under the key of one widget, in the run in progress."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._state = _state() if Feature.IN_PLACE not in broken() else None

    def value(self, default: Any) -> Any:
        """Return its value. Other than `st.session_state` this doesn't ask whether the run shall stop."""
        state = self._state if Feature.IN_PLACE not in broken() else st.session_state
        if state is None:
            return default
        try:
            return state[self.key]
        except KeyError:
            return default

    def is_assigned(self) -> bool:
        """Return whether this run, or a callback before it, has assigned something to it."""
        return self._state is not None and self.key in self._state._new_session_state

    def element(self) -> str:
        """Return the id of the element that its widget is on the page; empty where it is on none."""
        state = self._state
        if state is None:
            return ""
        found = state._get_widget_id(self.key)
        is_shown = found in state._new_widget_state.states or found in state._old_state
        return found if found != self.key and is_shown else ""

    def has_left(self) -> bool:
        """Return True if its element has left since `settle`: Streamlit holds its value for another one."""
        return self._state is not None and self.key in self._state._old_state

    def offer(self, value: object) -> None:
        """Let its widget begin with a value if this run makes another element of it. One on the page keeps its own."""
        if self._state is not None:
            self._state._old_state[self.key] = value

    def settle(self, before: str) -> None:
        """Take what was offered back, once a run has shown it; `before` is the element it was until then."""
        state = self._state
        if state is None:
            return
        found, states, old = state._get_widget_id(self.key), state._new_widget_state.states, state._old_state
        if before and before != found:  # at the end of the run Streamlit would give what it held to the new one
            old.pop(before, None)
            states.pop(before, None)
        if self.key in old:
            value = old.pop(self.key)
            if found not in states and found not in old:
                state._new_widget_state.set_from_value(found, value)

    def put_right(self, value: object) -> None:
        """Give its widget, which this run has shown, another value, as Streamlit does itself where one doesn't fit."""
        if self._state is not None:
            self._state.reset_state_value(self.key, value)

    @part_of(Feature.INGRESS, otherwise=None)
    def reader(self) -> Reader | None:
        """Return how to read its widget, which the run in progress has just shown."""
        state = _state()
        if state is None:
            return None
        metadata = state._new_widget_state.widget_metadata.get(state._get_widget_id(self.key))
        return None if metadata is None else partial(_read, self.key, metadata.deserializer, metadata.serializer)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let Streamlit look at this key only, in a block that shows its widget and runs no code of the page's.

        Streamlit lists all that `st.session_state` holds for each text field, number, date and choice, only to look
        whether the field's own is None. On a page of a hundred fields that is half of a run.
        """
        list_one_alone()
        token = _ONLY.set(self.key)
        try:
            yield
        finally:
            _ONLY.reset(token)


_ONLY: ContextVar[str | None] = ContextVar("only", default=None)
"""The key of the widget that is being shown, if Streamlit need not list any other for it."""


@part_of(Feature.LISTING, otherwise=None)
def list_one_alone() -> None:
    """Give the run in progress a state that lists one key alone where that is asked for."""
    context, (whole, lists_one) = run_context(), _states()
    if context is not None and type(context.session_state) is whole:
        context.session_state = lists_one(context.session_state)


@cache
def _states() -> tuple[type[SafeSessionState], Callable[[SafeSessionState], SafeSessionState]]:
    """Return Streamlit's class of a run's state, and what makes of such a state one that can list one key alone."""
    from streamlit.runtime.state import SafeSessionState

    class ListsOne(SafeSessionState):
        """The same state, with the same lock."""

        def __init__(self, whole: SafeSessionState) -> None:
            super().__init__(whole._state, whole._yield_callback)
            object.__setattr__(self, "_lock", whole._lock)

        @property
        def filtered_state(self) -> dict[str, Any]:
            key = _ONLY.get()
            if key is None:
                return super().filtered_state
            with self._lock:
                try:
                    return {key: self._state[key]}
                except KeyError:
                    return {}

    return SafeSessionState, ListsOne


def _read(key: str, deserialize: Callable[..., Any], serialize: Callable[..., Any], widget: WidgetState) -> Any:
    from streamlit.runtime.state.common import unpack_widget_state_value

    sent = unpack_widget_state_value(widget)
    value = deserialize(sent)
    # Streamlit replaces much of what is forged by the widget's default, which nobody chose.
    if sent is not None and not _is_same(sent, serialize(value)) and not (value is None and _is_none(sent, serialize)):
        raise ValueError(f"{key} doesn't send {str(sent)[:_SHOWN]!r}")
    return value


def _is_none(sent: Any, serialize: Callable[..., Any]) -> bool:
    """Return True if an option that is None is called so: of None alone Streamlit can't say that again."""
    options = getattr(serialize, "__self__", None)
    called = zip(getattr(options, "options", ()), getattr(options, "formatted_options", ()), strict=False)
    names = [sent] if isinstance(sent, str) else list(sent)
    return any(option is None and [name] == names for option, name in called)


def _is_same(sent: Any, back: Any) -> bool:
    if isinstance(back, list | tuple):
        return not isinstance(sent, str | bytes) and list(sent) == list(back)
    return isinstance(sent, bool) == isinstance(back, bool) and bool(sent == back)


@part_of(Feature.TYPING, otherwise="")
def widget_id(key: str) -> str:
    """Return Streamlit's id of the widget of this key, which the run in progress has shown."""
    state = _state()
    return key if state is None else state._get_widget_id(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainKeys:
    """The keys under which `st.session_state` holds a value, whoever keeps that. What can be pressed holds none."""

    widgets: frozenset[str] = frozenset()
    """Those of widgets on the page."""
    others: frozenset[str] = frozenset()
    """Those that a script has assigned, and those of widgets of other pages."""
    unnamed: int = 0
    """The number of widgets on the page without a key."""


@part_of(Feature.INGRESS, otherwise=PlainKeys())
def plain_keys(session_id: str = "") -> PlainKeys:
    """Return what `st.session_state` holds, of the run in progress.

    With Streamlit's id of a session it is what the last run has left, which is for the event loop's own thread.
    """
    from streamlit.runtime.state.common import is_element_id, user_key_from_element_id

    session = app_session(session_id)
    state = session.session_state if session is not None else _state()
    if state is None:
        return PlainKeys()
    new, old, assigned = state._new_widget_state, state._old_state, state._new_session_state
    held = {str(name) for name in (*list(old), *list(assigned), *list(new.states))}
    others, keys, pressed, unnamed = {name for name in held if not name.startswith("$$")}, set(), set(), 0
    for name in held if session is not None else held & shown_widgets():
        metadata, key = new.widget_metadata.get(name), user_key_from_element_id(name)
        if not is_element_id(name) or metadata is None:
            continue
        if metadata.value_type in PRESSES:
            pressed.add(key)
        elif key is None:
            unnamed += 1
        else:
            keys.add(key)
    return PlainKeys(widgets=frozenset(keys), others=frozenset(others - pressed), unnamed=unnamed)


@part_of(Feature.INGRESS, otherwise=frozenset())
def shown_widgets() -> frozenset[str]:
    """Return the ids of the widgets that the run in progress has shown."""
    context = run_context()
    return frozenset(context.shared.widget_ids_this_run.snapshot()) if context is not None else frozenset()


@part_of(Feature.IN_PLACE, otherwise=frozenset())
def assigned() -> frozenset[str]:
    """Return the keys of `st.session_state` that this run, or a callback before it, has assigned something to."""
    state = _state()
    return frozenset(state._new_session_state) if state is not None else frozenset()


def date_values(arguments: Mapping[str, Any]) -> DateValues:
    """Read the arguments of a date input."""
    if Feature.LIMITS in broken():
        return _as_given(arguments, datetime.now().astimezone().date())
    from streamlit.elements.widgets.time_widgets import _DateInputValues

    values = _DateInputValues.from_raw_values(arguments["value"], arguments["min_value"], arguments["max_value"])
    dates = tuple(values.value or ())
    initial = dates if values.is_range else next(iter(dates), None)
    return DateValues(initial=initial, is_range=values.is_range, low=values.min, high=values.max)


def datetime_values(arguments: Mapping[str, Any]) -> DateValues:
    """Read the arguments of a datetime input."""
    if Feature.LIMITS in broken():
        return _as_given(arguments, datetime.now().astimezone().replace(second=0, microsecond=0, tzinfo=None))
    from streamlit.elements.widgets.time_widgets import _DateTimeInputValues

    values = _DateTimeInputValues.from_raw_values(arguments["value"], arguments["min_value"], arguments["max_value"])
    return DateValues(initial=values.value, is_range=False, low=values.min, high=values.max)


def _as_given(arguments: Mapping[str, Any], now: date) -> DateValues:
    value = arguments["value"]
    is_range = isinstance(value, list | tuple)
    low, high = (end if isinstance(end, date) else None for end in (arguments["min_value"], arguments["max_value"]))
    initial = tuple(value) if is_range else now if isinstance(value, str) else value
    return DateValues(initial=initial, is_range=is_range, low=low, high=high)


def options_of(options: Any) -> list[Any]:
    """Return the options of a widget as a list, whatever they were given as."""
    if Feature.LIMITS in broken():
        return list(options)
    from streamlit.dataframe_util import convert_anything_to_list

    return convert_anything_to_list(options)
