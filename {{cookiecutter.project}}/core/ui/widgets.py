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
from numbers import Real
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.errors import StreamlitAPIException

from core.errors import KeepError, NotKeptError
from core.language import plain
from core.session import REMOVED
from core.session_manager import MISSING, SessionManager, get_session_manager
from core.state.equality import same
from core.state.paths import field_path
from core.streamlit_compat.run import form_around, fragment_run, opens_dialog
from core.streamlit_compat.widgets import assigned, element_id, has_left, held, offer, put_right, reader, settle
from core.typed_text import current_draft
from core.ui import cards, choices, kinds, ranges
from core.ui.block import form_of, say_beneath
from core.ui.keys import widget_key
from core.ui.kinds import Arguments, Kind, MisfitError, misfit
from core.ui.like import like
from core.ui.numbers import plain_numbers
from core.ui.option_ids import OptionIds, unkeepable
from core.ui.times import words
from core.web.fields import ShownField

R = TypeVar("R")

_CLOCK = ("now", "today")
"""Defaults that go on by themselves: an untouched field keeps the time at which it was shown first, as in Streamlit."""


class _Controlled(Generic[R]):
    """A Streamlit widget function, made to keep its value in a field of a form."""

    def __init__(self, function: Callable[..., R], kind: Kind) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        parameters = self._signature.parameters.values()
        self._names = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
        self._defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
        self._kind = kind

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
            value = self._function(**arguments)
            _say_unkept(error)
            return value
        shown = known_field(manager, form, field, key)
        ids = OptionIds(option_id, arguments, several=option_id is not None and self._kind.several(arguments))
        own = _Own(manager, shown, self._kind, arguments, ids)
        # Makes Streamlit send a value that was put back until the browser has taken it over: a widget whose code is
        # still loading when the next run follows would otherwise come up empty.
        passed = {**arguments, "persist_state": arguments["persist_state"] or "session"}
        # With on_change="ignore", as inside a form, there is no callback: what differs from the run before was entered.
        silent = bool(form_around()) or arguments["on_change"] == "ignore"
        if not silent:
            passed |= {"on_change": own.changed, "args": None, "kwargs": None}
        refused = manager.live.take_refused(key)
        problem, given = own.restore(again=refused is not None)
        value = self._function(**passed)
        if problem is None and arguments["bind"] is None:
            value, problem = own.checked(value, given=given)
        is_new = own.is_another_element()
        if not given and not is_new:
            own.keep_ahead()
        if manager.should_retry(form, field):
            own.keep()
        own.announce(value, given=given or is_new, waits=silent, problem=problem)
        say_problem(manager, form, field, problem, refused)
        say_beneath(form, field)
        current: R = ids.current(value)
        return current

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, with defaults: what `inspect.Signature.bind` does, in a tenth of its time."""
        given = dict(zip(self._names, args, strict=False))
        if len(args) > len(self._names) or not given.keys().isdisjoint(kwargs):
            self._signature.bind(*args, **kwargs)  # says what is wrong
        arguments = {**self._defaults, **given, **kwargs}
        if hasattr(arguments.get("options"), "__next__"):
            arguments["options"] = list(arguments["options"])  # it can be gone through once only
        return plain_numbers(arguments)


class _Own:
    """One call of a controlled widget: what it shows, and what becomes of what is entered.

    It shows what is saved where that fits, and its default where it doesn't. Streamlit's state is ahead of that for a
    moment only: with what was entered and could not be kept, and with what the app itself has assigned, which is kept
    like what a person enters. And what is typed here goes on while it is saved, in the very element it is typed into.

    Values are what is stored of them; what Streamlit gets for an option that the page names an id for is the option.
    """

    __slots__ = (
        "_arguments",
        "_assigned",
        "_default",
        "_element",
        "_ids",
        "_is_ahead",
        "_is_seed",
        "_kind",
        "_manager",
        "_saved",
        "_shown",
    )

    def __init__(
        self, manager: SessionManager, shown: ShownField, kind: Kind, arguments: Arguments, ids: OptionIds
    ) -> None:
        self._manager, self._shown, self._kind, self._arguments = manager, shown, kind, arguments
        self._ids, shown.stored = ids, self.stored
        self._saved: Any = MISSING
        self._assigned: Any = MISSING
        self._is_ahead = self._is_seed = False
        self._default = self.stored(_default_of(kind, arguments))
        self._element = element_id(shown.key)

    def restore(self, *, again: bool) -> tuple[MisfitError | None, bool]:
        """Make the widget show what is saved; `again` where its page may show something else than it holds.

        Returns why that can't be, where the saved value doesn't fit, and whether the widget was given a value.
        """
        shown, key = self._shown, self._shown.key
        current = self.stored(held(key, MISSING))
        is_on_page = bool(self._element) and not has_left(key) and not opens_dialog()
        if not is_on_page:
            self._manager.catch_up_once(fragment_run())  # what was typed into it may be known to the journal only
        self._look_up()
        if self._arguments["bind"] is None and not shown.is_other:
            self._assigned = self._from_app(current)
            if self._assigned is not MISSING:
                return None, True
            if current is MISSING and shown.was_shown and self._arguments["persist_state"] != "page":
                self._reset()
        saved, stamp = self._saved, stamp_of(self._manager, shown)
        problem = None if saved is MISSING else self._misfit(saved)
        fits = saved is not MISSING and problem is None
        is_first = not shown.was_shown and not shown.is_other
        if current is not MISSING and is_first and (key in assigned() or not self._element) and not fits:
            self._is_seed = True
            shown.stamp = stamp
            return problem, True
        # Of a default in place of what is saved, and of what the script assigns, it isn't what the page shows.
        is_shown = is_on_page and not shown.is_misfit and key not in assigned()
        is_typed_here = is_shown and is_own(self._manager, shown, stamp)
        is_news = stamp != shown.stamp and not is_typed_here
        self._is_ahead = stamp == shown.stamp and self._is_new_here(current)
        is_ahead = self._is_ahead or (stamp == shown.stamp and self._is_unkept())
        shown.stamp = stamp
        if current is MISSING or again or shown.is_other:
            given = True
        elif fits:
            given = current is not saved and not same(current, saved) and not is_typed_here and not is_ahead
            # Of a widget that is disabled Streamlit passes over what the browser has just sent, be it from before that.
            given = given or (self._arguments["disabled"] and not same(saved, shown.value))
        else:
            follows = self._default_has_changed() and same(current, shown.default)
            is_apps = saved is MISSING and same(current, shown.value) and not same(current, shown.default)
            given = is_news or follows or not (is_apps or self._misfit(current) is None)
        wanted = saved if fits else self._default
        if wanted is MISSING or (current is MISSING and not fits and not shown.was_shown):
            return problem, given  # Streamlit has the default, or says why there is none
        if given:
            st.session_state[key] = self._ids.shown(wanted)
        if self._arguments["bind"] is None:
            offer(key, self._ids.shown(current if is_ahead and not given else wanted))
        return problem, given

    def stored(self, value: Any) -> Any:
        """What is stored of what the widget holds."""
        return MISSING if value is MISSING else self._ids.stored(value)

    def _misfit(self, value: Any) -> MisfitError | None:
        return misfit(self._kind, self._ids.shown(value), self._arguments)

    def _look_up(self) -> None:
        self._saved = self._manager.session.values.get(field_path(self._shown.form, self._shown.field), MISSING)

    def _from_app(self, current: Any) -> Any:
        """What the page or its callbacks gave the widget since it was shown; MISSING for nothing that isn't saved.

        What a script assigns before it has shown the widget once is its default: what is saved comes before it.
        """
        shown, key, disabled = self._shown, self._shown.key, self._arguments["disabled"]
        called = self._manager.take_assigned(key)
        if disabled and self._saved is not MISSING and self._default_has_changed():
            current = self._default  # nobody can have entered anything here
            st.session_state[key] = self._ids.shown(current)
            called = True
        # A script that assigns what the widget had anyway, so that Streamlit goes on holding it, gives it nothing.
        is_news = shown.was_shown and not same(current, shown.value)
        is_given = called or (key in assigned() and (is_news or disabled))
        return current if is_given and not same(current, self._saved) else MISSING

    def _reset(self) -> None:
        """Keep nothing in the field any more: the app has taken the widget's key out of `st.session_state`."""
        if self._saved is not MISSING:
            self._manager.persist_field(self._shown.form, self._shown.field, REMOVED)
            self._look_up()

    def _is_unkept(self) -> bool:
        return (self._shown.form, self._shown.field) in self._manager.not_kept

    def _is_new_here(self, value: Any) -> bool:
        """Whether this is neither saved nor what the widget showed last: then it was entered since."""
        shown = self._shown
        return shown.was_shown and not (self._is_unkept() or same(value, shown.value) or same(value, self._saved))

    def _default_has_changed(self) -> bool:
        value, before = self._arguments.get("value"), self._shown.default
        if not self._shown.was_shown or self._default is MISSING or before is MISSING:
            return False
        return not (isinstance(value, str) and value in _CLOCK) and not same(self._default, before)

    def is_another_element(self) -> bool:
        """Whether the widget, which was shown now, is another element in the browser than before."""
        settle(self._shown.key, self._element)
        return element_id(self._shown.key) != self._element

    def checked(self, value: Any, *, given: bool) -> tuple[Any, MisfitError | None]:
        """What the widget returned, put right where a widget that was given nothing got it from elsewhere.

        The second is set where it would not show what it was given.
        """
        stored = self.stored(value)
        if not given or self._is_seed or same(stored, self._saved):
            return value, None
        if self._assigned is not MISSING:
            if self._misfit(stored) is None and _is_alike(stored, self._assigned):
                self._manager.persist_field(self._shown.form, self._shown.field, stored)
            return value, None
        if self._saved is not MISSING:
            return value, MisfitError("misfit.other", value=self._saved)
        # A page that connects anew sends what it holds before anybody here knows the widget.
        if self._misfit(stored) is not None:
            initial = self._kind.initial(self._arguments)
            if not same(stored, self.stored(initial)):
                put_right(self._shown.key, initial)
                return initial, None
        return value, None

    def keep_ahead(self) -> None:
        """Keep what was entered since the widget was shown last, unless something later was kept meanwhile."""
        if self._is_ahead and stamp_of(self._manager, self._shown) == self._shown.stamp:
            self.keep()

    def keep(self) -> None:
        """Make durable what the widget holds, unless it may not hold that."""
        value = self.stored(st.session_state[self._shown.key])
        if self._misfit(value) is None and not self._is_same_option(value):
            keep_value(self._manager, self._shown, value)

    def _is_same_option(self, value: Any) -> bool:
        """Whether an option is the one it was, though as another object, for which Streamlit calls back."""
        if self._ids.of is None:
            return False
        now = self._manager.field_value(self._shown.form, self._shown.field)
        is_kept = self._manager.live.took(self._shown.key, value)
        return is_kept or same(value, self._shown.value if now is MISSING else now)

    def changed(self) -> None:
        """Keep the value first, and then do what the page asked for."""
        self.keep()
        on_change = self._arguments["on_change"]
        if callable(on_change):
            on_change(*(self._arguments["args"] or ()), **(self._arguments["kwargs"] or {}))

    def announce(self, value: Any, *, given: bool, waits: bool, problem: MisfitError | None) -> None:
        """Make the widget known to those who hear of its edits by other ways than its callback."""
        shown, arguments = self._shown, self._arguments
        shown.label = str(arguments.get("label", shown.field))
        shown.rule = self._kind.rule(arguments)
        shown.value, shown.default = self.stored(value), self._default
        shown.is_misfit, shown.is_other, shown.was_shown = problem is not None, False, True
        shown.stamp = stamp_of(self._manager, shown)
        self._manager.show_field(shown)
        read = reader(shown.key)
        if read is not None:
            self._manager.live.show(
                shown.key,
                form=shown.form,
                field=shown.field,
                read=lambda state: self.stored(read(state)),
                refuse=self._refuse,
                value=shown.value,
                given=given,
                waits=waits,
                element=element_id(shown.key),
                st_form=form_around(),
            )

    def _refuse(self, value: Any) -> MisfitError | None:
        if self._arguments["disabled"]:
            return MisfitError("misfit.disabled")
        return self._misfit(value)


