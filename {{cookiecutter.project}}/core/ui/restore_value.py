"""Restore what a controlled widget shows, and keep what is entered into it.

It shows what is saved where that fits, and its default where it doesn't. Streamlit's state is ahead of that for a
moment only: with what was entered and could not be kept, and with what the app itself has assigned, which is kept
like what a person enters. What is typed here goes on while it is saved, in the very element it is typed into.
"""

from __future__ import annotations

from enum import Enum, auto
from numbers import Real
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from core.errors import KeepError
from core.language import plain
from core.session import REMOVED
from core.session_manager import MISSING, SessionManager, get_session_manager
from core.state.equality import same
from core.state.paths import field_path
from core.state.typed_text import current_draft
from core.streamlit_compat.run import form_around, fragment_run, opens_dialog
from core.streamlit_compat.widgets import WidgetKey
from core.ui.option_ids import OptionIds
from core.ui.times import words
from core.ui.widget_specs import Arguments, InvalidValueError, WidgetSpec, invalid_value
from core.web.fields import ShownField

_CLOCK = ("now", "today")
"""Defaults that go on by themselves: an untouched field keeps the time at which it was shown first, as in Streamlit."""


class Source(Enum):
    """Source of what a widget shows in a run."""

    PAGE = auto()
    """It is on the page as it should be."""
    GIVEN = auto()
    """This run gives it what is saved, or its default."""
    APP = auto()
    """The app has assigned it since it was shown last; it is persisted like an edit."""
    SCRIPT = auto()
    """The script has assigned it before it was ever shown; it is a default."""
    ENTERED = auto()
    """It was entered since the widget was shown last, and is not persisted yet."""
    UNKEPT = auto()
    """It was entered and could not be persisted."""


