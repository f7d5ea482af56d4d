"""The widgets of an open tab: enough to tell an edit from a stale echo in a browser's message.

With every message the browser sends the states of all its widgets. What it sent before, or was given to show, is no
edit: taking it for one would put an old value over what another tab saved since.

A value that the browser was given is in flight for a moment, and a message sent meanwhile still has the one before.
That is a stale echo where something else made the browser send the message. Where nothing else did, this widget was
touched: somebody chose the earlier value again. Once a message has shown the value that was given, whatever differs
from it was chosen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from core.errors import KeepError, NotAllowedError, SignedOutError
from core.state.equality import same
from core.state.text_rules import UntakenTextError
from core.streamlit_compat.messages import ClientMessage, FormPart, WidgetState, is_press, key_of
from core.streamlit_compat.widgets import Reader
from core.web.page_report import PageReport

_NOTHING: Final = object()
_MOST_AHEAD = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One widget got one value. `key` is the widget's."""

    key: str
    form: str
    field: str
    value: Any
    sent: bool = False
    """True if it was sent away, with a form that the browser clears: the field is empty again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDiff:
    """The changes that one message of the browser brought."""

    edits: Sequence[Edit] = ()
    rejected: Collection[str] = ()
    """The ids of the states that their widgets would not take, or that belong to elements no longer shown."""


@dataclass(frozen=True, slots=True)
class Partly:
    """The part of a state that its widget takes, and why it takes no more: returned by a reader."""

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

_Change = tuple[str, WidgetState, Any]
"""A widget's key, its state, and the value that the script gets for it."""


