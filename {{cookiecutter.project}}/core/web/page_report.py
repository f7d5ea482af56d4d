"""The report to a page's script: which of its messages arrived, what of them nobody keeps, what it has yet to send."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.streamlit_compat.messages import ClientMessage, Unsent, WidgetState, is_press, key_of

_REMEMBERED = 20
"""Messages for which is remembered what was sent with them, though it is on the page no more."""


class PageReport:
    """A page besides its controlled widgets: its messages, its plain widgets and buttons. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.number = 0
        """The number of the newest message that arrived, as the page's script counts them."""
        self.has_plain_state = False
        """True if the page, as it was shown last, holds something that is not kept."""
        self.unsent: Sequence[Unsent] = ()
        """The widgets that the page still has to send."""
        self._plain: dict[str, int] = {}
        """By key or id: the message with which something was entered into a widget that is none of ours."""
        self._pressed = 0
        """The last message with which such a button was pressed."""
        self._heard: dict[str, int] = {}

    def note_message(
        self,
        message: ClientMessage,
        last: Mapping[str, WidgetState],
        *,
        own: Collection[str],
        forms: Collection[str],
        sent: Collection[str],
        has_edits: bool,
    ) -> None:
        """Note what a message entered elsewhere, and what the page has not sent yet, with it or one before it.

        `last` are the states of the message before, `own` the keys of the project's own, `forms` those on the page, and
        `sent` the widgets and forms whose values came with the message.
        """
        with self._lock:
            self.number = max(self.number, message.number)
            if has_edits:
                self._plain, self._pressed = {}, 0
            self._note_plain(message, last, own)
            self._note_unsent(message, forms, sent)

    def _note_plain(self, message: ClientMessage, last: Mapping[str, WidgetState], own: Collection[str]) -> None:
        number = max(self.number, 1)
        for state in message.states:
            key = key_of(state.id) or ""
            if key in own:
                continue
            if is_press(state):
                self._pressed = number
            elif last[state.id] != state if state.id in last else state.id in message.touched:
                self._plain[key or state.id] = number

    def _note_unsent(self, message: ClientMessage, forms: Collection[str], sent: Collection[str]) -> None:
        shown, newest = {*(state.id for state in message.states), *forms}, message.number - _REMEMBERED
        self._heard = {name: number for name, number in self._heard.items() if name in shown or number > newest}
        self._heard |= dict.fromkeys(sent, message.number)
        self.unsent = [
            each
            for each in message.unsent
            if max(self._heard.get(each.id, 0), self._heard.get(each.form, 0)) <= each.number
        ]

    def note_shown(self, ids: Collection[str]) -> None:
        """Note which widgets the page consists of now."""
        with self._lock:
            self.unsent = [each for each in self.unsent if each.id in ids]

    def note_kept(self, key: str | None = None) -> None:
        """Note that a run has kept what a button has done, and what a plain widget of this key holds."""
        with self._lock:
            self._pressed = 0
            self._plain = {name: number for name, number in self._plain.items() if name != key}

    def note_saved(self) -> None:
        """Note that a form was saved as a whole, later than all that was entered elsewhere."""
        with self._lock:
            self._plain, self._pressed = {}, 0

    def to_dict(self) -> dict[str, Any]:
        """Return what the page's script is told of its messages.

        `seen` is the number of the newest one. `elsewhere` is that of the last with which something was entered that
        nobody keeps, 0 if something was kept since. `unsent` are the widgets that the page still has to send.
        """
        with self._lock:
            pressed = self._pressed if self.has_plain_state else 0
            elsewhere = max([pressed, *self._plain.values()])
            return {"seen": self.number, "elsewhere": elsewhere, "unsent": [each.id for each in self.unsent]}
