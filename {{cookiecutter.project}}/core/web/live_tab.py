"""What the server knows of an open tab's widgets: enough to tell an edit from an old view in a browser's message.

With every message the browser sends the states of all its widgets. What it sent before, or was given to show, is no
edit: taking it for one would put an old value over what another tab saved since.

A value that the browser was given is on its way for a moment, and a message sent meanwhile still has the one before.
That is an old view where something else made the browser send the message. Where nothing else did, this widget was
touched: somebody chose the earlier value again. Once a message has shown the value that was given, whatever differs
from it was chosen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.errors import KeepError, NotAllowedError, SignedOutError
from core.state.equality import same
from core.state.text_rules import UntakenTextError
from core.streamlit_compat.messages import FormPart, Told, Unsent, WidgetState, is_press, key_in, key_of
from core.streamlit_compat.widgets import Reader

_NOTHING: Final = object()
_MOST_UNTAKEN = 100
_REMEMBERED = 20
"""Messages for which is remembered what was sent with them, though it is on the page no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One widget got one value. `key` is the widget's."""

    key: str
    form: str
    field: str
    value: Any
    sent: bool = False
    """Whether it was sent away, with a form that the browser clears: the field is empty again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What one message of the browser brought."""

    edits: Sequence[Edit]
    unfit: Collection[str]
    """The ids of the states that their widgets would not take, or that belong to elements no longer shown."""


NOTHING = Arrived(edits=(), unfit=())


@dataclass(frozen=True, slots=True)
class Partly:
    """What a reader returns for a state of which its widget takes only a part: that part, and why no more."""

    value: Any
    reason: KeepError


Keep = Callable[[Sequence[Edit]], Mapping[str, str] | None]
"""Makes edits durable and returns the stamp of each by its key, or None when that couldn't be done.

Raises NotAllowedError where the person may not see the page any more, SignedOutError, and StoreUnavailableError where
neither is known now.
"""

KeepDrafts = Callable[[Sequence[Mapping[str, Any]], Sequence[Edit]], Mapping[tuple[str, str], KeepError]]
"""Makes what came as drafts with edits durable, unless an edit has it. Returns why it couldn't, by form and field.

Raises SignedOutError, and StoreUnavailableError where it isn't known whether the person is signed in.
"""

Refuse = Callable[[Any], KeepError | None]
"""Says why a widget may not hold a value, None if it may."""

_Change = tuple[str, WidgetState, Any]
"""A widget's key, its state, and the value that the script gets for it."""


@dataclass(slots=True, kw_only=True)
class _Widget:
    form: str
    field: str
    element: str
    """The id of the element it is on the page; empty where its key says enough."""
    read: Reader
    refuse: Refuse
    waits: bool
    st_form: str
    given: Any = _NOTHING
    """What the server gave it to show, until the browser has shown that, or something that was chosen since."""
    earlier: Sequence[Any] = ()
    """What the browser may show instead as long as that is on its way: what it had before."""
    sent: WidgetState | None = None
    value: Any = _NOTHING
    """What was sent last, as the script gets it."""
    crossed: Any = _NOTHING
    """The same where it was an old view."""
    is_owed: bool = False
    """Whether what was sent last is an edit that is not durable yet."""

    def give(self, value: Any) -> None:
        had = self.value if self.given is _NOTHING else self.given
        earlier = (*self.earlier, had) if had is not _NOTHING else ()
        self.earlier = tuple(each for each in earlier if not same(each, value))
        self.given = value

    def holds(self, state: WidgetState, value: Any, *, is_edit: bool) -> None:
        """Take note that the browser has what it was given, or something that was chosen since."""
        self.sent, self.value, self.is_owed = state, value, is_edit
        self.given = self.crossed = _NOTHING
        self.earlier = ()