class WidgetValue:
    """The value of a controlled widget in one run.

    Values are what is stored of them; what Streamlit gets for an option that the page names an id for is the option.
    """

    def __init__(
        self, manager: SessionManager, shown: ShownField, spec: WidgetSpec, arguments: Arguments, ids: OptionIds
    ) -> None:
        self._manager, self._shown, self._spec, self._arguments = manager, shown, spec, arguments
        self._ids, shown.stored = ids, self._stored
        self._default = self._stored(_default_of(spec, arguments))
        self.key = WidgetKey(shown.key)
        self._element = self.key.element()
        self._held = self._stored(self.key.value(MISSING))
        """The value that Streamlit holds before the widget is shown."""
        self._saved: Any = MISSING
        self._source = Source.PAGE
        self._st_form = form_around()
        self.is_silent = bool(self._st_form) or arguments["on_change"] == "ignore"
        """True without a callback, as inside a form: what differs from the run before was entered."""
        self.problem: InvalidValueError | None = None
        """The reason why the saved value can't be shown."""

    def restore(self, *, again: bool) -> None:
        """Make the widget show what is saved; `again` where its page may show something else than it holds."""
        shown, key, is_bound = self._shown, self._shown.key, self._arguments["bind"] is not None
        is_on_page = bool(self._element) and not self.key.has_left() and not opens_dialog()
        if not is_on_page:
            self._manager.catch_up_once(fragment_run())  # what was typed into it may be known to the journal only
        self._look_up()
        if not is_bound and not shown.is_other:
            if self._is_from_app():
                self._source = Source.APP
                return
            if self._held is MISSING and shown.was_shown and self._arguments["persist_state"] != "page":
                self._reset()
        self.problem = None if self._saved is MISSING else self._invalid_value(self._saved)
        before, shown.stamp = shown.stamp, stamp_of(self._manager, shown)
        self._source = self._find_source(before, is_on_page=is_on_page, again=again)
        if self._source is Source.SCRIPT:
            return
        fits = self._saved is not MISSING and self.problem is None
        wanted = self._saved if fits else self._default
        if wanted is MISSING or (self._held is MISSING and not fits and not shown.was_shown):
            return  # Streamlit has the default, or says why there is none
        if self._source is Source.GIVEN:
            st.session_state[key] = self._ids.shown(wanted)
        if not is_bound:
            is_ahead = self._source in (Source.ENTERED, Source.UNKEPT)
            self.key.offer(self._ids.shown(self._held if is_ahead else wanted))

    def settle(self, value: Any) -> Any:
        """Put right and keep what the widget, which was shown now, has returned. Returns what it shows."""
        shown, manager = self._shown, self._manager
        if self.problem is None and self._arguments["bind"] is None:
            value = self._checked(value)
        self.key.settle(self._element)
        element = self.key.element()
        is_new = element != self._element
        # Unless something later was kept meanwhile.
        if self._source is Source.ENTERED and not is_new and stamp_of(manager, shown) == shown.stamp:
            self._keep()
        if manager.unkept_edits.should_retry(shown.form, shown.field):
            self._keep()
        self._announce(value, element, is_new=is_new)
        return self._ids.current(value)

    def changed(self) -> None:
        """Keep the value first, and then do what the page asked for."""
        self._keep()
        on_change = self._arguments["on_change"]
        if callable(on_change):
            on_change(*(self._arguments["args"] or ()), **(self._arguments["kwargs"] or {}))

    def _find_source(self, before: str, *, is_on_page: bool, again: bool) -> Source:
        """Tell where the widget's value comes from; `before` is the stamp of what it showed last."""
        shown, value, saved = self._shown, self._held, self._saved
        fits = saved is not MISSING and self.problem is None
        is_assigned = self.key.is_assigned()
        is_first = not shown.was_shown and not shown.is_other
        if is_first and value is not MISSING and (is_assigned or not self._element) and not fits:
            return Source.SCRIPT
        # Of a default in place of what is saved, and of what the script assigns, it isn't what the page shows.
        is_shown = is_on_page and not shown.is_invalid and not is_assigned
        is_typed_here = is_shown and is_own(self._manager, shown, shown.stamp)
        source = self._ahead() if shown.stamp == before else Source.PAGE
        if value is MISSING or again or shown.is_other:
            return Source.GIVEN
        if fits:
            is_right = same(value, saved) or is_typed_here or source is not Source.PAGE
            # Of a widget that is disabled Streamlit passes over what the browser has just sent, be it from before that.
            is_right = is_right and not (self._arguments["disabled"] and not same(saved, shown.value))
        else:
            is_news = shown.stamp != before and not is_typed_here
            follows = self._default_has_changed() and same(value, shown.default)
            is_apps = saved is MISSING and same(value, shown.value) and not same(value, shown.default)
            is_right = not is_news and not follows and (is_apps or self._invalid_value(value) is None)
        return source if is_right else Source.GIVEN

    def _ahead(self) -> Source:
        """Tell whether what Streamlit holds is ahead of what is saved, which is what it was."""
        shown = self._shown
        if (shown.form, shown.field) in self._manager.not_kept:
            return Source.UNKEPT
        is_new = shown.was_shown and not same(self._held, shown.value) and not same(self._held, self._saved)
        return Source.ENTERED if is_new else Source.PAGE

    def _stored(self, value: Any) -> Any:
        """Return what is stored of what the widget holds."""
        return MISSING if value is MISSING else self._ids.stored(value)

    def _invalid_value(self, value: Any) -> InvalidValueError | None:
        return invalid_value(self._spec, self._ids.shown(value), self._arguments)

    def _look_up(self) -> None:
        self._saved = self._manager.session.values.get(field_path(self._shown.form, self._shown.field), MISSING)

    def _is_from_app(self) -> bool:
        """Return whether the page or its callbacks gave the widget something since it was shown that isn't saved.

        What a script assigns before it has shown the widget once is its default: what is saved comes before it.
        """
        shown, key, disabled, value = self._shown, self._shown.key, self._arguments["disabled"], self._held
        called = self._manager.take_assigned(key)
        if disabled and self._saved is not MISSING and self._default_has_changed():
            value = self._default  # nobody can have entered anything here
            st.session_state[key] = self._ids.shown(value)
            called = True
        # A script that assigns what the widget had anyway, so that Streamlit goes on holding it, gives it nothing.
        is_news = shown.was_shown and not same(value, shown.value)
        is_given = called or ((is_news or disabled) and self.key.is_assigned())
        if not is_given or value is MISSING or same(value, self._saved):
            return False
        self._held = value
        return True

    def _reset(self) -> None:
        """Keep nothing in the field any more: the app has taken the widget's key out of `st.session_state`."""
        if self._saved is not MISSING:
            self._manager.persist_field(self._shown.form, self._shown.field, REMOVED)
            self._look_up()

    def _default_has_changed(self) -> bool:
        value, before = self._arguments.get("value"), self._shown.default
        if not self._shown.was_shown or self._default is MISSING or before is MISSING:
            return False
        return not (isinstance(value, str) and value in _CLOCK) and not same(self._default, before)

    def _checked(self, value: Any) -> Any:
        """Return what the widget returned, put right where a widget that was given nothing got it from elsewhere.

        Where it doesn't show what it was given, that is the problem.
        """
        stored = self._stored(value)
        if self._source not in (Source.GIVEN, Source.APP) or same(stored, self._saved):
            return value
        if self._source is Source.APP:
            if self._invalid_value(stored) is None and _is_alike(stored, self._held):
                self._manager.persist_field(self._shown.form, self._shown.field, stored)
        elif self._saved is not MISSING:
            self.problem = InvalidValueError("field_value.other", value=self._saved)
        elif self._invalid_value(stored) is not None:
            # A page that connects anew sends what it holds before anybody here knows the widget.
            initial = self._spec.initial(self._arguments)
            if not same(stored, self._stored(initial)):
                self.key.put_right(initial)
                return initial
        return value

    def _keep(self) -> None:
        """Make durable what the widget holds, unless it may not hold that."""
        value = self._stored(st.session_state[self._shown.key])
        if self._invalid_value(value) is None and not self._is_same_option(value):
            keep_value(self._manager, self._shown, value)

    def _is_same_option(self, value: Any) -> bool:
        """Return whether an option is the one it was, though as another object, for which Streamlit calls back."""
        if self._ids.of is None:
            return False
        now = self._manager.field_value(self._shown.form, self._shown.field)
        is_kept = self._manager.live.took(self._shown.key, value)
        return is_kept or same(value, self._shown.value if now is MISSING else now)

    def _announce(self, value: Any, element: str, *, is_new: bool) -> None:
        """Make the widget known to those who hear of its edits by other ways than its callback."""
        shown, arguments = self._shown, self._arguments
        shown.label = str(arguments.get("label", shown.field))
        shown.rule = self._spec.rule(arguments)
        shown.value, shown.default = self._stored(value), self._default
        shown.is_invalid, shown.is_other, shown.was_shown = self.problem is not None, False, True
        shown.stamp = stamp_of(self._manager, shown)
        self._manager.show_field(shown)
        read = self.key.reader()
        if read is not None:
            self._manager.live.show(
                shown.key,
                form=shown.form,
                field=shown.field,
                read=lambda state: self._stored(read(state)),
                refuse=self._refuse,
                value=shown.value,
                given=is_new or self._source in (Source.GIVEN, Source.APP, Source.SCRIPT),
                batched=self.is_silent,
                element=element,
                st_form=self._st_form,
            )

    def _refuse(self, value: Any) -> InvalidValueError | None:
        if self._arguments["disabled"]:
            return InvalidValueError("field_value.disabled")
        return self._invalid_value(value)