@dataclass(slots=True, kw_only=True)
class _Widget:
    """The exchange about one widget: what it was given, what the browser has sent, and what became of that.

    What a run knows of the field is in `ShownField`: a table's field has a new widget whenever others change it.
    """

    form: str
    field: str
    element: str
    """The id of the element it is on the page; empty where its key says enough."""
    read: Reader
    refuse: Callable[[Any], KeepError | None]
    batched: bool
    st_form: str
    in_flight: Sequence[Any] = ()
    """The values that the browser may show until it has shown the last of them, which it was given; the oldest first.
    Empty once it has, or has something that was chosen since."""
    sent: WidgetState | None = None
    value: Any = _NOTHING
    """The value of `sent`, as the script gets it."""
    standing: Literal["settled", "pending", "stale"] = "settled"
    """Of what was sent last: an edit that is not durable yet is pending, an old view is stale."""
    ahead: Sequence[Any] = ()
    """The edits that were made durable before their callbacks ran, the oldest first."""
    stamp: str | None = None
    """The stamp of its last edit."""
    refused: KeepError | None = None
    """The reason why the last thing sent for it was refused, until its page says so."""

    def give(self, value: Any) -> None:
        before = self.in_flight or ([] if self.value is _NOTHING else [self.value])
        self.in_flight = [*(each for each in before if not same(each, value)), value]
        self.ahead = ()

    def holds(self, state: WidgetState, value: Any, *, is_edit: bool) -> None:
        """Take note that the browser has what it was given, or something that was chosen since."""
        self.sent, self.value, self.standing = state, value, "pending" if is_edit else "settled"
        self.in_flight = ()

    def settle(self) -> None:
        if self.standing == "pending":
            self.standing = "settled"


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
        """Tells if `keep` is asked about every message that makes the server do something, without edits too."""
        self._keep, self._keep_drafts = keep, keep_drafts
        self._lock = threading.Lock()
        self._widgets: dict[str, _Widget] = {}
        self.untaken: Mapping[tuple[str, str], KeepError] = {}
        """The reasons why fields of this page show something that isn't kept, by form and field, as of the newest
        message."""
        self.turned_away = False
        """True if an upload was turned away for want of room, and the page has not said so yet."""
        self.sought: set[str] = set()
        """The ids of uploads that Streamlit's own widgets have named, and that were looked for."""
        self._last: Mapping[str, WidgetState] = {}
        """The states of the last message, by id."""
        self._clearing: dict[str, bool] = {}
        self._buttons: dict[str, str] = {}
        self.describe: Callable[[str], Mapping[str, Any]] = lambda _session_id: {}
        """Tells the page's script what is kept, by Streamlit's id of its session. For the event loop's own thread."""
        self.report = PageReport()
        self._own: set[str] = set()
        self._own_now: set[str] = set()
        self.has_dialog = False
        """True if a dialog was open on the page when the newest message was sent."""
        self.page = ""
        """The page that the last run has shown, by the name the browser's messages give it."""

    # What runs show

    def show(
        self,
        key: str,
        *,
        form: str,
        field: str,
        read: Reader,
        refuse: Callable[[Any], KeepError | None],
        value: Any,
        given: bool,
        batched: bool = False,
        element: str = "",
        st_form: str = "",
    ) -> None:
        """Take note that a run shows a widget with a value. `given`: the value came from the server, not the browser.

        `refuse` returns why the widget may not hold a value, which a forged message need not respect. `batched`: it
        sends no message of its own, as in a form that is submitted: `st_form` is the key of that. `element` is the id
        of what the widget is on the page: what the browser says of another one is no edit, for nobody sees that now.
        """
        self.note_own(key)
        with self._lock:
            widget = self._widgets.get(key)
            if widget is None or widget.element != element:
                given = True
                widget = self._widgets[key] = _Widget(
                    form=form, field=field, element=element, read=read, refuse=refuse, batched=batched, st_form=st_form
                )
            widget.form, widget.field, widget.read, widget.refuse = form, field, read, refuse
            widget.batched, widget.st_form = batched, st_form
            if given:
                widget.give(value)

    def forget(self, key: str) -> None:
        """Take nothing in any more for a widget that another one has replaced."""
        with self._lock:
            self._widgets.pop(key, None)

    def shows(self, key: str) -> bool:
        """Return True if a widget of this key is one whose value a field keeps."""
        with self._lock:
            return key in self._widgets

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

    def note_shown(self, ids: Collection[str]) -> None:
        """Take note of the widgets that the page consists of now: what another one held is gone.

        A key may be another widget's now, of which nobody knows anything here.
        """
        self.report.note_shown(ids)
        with self._lock:
            self._own = set(self._own_now)
            for key in {key_of(each) or "" for each in ids} & self._widgets.keys() - self._own:
                del self._widgets[key]

    # What the browser sends

    def read_again(self, message: ClientMessage) -> MessageDiff:
        """Like `read`, for a message that the browser has sent twice: by another way, late, or after newer ones."""
        if message.number and message.number < self.report.number:
            return MessageDiff()
        return self.read(message, full_resend=not message.number or message.number == self.report.number)

    def read(self, message: ClientMessage, *, full_resend: bool = False) -> MessageDiff:
        """Tell what was changed from what was there before, each state once, and what no widget may be changed to.

        `full_resend`: the browser sends all it holds because it has connected again, or says again what it said.
        """
        edits: list[Edit] = []
        rejected: set[str] = set()
        with self._lock:
            self.has_dialog = message.has_dialog
            last, self._last = self._last, {state.id: state for state in message.states}
            others = {name for name, state in self._last.items() if last.get(name, state) != state}
            pressed = {state.id for state in message.states if is_press(state)}
            submitted = {self._buttons[button] for button in pressed & self._buttons.keys()}
            cleared = {form for form in submitted if self._clearing.get(form)}
            changed, stale = self._changes(message, rejected, cleared)
            chosen = [] if full_resend else self._chosen(message, changed, stale, others)
            for key, state, value in stale:
                widget = self._widgets[key]
                widget.sent, widget.value, widget.standing = state, value, "stale"
            for key, state, value in [*changed, *chosen]:
                widget = self._widgets[key]
                reason = _attempt(widget.refuse, value)
                if isinstance(reason, KeepError):
                    rejected.add(state.id)
                    widget.refused = reason
                    continue
                widget.holds(state, value, is_edit=True)
                others.add(state.id)
                is_sent = widget.st_form in cleared
                edits.append(Edit(key=key, form=widget.form, field=widget.field, value=value, sent=is_sent))
            sent = {*others, *pressed, *submitted}
            self.report.note_message(
                message, last, own=self._own, forms=self._clearing, sent=sent, has_edits=bool(edits)
            )
        return MessageDiff(edits=edits, rejected=rejected)

    def _changes(
        self, message: ClientMessage, rejected: set[str], cleared: Collection[str]
    ) -> tuple[Sequence[_Change], Sequence[_Change]]:
        """Split changed widget states into new values and stale echoes of a value the server has just replaced."""
        changed: list[_Change] = []
        stale: list[_Change] = []
        for state in message.states:
            key = key_of(state.id) or ""
            widget = self._widgets.get(key)
            if widget is None:
                continue
            if widget.element not in ("", state.id):
                rejected.add(state.id)
                continue
            is_news = widget.standing == "pending" or widget.st_form in cleared
            if widget.sent == state and not widget.in_flight and not is_news:
                continue
            value = _attempt(widget.read, state)
            if isinstance(value, KeepError):
                value = Partly(_NOTHING, value)
            if isinstance(value, Partly):
                rejected.add(state.id)
                widget.refused, value = value.reason, value.value
                if value is _NOTHING or (same(value, widget.value) and not is_news):
                    continue
            if widget.in_flight and widget.st_form not in cleared:
                *before, given = widget.in_flight
                if same(value, given):
                    widget.holds(state, value, is_edit=False)
                    continue
                if any(same(value, each) for each in before):
                    stale.append((key, state, value))
                    continue
            changed.append((key, state, value))
        return changed, stale

    def _chosen(
        self, message: ClientMessage, changed: Sequence[_Change], stale: Sequence[_Change], others: Collection[str]
    ) -> Sequence[_Change]:
        """Return those of the stale echoes that made the browser send this message: they were chosen again.

        `others` are the ids of the states that differ from those of the last message.
        """
        if not stale or message.by_itself or (message.page and self.page and message.page != self.page):
            return ()
        pressed = [state for state in message.states if is_press(state)]
        if pressed:
            submits = any(state.trigger_value and key_of(state.id) not in self._own for state in pressed)
            return [change for change in stale if submits and self._widgets[change[0]].batched]
        is_alone = len(stale) == 1 and not changed and all(key_of(each) in self._widgets for each in others)
        return [change for change in stale if is_alone and not self._widgets[change[0]].batched]

    # What becomes of it

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
                widget = self._widgets.get(edit.key)
                if widget is None:
                    continue
                if stamps is None:
                    widget.ahead = ()
                    continue
                widget.settle()
                widget.stamp = stamps[edit.key]
                widget.ahead = [*widget.ahead, edit.value][-_MOST_AHEAD:]
        return stamps is not None

    def keep_drafts(self, message: ClientMessage, edits: Sequence[Edit]) -> None:
        """Keep what the page shows and has sent as no edit, for the run that follows. Raises as its KeepDrafts does."""
        untaken: dict[tuple[str, str], KeepError] = {}
        with self._lock:
            for each in self.report.unsent:
                widget = self._widgets.get(key_of(each.id) or "")
                if widget is not None and widget.element in ("", each.id) and not each.form:
                    untaken[widget.form, widget.field] = UntakenTextError("typed.not_here")
        self.untaken = {**untaken, **(self._keep_drafts(message.drafts, edits) if message.drafts else {})}

    def settle(self, key: str) -> None:
        """Take note that nothing is left to be done for what was sent last: it was kept otherwise, or refused."""
        with self._lock:
            if key in self._widgets:
                self._widgets[key].settle()

    def take_refused(self, key: str) -> KeepError | None:
        """Hand over, once, why the last thing sent for a widget was refused. Its page may show that thing."""
        with self._lock:
            if key not in self._widgets:
                return None
            refused, self._widgets[key].refused = self._widgets[key].refused, None
            return refused

    def took(self, key: str, value: Any) -> bool:
        """Return True if this edit was made durable when it arrived. Asked by the widget's callback, in its order."""
        with self._lock:
            if key not in self._widgets:
                return False
            widget = self._widgets[key]
            place = next((place for place, kept in enumerate(widget.ahead) if same(kept, value)), None)
            if place is not None:
                widget.ahead = widget.ahead[place + 1 :]
            return place is not None

    def is_old_view(self, key: str, value: Any) -> bool:
        """Return True if what the browser sent for a widget is a stale echo of another value, so no edit."""
        with self._lock:
            widget = self._widgets.get(key)
            return widget is not None and widget.standing == "stale" and same(value, widget.value)

    def is_own(self, key: str, stamp: str) -> bool:
        """Return True if a stamp is that of the widget's last edit in this very tab."""
        with self._lock:
            return key in self._widgets and self._widgets[key].stamp == stamp


def _attempt(of: Callable[[Any], Any], argument: Any) -> Any:
    """Call what reads or judges what a browser sent. Returns a KeepError where that is nothing it would send."""
    try:
        return of(argument)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        return KeepError(str(error))