def _say_unkept(error: NotKeptError) -> None:
    """Say under a widget that what is chosen in it isn't kept, and to those who can mend that, how."""
    say = words()
    if cards.may_see_faults():
        st.warning(say("misfit.unkept_option", reason=plain(str(error))), icon=":material/info:")
    else:
        st.caption(say("misfit.unkept"))


def _default_of(kind: Kind, arguments: Arguments) -> Any:
    """What a widget shows with nothing saved; MISSING where its arguments allow for nothing."""
    try:
        return kind.initial(arguments)
    except (LookupError, TypeError, ValueError, StreamlitAPIException):
        return MISSING  # Streamlit says what is wrong


def _is_alike(value: Any, assigned: Any) -> bool:
    """Whether a widget shows what was assigned to it, whatever kind of number or sequence that was."""
    if isinstance(value, list | tuple):
        return isinstance(assigned, list | tuple) and list(value) == list(assigned)
    return value is assigned or same(value, assigned) or (isinstance(assigned, Real) and bool(value == assigned))


def keep_shown(form: str) -> None:
    """Keep what the widgets of a form show now, for fields nobody has touched: their defaults become answers.

    So does what a field shows in place of a saved value that no longer fits it.

    Call it where a person confirms what they see, such as in the callback of a Next or Save button.
    """
    manager = get_session_manager()
    manager.catch_up()  # a field may hold what was typed and what its widget refuses, such as half an address
    for shown in [each for each in manager.known_fields.values() if each.form == form]:
        is_open = shown.is_misfit and shown.key in manager.shown_fields
        if shown.key in st.session_state and (is_open or manager.field_value(form, shown.field) is MISSING):
            keep_value(manager, shown, shown.stored(st.session_state[shown.key]))