def _default_of(spec: WidgetSpec, arguments: Arguments) -> Any:
    """Return what a widget shows with nothing saved; MISSING where its arguments allow for nothing."""
    try:
        return spec.initial(arguments)
    except (LookupError, TypeError, ValueError, StreamlitAPIException):
        return MISSING  # Streamlit says what is wrong


def _is_alike(value: Any, assigned: Any) -> bool:
    """Return whether a widget shows what was assigned to it, whatever kind of number or sequence that was."""
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
        is_open = shown.is_invalid and shown.key in manager.shown_fields
        if shown.key in st.session_state and (is_open or manager.field_value(form, shown.field) is MISSING):
            keep_value(manager, shown, shown.stored(st.session_state[shown.key]))


def known_field(manager: SessionManager, form: str, field: str, key: str) -> ShownField:
    """Return what this tab remembers of a widget."""
    known = manager.known_fields.get(key)
    if known is None or known.form != form or known.field != field:
        is_other = known is not None
        known = manager.known_fields[key] = ShownField(key=key, form=form, field=field, is_other=is_other)
    known.needs = manager.needs
    return known


def keep_value(manager: SessionManager, shown: ShownField, value: Any, *, key: str = "") -> None:
    """Make a widget's value durable, unless that was done when it arrived. `key` is that of its element, if another."""
    key = key or shown.key
    if manager.live.is_old_view(key, value):
        shown.stamp = ""  # so that this run gives it the value once more
        return
    if manager.live.took(key, value) or manager.persist_field(shown.form, shown.field, value):
        shown.stamp = stamp_of(manager, shown)
    if not manager.unkept_edits.is_for_now(shown.form, shown.field):
        manager.live.settle(key)


def is_own(manager: SessionManager, shown: ShownField, stamp: str) -> bool:
    """Return whether the saved value came from this very tab, which shows it, or something later, already.

    Giving it to the widget would disturb further typing.
    """
    if manager.live.is_own(shown.key, stamp):
        return True
    # What was entered after the note, such as the same text brought back by an undo, is on no screen yet.
    note = current_draft(manager.session, shown.form, shown.field)
    if note is None or not note.on_screen:
        return False
    here = WidgetKey(shown.key).element()
    return note.widget == here or not (note.widget and here)  # another widget of the field may be on the page


def say_problem(
    manager: SessionManager, form: str, field: str, problem: KeepError | None, refused: KeepError | None = None
) -> None:
    """Say under a widget what was not kept, not taken, not shown or can't be read, as without its encryption key."""
    if not_kept := manager.not_kept.get((form, field)):
        st.error(words()("field_value.refused", reason=plain(not_kept)), icon=":material/error:")
    elif refused is not None:
        st.warning(words()("field_value.not_taken"), icon=":material/info:")
    elif problem is not None:
        say = words()
        said = problem.said(say) if isinstance(problem, InvalidValueError) else str(problem)
        st.warning(f"{plain(said)} {say('field_value.stays')}", icon=":material/info:")
    elif field_path(form, field) in manager.session.unreadable:
        st.warning(words()("field_value.unreadable"), icon=":material/info:")


def stamp_of(manager: SessionManager, shown: ShownField) -> str:
    """Return the stamp of what is saved in a widget's field, empty for nothing."""
    return manager.session.stamps.get(field_path(shown.form, shown.field), "")