class LiveTab:
    """The controlled widgets of one tab. Its run shows them, and the connection's thread reads what they become."""

    def __init__(
        self,
        keep: Keep,
        *,
        session_id: str,
        is_guarded: Callable[[], bool] = lambda: False,
        keep_drafts: KeepDrafts = lambda _drafts, _edits: {},
    ) -> None:
        self.session_id = session_id
        self.is_guarded = is_guarded
        """Whether `keep` is asked about every message that makes the server do something, without edits too."""
        self._keep, self._keep_drafts = keep, keep_drafts
        self._lock = threading.Lock()
        self._widgets: dict[str, _Widget] = {}
        self._untaken: dict[str, list[Any]] = {}
        self._stamps: dict[str, str] = {}
        self._refused: dict[str, KeepError] = {}
        self.untaken: Mapping[tuple[str, str], KeepError] = {}
        """Why fields of this page show something that isn't kept, by form and field, as of the newest message."""
        self.turned_away = False
        """Whether an upload was turned away for want of room, and the page has not said so yet."""
        self._last: Sequence[WidgetState] = ()
        self._clearing: dict[str, bool] = {}
        self._buttons: dict[str, str] = {}
        self.describe: Callable[[str], Mapping[str, Any]] = lambda _session_id: {}
        """Tells the page's script what is kept, by Streamlit's id of its session. For the event loop's own thread."""
        self._plain: dict[str, int] = {}
        self._pressed = 0
        self._heard: dict[str, int] = {}
        self._own: set[str] = set()
        self._own_now: set[str] = set()
        self._unsent: Sequence[Unsent] = ()
        self.has_plain_state = False
        """Whether the page, as it was shown last, holds something that is not kept."""
        self.number = 0
        """The number of the newest message that arrived, as the page's script counts them."""
        self.page = ""
        """The page that the last run has shown, by the name the browser's messages give it."""

    def show(
        self,
        key: str,
        *,
        form: str,
        field: str,
        read: Reader,
        refuse: Refuse,
        value: Any,
        given: bool,
        waits: bool = False,
        element: str = "",
        st_form: str = "",
    ) -> None:
        """Take note that a run shows a widget with a value. `given`: the value came from the server, not the browser.

        `refuse` says why the widget may not hold a value, which a forged message need not respect. `waits`: it sends
        no message of its own, as in a form that is submitted: `st_form` is the key of that. `element` is the id of what
        the widget is on the page: what the browser says of another one is no edit, for nobody sees that any more.
        """
        with self._lock:
            widget = self._widgets.get(key)
            if widget is None or widget.element != element:
                given = True
                widget = _Widget(
                    form=form, field=field, element=element, read=read, refuse=refuse, waits=waits, st_form=st_form
                )
                self._widgets[key] = widget
            self._note_own(key)
            widget.form, widget.field, widget.read, widget.refuse = form, field, read, refuse
            widget.waits, widget.st_form = waits, st_form
            if given:
                widget.give(value)
                self._untaken.pop(key, None)

    def note(self, part: FormPart) -> None:
        """Take note of a form, or of a button of one, that the browser is sent."""
        with self._lock:
            if part.button:
                self._buttons[part.button] = part.form
            else:
                self._clearing[part.form] = part.clears

    def note_own(self, key: str) -> None:
        """Take note that what is under this key is the project's own on this page, or is kept by it."""
        with self._lock:
            self._note_own(key)

    def _note_own(self, key: str) -> None:
        self._own.add(key)
        self._own_now.add(key)

    def own_keys(self, *, in_run: bool) -> frozenset[str]:
        """Return the keys of what is the project's own: in what a run has shown so far, or on the page."""
        with self._lock:
            return frozenset(self._own_now if in_run else self._own)

    def begin_run(self) -> None:
        """Take note that a run of the whole page begins: what the last one has shown is there until it ends."""
        with self._lock:
            self._own_now = set()

    def forget(self, key: str) -> None:
        """Take nothing in any more for a widget that another one has replaced."""
        with self._lock:
            self._widgets.pop(key, None)

    def has(self, key: str) -> bool:
        """Whether a run has shown a widget of this key as a controlled one."""
        with self._lock:
            return key in self._widgets

    def read_again(self, told: Told) -> Arrived:
        """Like `read`, for a message that the browser has sent twice: by another way, late, or after newer ones."""
        if told.number and told.number < self.number:
            return NOTHING
        return self.read(told, anew=not told.number or told.number == self.number)

    def read(self, told: Told, *, anew: bool = False) -> Arrived:
        """Tell what was changed from what was there before, each state once, and what no widget may be changed to.

        `anew`: the browser sends all it holds because it has connected again, or says again what it said.
        """
        edits: list[Edit] = []
        unfit: set[str] = set()
        edited: list[str] = []
        with self._lock:
            self.number = max(self.number, told.number)
            pressed = {state.id for state in told.states if is_press(state)}
            submitted = {self._buttons[button] for button in pressed & self._buttons.keys()}
            cleared = {form for form in submitted if self._clearing.get(form)}
            changed, crossed = self._changes(told, unfit, cleared)
            chosen = [] if anew else self._chosen(told, changed, crossed)
            for key, state, value in crossed:
                widget = self._widgets[key]
                widget.sent, widget.value, widget.crossed = state, value, value
            for key, state, value in [*changed, *chosen]:
                widget = self._widgets[key]
                reason = _attempt(widget.refuse, value)
                if isinstance(reason, KeepError):
                    unfit.add(state.id)
                    self._refused[key] = reason
                    continue
                widget.holds(state, value, is_edit=True)
                sent = widget.st_form in cleared
                edited.append(state.id)
                edits.append(Edit(key=key, form=widget.form, field=widget.field, value=value, sent=sent))
            if edits:
                self._plain, self._pressed = {}, 0
            self._note_plain(told)
            self._note_heard(told, {*pressed, *submitted, *edited})
            self._last = told.states
        return Arrived(edits=edits, unfit=unfit)

    def _note_plain(self, told: Told) -> None:
        """Note what was entered into a widget that is none of ours, or may have been changed by a button."""
        last, number = {state.id: state for state in self._last}, max(self.number, 1)
        for state in told.states:
            key = key_of(state) or ""
            if key in self._own:
                continue
            if is_press(state):
                self._pressed = number
            elif last[state.id] != state if state.id in last else state.id in told.touched:
                self._plain[key or state.id] = number

    def _note_heard(self, told: Told, sent: Collection[str]) -> None:
        """Note what the page has not sent yet, with this message or one before it. `sent` are widgets and forms."""
        last = {state.id: state for state in self._last}
        changed = [state.id for state in told.states if last.get(state.id, state) != state]
        shown = {*(state.id for state in told.states), *self._clearing}
        newest = told.number - _REMEMBERED
        self._heard = {name: number for name, number in self._heard.items() if name in shown or number > newest}
        self._heard |= dict.fromkeys([*changed, *sent], told.number)
        self._unsent = [
            each
            for each in told.unsent
            if max(self._heard.get(each.id, 0), self._heard.get(each.form, 0)) <= each.number
        ]

    def note_kept(self, key: str | None = None) -> None:
        """Take note that a run has kept what a button has done, and what a plain widget of this key holds."""
        with self._lock:
            self._pressed = 0
            self._plain = {name: number for name, number in self._plain.items() if name != key}

    def note_saved(self) -> None:
        """Take note that a form was saved as a whole, later than all that was entered elsewhere."""
        with self._lock:
            self._plain, self._pressed = {}, 0

    def note_shown(self, ids: Collection[str]) -> None:
        """Take note of the widgets that the page consists of now: what another one held is gone.

        A key may be another widget's now, of which nobody knows anything here.
        """
        with self._lock:
            self._unsent = [each for each in self._unsent if each.id in ids]
            self._own = set(self._own_now)
            for key in {key_in(each) or "" for each in ids} & self._widgets.keys() - self._own:
                del self._widgets[key]

    def report(self) -> dict[str, Any]:
        """Return what the page's script is told of its messages.

        `seen` is the number of the newest one. `elsewhere` is that of the last with which something was entered that
        nobody keeps, 0 if something was kept since. `unsent` are the widgets that the page still has to send.
        """
        with self._lock:
            pressed = self._pressed if self.has_plain_state else 0
            elsewhere = max([pressed, *self._plain.values()])
            return {"seen": self.number, "elsewhere": elsewhere, "unsent": [each.id for each in self._unsent]}

    def _changes(self, told: Told, unfit: set[str], cleared: Collection[str]) -> tuple[list[_Change], list[_Change]]:
        """What differs from what the browser had, and what of that it had just before it was given something else."""
        changed: list[_Change] = []
        crossed: list[_Change] = []
        for state in told.states:
            key = key_of(state)
            widget = self._widgets.get(key) if key else None
            if key is None or widget is None:
                continue
            if widget.element not in ("", state.id):
                unfit.add(state.id)
                continue
            is_sent = widget.st_form in cleared
            if widget.sent == state and widget.given is _NOTHING and not widget.is_owed and not is_sent:
                continue
            value = _attempt(widget.read, state)
            if isinstance(value, KeepError | Partly):
                unfit.add(state.id)
                self._refused[key] = value.reason if isinstance(value, Partly) else value
            if isinstance(value, Partly):
                value = value.value
                if not widget.is_owed and not is_sent and same(value, widget.value):
                    continue
            if isinstance(value, KeepError):
                continue
            if is_sent:
                changed.append((key, state, value))
            elif widget.given is not _NOTHING and same(value, widget.given):
                widget.holds(state, value, is_edit=False)
            elif any(same(value, each) for each in widget.earlier):
                crossed.append((key, state, value))
            else:
                changed.append((key, state, value))
        return changed, crossed

    def _chosen(self, told: Told, changed: Sequence[_Change], crossed: Sequence[_Change]) -> Sequence[_Change]:
        """What of that was chosen again: all that made the browser send this message."""
        if not crossed or told.by_itself or (told.page and self.page and told.page != self.page):
            return ()
        pressed = [state for state in told.states if is_press(state)]
        if pressed:
            submits = any(state.trigger_value and key_of(state) not in self._own for state in pressed)
            return [change for change in crossed if submits and self._widgets[change[0]].waits]
        is_alone = len(crossed) == 1 and not changed and not self._other_changed(told)
        return [change for change in crossed if is_alone and not self._widgets[change[0]].waits]

    def _other_changed(self, told: Told) -> bool:
        """Whether a widget that nothing is known of is another than in the last message."""
        last = {state.id: state for state in self._last}
        return any(
            state.id in last and last[state.id] != state and key_of(state) not in self._widgets for state in told.states
        )

    def take_refused(self, key: str) -> KeepError | None:
        """Hand over, once, why the last thing sent for a widget was refused. Its page may show that thing."""
        if not self._refused:
            return None
        with self._lock:
            return self._refused.pop(key, None)

    def keep(self, edits: Sequence[Edit]) -> bool:
        """Make edits durable, all in one step. What can't be kept now is left to the widget's callback.

        Raises what its `Keep` raises.
        """
        try:
            stamps = self._keep(edits)
        except (NotAllowedError, SignedOutError):
            for edit in edits:
                self.settle(edit.key)
            raise
        with self._lock:
            for edit in edits:
                if stamps is None:
                    self._untaken.pop(edit.key, None)
                    continue
                self._settle(edit.key)
                self._stamps[edit.key] = stamps[edit.key]
                waiting = self._untaken.setdefault(edit.key, [])
                waiting.append(edit.value)
                del waiting[:-_MOST_UNTAKEN]
        return stamps is not None

    def keep_drafts(self, told: Told, edits: Sequence[Edit]) -> None:
        """Keep what the page shows and has sent as no edit, for the run that follows. Raises as its KeepDrafts does."""
        untaken: dict[tuple[str, str], KeepError] = {}
        with self._lock:
            for each in self._unsent:
                widget = self._widgets.get(key_in(each.id) or "")
                if widget is not None and widget.element in ("", each.id) and not each.form:
                    untaken[widget.form, widget.field] = UntakenTextError("typed.not_here")
        self.untaken = {**untaken, **(self._keep_drafts(told.drafts, edits) if told.drafts else {})}

    def settle(self, key: str) -> None:
        """Take note that nothing is left to be done for what was sent last: it was kept otherwise, or refused."""
        with self._lock:
            self._settle(key)

    def _settle(self, key: str) -> None:
        if key in self._widgets:
            self._widgets[key].is_owed = False

    def took(self, key: str, value: Any) -> bool:
        """Whether this edit was made durable when it arrived. Asked by the widget's callback, in its order."""
        with self._lock:
            waiting = self._untaken.get(key, [])
            for place, kept in enumerate(waiting):
                if same(kept, value):
                    del waiting[: place + 1]
                    return True
            return False

    def is_old_view(self, key: str, value: Any) -> bool:
        """Whether what the browser sent for a widget crossed a value that was on its way to it, so is no edit."""
        with self._lock:
            widget = self._widgets.get(key)
            return widget is not None and widget.crossed is not _NOTHING and same(value, widget.crossed)

    def is_own(self, key: str, stamp: str) -> bool:
        """Whether a stamp is that of the widget's last edit in this very tab."""
        return self._stamps.get(key) == stamp


def _attempt(of: Callable[[Any], Any], argument: Any) -> Any:
    """Call what reads or judges what a browser sent. Returns a KeepError where that is nothing it would send."""
    try:
        return of(argument)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        return KeepError(str(error))