def known_field(manager: SessionManager, form: str, field: str, key: str) -> ShownField:
    """What this tab remembers of a widget."""
    known = manager.known_fields.get(key)
    if known is None or known.form != form or known.field != field:
        is_other = known is not None
        known = manager.known_fields[key] = ShownField(key=key, form=form, field=field, is_other=is_other)
    known.needs = manager.needs
    return known


def keep_value(manager: SessionManager, shown: ShownField, value: Any) -> None:
    """Make a widget's value durable, unless that was done when it arrived."""
    if manager.live.is_old_view(shown.key, value):
        shown.stamp = ""  # so that this run gives it the value once more
        return
    if manager.live.took(shown.key, value) or manager.persist_field(shown.form, shown.field, value):
        shown.stamp = stamp_of(manager, shown)
    if not manager.is_unkept_for_now(shown.form, shown.field):
        manager.live.settle(shown.key)


def is_own(manager: SessionManager, shown: ShownField, stamp: str) -> bool:
    """Whether the saved value came from this very tab, which shows it, or something later, already.

    Giving it to the widget would disturb further typing.
    """
    if manager.live.is_own(shown.key, stamp):
        return True
    # What was entered after the note, such as the same text brought back by an undo, is on no screen yet.
    note = current_draft(manager.session, shown.form, shown.field)
    if note is None or not note.on_screen:
        return False
    here = element_id(shown.key)
    return note.widget == here or not (note.widget and here)  # another widget of the field may be on the page


