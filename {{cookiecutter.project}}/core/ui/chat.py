"""A chat input that keeps what is typed and not sent yet. Sending it empties the draft.

    if text := ui.chat_input("Your message", form="chat", field="draft"):
        ...

Arguments and return values are Streamlit's. A run may be stopped at any moment, so what must happen with a message is
best done in `on_submit`: the draft is emptied when that has come to its end, and comes back if it hasn't.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from core.errors import NotKeptError
from core.session_manager import MISSING, SessionManager, get_session_manager
from core.state.text_rules import TextRule
from core.state.typed_text import send_fields
from core.streamlit_compat.widgets import WidgetKey
from core.ui import browser
from core.ui.form_context import form_of, say_beneath
from core.ui.keys import widget_key
from core.ui.like import like
from core.ui.restore_value import is_own, known_field, say_problem, stamp_of
from core.ui.widget_specs import TEXT, invalid_value
from core.web.fields import ShownField

_SETTLING_SECONDS = 10.0
"""Time after it was put back in which the browser may have missed a draft: the field's code may still be loading."""


@like(st.chat_input)
def chat_input(
    placeholder: str = "Your message",
    *,
    form: str | None = None,
    field: str,
    key: str | int | None = None,
    max_chars: int | None = None,
    on_submit: Callable[..., object] | None = None,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Show a chat input. `form` and `field` say where the draft is kept; the rest is as in Streamlit."""
    form = form_of(form, field)
    manager = get_session_manager()
    name = str(key or widget_key(form, field))
    shown = known_field(manager, form, field, name)
    draft = manager.field_value(form, field)
    problem = None if draft is MISSING else invalid_value(TEXT, draft, {"value": "", "max_chars": max_chars})
    is_sent = st.session_state.get(name) is not None  # a message, which a draft put in its place would swallow
    if draft is not MISSING and problem is None and not is_sent and _is_news(manager, shown):
        st.session_state[name] = draft
    shown.stamp = stamp_of(manager, shown)

    def sent() -> None:
        if on_submit is not None:
            message = WidgetKey(name).value(None)
            on_submit(*(args or ()), **(kwargs or {}))
            _empty(manager, shown, message)

    message = st.chat_input(placeholder, key=name, max_chars=max_chars, on_submit=sent, **options)
    if message is not None and on_submit is None:
        _empty(manager, shown, message)
    shown.label, shown.rule, shown.was_shown = placeholder, TextRule(kind="text", longest=max_chars), True
    manager.show_field(shown)
    say_problem(manager, form, field, problem)
    say_beneath(form, field)
    return message


def _is_news(manager: SessionManager, shown: ShownField) -> bool:
    """Return whether the draft is on no screen yet. Giving it to the field again would disturb who types on."""
    stamp = stamp_of(manager, shown)
    on_page = WidgetKey(shown.key).value(MISSING) is not MISSING  # Streamlit forgets a field that a run has left out
    if on_page and shown.was_shown and stamp == shown.stamp:
        return time.monotonic() - shown.given_at < _SETTLING_SECONDS
    if on_page and shown.was_shown and is_own(manager, shown, stamp):
        return False
    shown.given_at = time.monotonic()
    return True


def _empty(manager: SessionManager, shown: ShownField, message: Any) -> None:
    # Where it can't be emptied now, what was sent comes back as a draft: its author sees it, and nothing is lost.
    report = browser.reported()  # a callback may come before the first run that knows its tab
    with suppress(NotKeptError):
        entry = {(shown.form, shown.field): getattr(message, "text", message)}
        send_fields(manager.session, entry, tab=report.tab if report else "")
        shown.stamp = stamp_of(manager, shown)
