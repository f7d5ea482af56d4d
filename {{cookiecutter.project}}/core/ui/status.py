"""The save status in the page's corner, and the outbox that keeps in the browser what is being typed.

Both belong to one component. It is mounted where the run ends, because only then all fields of the page are known, in
a place made at the run's start, so that it stays where it is on every page.
"""

from __future__ import annotations

import inspect
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import StopException, add_script_run_ctx, get_script_run_ctx

from core.services import Services, get_services
from core.session_manager import SessionManager
from core.state.drafts import TextRule
from core.state.paths import join_path
from core.ui.times import words, zone
from core.web.address import app_folder
from core.web.fields import ShownField
from core.web.grants import Grant, owner_tag
from core.web.protocol import widget_id
from core.words import Words

_KEY = "keep-status-line"
_HTML = '<div><time></time><button type="button" hidden></button></div><span role="status"></span>'
_FOLDER = Path(__file__).parent
_STOP = inspect.unwrap(st.stop).__code__
_SCRIPTS = ("draft_storage.js", "last_message.js", "text_fields.js", "outbox.js", "open_fields.js", "status.js")


@contextmanager
def save_status(manager: SessionManager) -> Iterator[None]:
    """Say truly, around all that a page shows, whether it is kept; and keep what is typed into its fields."""
    place = st.container(key="keep-status", width="content")
    if manager.live.turned_away:
        manager.live.turned_away = False
        st.toast(words()("files.no_room"), icon=":material/error:", duration="infinite")
    try:
        yield
    except StopException as stopped:
        if _by_the_page(stopped):
            _mount_though_stopped(place, manager)  # what the page shows so far is kept like any other
        raise
    else:
        _mount(place, manager)


def _by_the_page(stopped: StopException) -> bool:
    """Whether the page called `st.stop()`. Otherwise another run has begun, and the session's state belongs to that."""
    return any(frame.f_code is _STOP for frame, _ in traceback.walk_tb(stopped.__traceback__))


def _mount_though_stopped(place: DeltaGenerator, manager: SessionManager) -> None:
    """Streamlit takes nothing more from the thread of a script that was stopped, and from another one it does."""
    context = copy_context()
    thread = threading.Thread(target=context.run, args=(_mount, place, manager))
    add_script_run_ctx(thread, get_script_run_ctx())
    thread.start()
    thread.join()


def _mount(place: DeltaGenerator, manager: SessionManager) -> None:
    component = st.components.v2.component("keep_status", html=_HTML, js=_script(), isolate_styles=False)
    with place:
        component(key=_KEY, data=_data(get_services(), manager), width="content", on_wanted_change=_noted)


def _noted() -> None:
    """The browser asked for a run, and this is one."""


def _data(services: Services, manager: SessionManager) -> dict[str, Any]:
    say = words()
    secret = services.settings.secret_key.get_secret_value()
    cookie = manager.identity.token_hash is not None
    fields = manager.shown_fields.values() if cookie else ()
    return {
        "base": app_folder(),
        "tab": manager.session.tab_id,
        "connection": manager.connection,
        "who": owner_tag(manager.session.session_id, secret),
        "cookie": cookie,
        "fields": {widget_id(shown.key): _field(manager, shown, shown.rule, secret) for shown in fields if shown.rule},
        "status": _status(services, manager),
        "words": _words(say, manager),
        "zone": str(zone(manager.session)),
        "locale": say.language,
    }


def _field(manager: SessionManager, shown: ShownField, rule: TextRule, secret: str) -> dict[str, Any]:
    session = manager.session
    note = session.draft_note(shown.form, shown.field)
    grant = Grant(form=shown.form, field=shown.field, rule=rule)
    return {
        "path": join_path(shown.form, shown.field),
        "label": shown.label,
        "grant": grant.issue(session.session_id, secret),
        "stamp": shown.stamp,
        "number": note.number if note else 0,
    }


def _status(services: Services, manager: SessionManager) -> dict[str, Any]:
    kept = manager.last_kept_at
    labels = {(shown.form, shown.field): shown.label for shown in manager.shown_fields.values()}
    return {
        "kept_at": kept.isoformat() if kept else "",
        "not_kept": [
            {"label": labels.get(place, place[1]), "reason": reason} for place, reason in manager.not_kept.items()
        ],
        "database": "away" if services.engine.status().failures else "up",
        "journal": services.journal is not None,
    }


def _words(say: Words, manager: SessionManager) -> dict[str, str]:
    words = say.section("status")
    if manager.identity.user is None:  # without a cookie, what is entered belongs to this tab only
        words |= {"no_cookie": say("status.no_cookie_at_all")}
    if not manager.session.preferences.auto_save:
        words |= {"saved": say("status.draft", time="{time}"), "all_saved": say("status.drafts")}
    return words


@cache
def _script() -> str:
    """The scripts as the one module that a component consists of."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS)