def say_problem(
    manager: SessionManager, form: str, field: str, problem: KeepError | None, refused: KeepError | None = None
) -> None:
    """Say under a widget what was not kept, not taken or not shown."""
    not_kept = manager.not_kept.get((form, field))
    if not_kept:
        say_refused(not_kept)
    elif refused is not None:
        st.warning(words()("misfit.not_taken"), icon=":material/info:")
    elif problem is not None:
        say = words()
        said = problem.said(say) if isinstance(problem, MisfitError) else str(problem)
        st.warning(f"{plain(said)} {say('misfit.stays')}", icon=":material/info:")
    else:
        say_unreadable(manager, form, field)


def say_unreadable(manager: SessionManager, form: str, field: str) -> None:
    """Say under a widget that what is saved can't be read now, as without its encryption key, where that is so."""
    if field_path(form, field) in manager.session.unreadable:
        st.warning(words()("misfit.unreadable"), icon=":material/info:")


def say_refused(reason: str) -> None:
    """Say under a widget why its value was not kept."""
    st.error(words()("misfit.refused", reason=plain(reason)), icon=":material/error:")


def stamp_of(manager: SessionManager, shown: ShownField) -> str:
    """The stamp of what is saved in a widget's field, empty for nothing."""
    return manager.session.stamps.get(field_path(shown.form, shown.field), "")


def _controlled(function: Callable[..., R], kind: Kind) -> Callable[..., R]:
    """Return a widget function of Streamlit's with `form` and `field`, which say where its value is stored."""
    widget = _Controlled(function, kind)

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


text_input: Callable[..., str | None] = _controlled(st.text_input, kinds.TEXT)
text_area: Callable[..., str | None] = _controlled(st.text_area, kinds.TEXT)
number_input: Callable[..., Any] = _controlled(st.number_input, ranges.NUMBER)
slider: Callable[..., Any] = _controlled(st.slider, ranges.SLIDER)
selectbox: Callable[..., Any] = _controlled(st.selectbox, choices.CHOICE)
radio: Callable[..., Any] = _controlled(st.radio, choices.CHOICE)
multiselect: Callable[..., list[Any]] = _controlled(st.multiselect, choices.CHOICES)
select_slider: Callable[..., Any] = _controlled(st.select_slider, choices.STEPS)
pills: Callable[..., Any] = _controlled(st.pills, choices.SEGMENTS)
segmented_control: Callable[..., Any] = _controlled(st.segmented_control, choices.SEGMENTS)
checkbox: Callable[..., bool] = _controlled(st.checkbox, kinds.TICK)
toggle: Callable[..., bool] = _controlled(st.toggle, kinds.TICK)
date_input: Callable[..., Any] = _controlled(st.date_input, ranges.DATE)
time_input: Callable[..., Any] = _controlled(st.time_input, ranges.TIME)
datetime_input: Callable[..., Any] = _controlled(st.datetime_input, ranges.MOMENT)
color_picker: Callable[..., str] = _controlled(st.color_picker, kinds.COLOUR)
feedback: Callable[..., int | None] = _controlled(st.feedback, kinds.FEEDBACK)
pagination: Callable[..., int] = _controlled(st.pagination, kinds.PAGES)
