"""The save status in the page's corner, and the outbox that keeps in the browser what is being typed.

Both belong to one component. It is mounted before anything of the page, because a run may take long, or never end.
It is told at once what it was told of the fields in the run before. Of a field for which that isn't true any more it is
told as soon as that is shown, by a hidden element: beside the status, or beside the field in a fragment or a dialog,
which come and go by themselves. A second component says at the run's end what the page consists of.
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.services import Services, get_services
from core.session import UserSession
from core.session_manager import SessionManager
from core.state import undo
from core.state.paths import join_path
from core.state.text_rules import TextRule
from core.state.typed_text import last_draft
from core.streamlit_compat.features import Feature, broken
from core.streamlit_compat.run import (
    do_though_stopped,
    in_fragment,
    takes_one_element,
    wait_for_parallel_fragments,
    was_stopped_by_page,
)
from core.streamlit_compat.widgets import shown_widgets, widget_id
from core.ui.keys import own_key, unlisted_key
from core.ui.session_state import persist_session_values, plain_state
from core.ui.times import words, zone
from core.web import scripts
from core.web.address import app_folder
from core.web.field_token import FieldToken, owner_tag
from core.web.fields import ShownField
from core.words import Words

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_HTML = '<div><time></time><button type="button" hidden></button></div><span role="status"></span>'
_END = Path(__file__).with_name("page_end.js")
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}
"""Characters that Streamlit's filter of HTML may take for more than text."""
_Fields = dict[str, dict[str, Any]]
"""By the ids of their widgets: the fields as the page's script is told of them."""
_server, _order = secrets.token_hex(8), itertools.count(1)
"""Of what this process tells pages, over all of them: the page's script passes over what it was told before."""


@contextmanager
def save_status(manager: SessionManager) -> Iterator[None]:
    """Say truly, around all that a page shows, whether it is kept; and keep what is typed into its fields."""
    place = st.container(key=own_key("status"), width="content")
    if manager.live.turned_away:
        manager.live.turned_away = False
        st.toast(words()("files.no_room"), icon=":material/error:", duration="infinite")
    page = _Page(manager, place)
    page.begin()
    try:
        yield
        wait_for_parallel_fragments()
    except Exception:
        page.end()
        raise
    except BaseException as stopped:
        if was_stopped_by_page(stopped):
            do_though_stopped(page.end)  # what the page shows so far is kept like any other
        raise
    else:
        page.end()


class _Page:
    """One run's page: tells its script what it consists of, before, while and after it is shown."""

    def __init__(self, manager: SessionManager, place: DeltaGenerator) -> None:
        self._manager, self._place = manager, place
        self._run = secrets.token_hex(4)
        self._before, self._shown, self._untold = manager.announced, _Fields(), _Fields()

    def begin(self) -> None:
        manager = self._manager
        with self._place:
            _status_line()(
                key=unlisted_key("status-line"),
                data={**_data(get_services(), manager), "run": self._run, "fields": self._before},
                width="content",
                on_wanted_change=_noted,
            )
        manager.announce = self._field
        manager.live.describe = partial(_fragment_status, get_services(), manager)

    def _field(self, shown: ShownField) -> None:
        """Tell of a field that was just shown, unless it was told before."""
        if shown.rule is None or self._manager.identity.token_hash is None or Feature.TYPING in broken():
            return
        name, field = widget_id(shown.key), _field(self._manager, shown, shown.rule)
        if not in_fragment():
            self._shown[name] = field
            if self._before.get(name) != field:
                with self._place:
                    self._tell(name, field)
        elif takes_one_element():
            self._untold[name] = field
        else:
            self._tell(name, field)

    def _tell(self, name: str, field: dict[str, Any]) -> None:
        # The id is in the escaped JSON too: an attribute is trimmed, and dropped if a comment ends in it.
        told = json.dumps({"id": name, "run": self._run, **field})
        st.html(f'<i data-keep-field="{escape(told.translate(_ESCAPED))}"></i>')

    def end(self) -> None:
        """Tell what the page consists of, now that it is whole."""
        manager = self._manager
        persist_session_values(manager)
        manager.live.report.has_plain_state = bool(plain_state(manager))
        manager.live.note_shown(shown_widgets())
        manager.announced = self._shown
        data = {
            "run": self._run,
            "fields": {**self._shown, **self._untold},
            "status": {**_status(get_services(), manager), "complete": _is_complete(manager)},
        }
        with self._place:
            _page_end()(key=unlisted_key("status-end"), data=data, width=1, height=1)


@cache
def _status_line() -> ComponentRenderer:
    return st.components.v2.component("keep_status", html=_HTML, js=scripts.module("status"), isolate_styles=False)


@cache
def _page_end() -> ComponentRenderer:
    return st.components.v2.component("keep_page_end", js=_END.read_text(encoding="utf-8"))


def _noted() -> None:
    """The browser asked for a run, and this is one."""


def _data(services: Services, manager: SessionManager) -> dict[str, Any]:
    say = words()
    secret = services.settings.secret_key.get_secret_value()
    return {
        "base": app_folder(),
        "tab": manager.session.tab_id,
        "connection": manager.connection,
        "who": owner_tag(manager.session.session_id, secret),
        "cookie": manager.identity.token_hash is not None,
        "status": _status(services, manager),
        "words": _words(say, manager),
        "zone": str(zone(manager.session)),
        "locale": say.language,
    }


def _field(manager: SessionManager, shown: ShownField, rule: TextRule) -> dict[str, Any]:
    session, secret = manager.session, get_services().settings.secret_key.get_secret_value()
    note = last_draft(session, shown.form, shown.field)
    token = FieldToken(form=shown.form, field=shown.field, rule=rule)
    return {
        "path": join_path(shown.form, shown.field),
        "label": shown.label,
        "token": token.issue(session.session_id, secret),
        "stamp": shown.stamp,
        "theirs": _is_theirs(session, shown),
        "number": note.number if note else 0,
    }


def _is_theirs(session: UserSession, shown: ShownField) -> bool:
    """Return whether another tab or device entered the value that a field has now."""
    writer = undo.history(session, shown.form).writer(shown.stamp) if shown.stamp else None
    return writer is not None and writer.author != undo.author(session)


def _status(services: Services, manager: SessionManager) -> dict[str, Any]:
    kept = manager.unkept_edits.last_kept_at
    return {
        "server": _server,
        "order": next(_order),
        "kept_at": kept.isoformat() if kept else "",
        "not_kept": [
            {"label": manager.label_of(*place), "reason": reason} for place, reason in manager.not_kept.items()
        ],
        "database": "away" if services.engine.failures else "up",
        "journal": services.journal is not None,
        **manager.live.report.to_dict(),
    }


def _fragment_status(services: Services, manager: SessionManager, session_id: str) -> dict[str, Any]:
    """The same when a run of fragments begins or has ended, of Streamlit's session of that id."""
    manager.live.report.has_plain_state = bool(plain_state(manager, session_id))
    return {**_status(services, manager), "complete": _is_complete(manager)}


def _is_complete(manager: SessionManager) -> bool:
    """Return whether all that the page holds is kept."""
    return bool(manager.shown_fields) and not (manager.live.report.has_plain_state or broken())


def _words(say: Words, manager: SessionManager) -> dict[str, str]:
    words = say.section("status")
    if manager.identity.user is None:  # without a cookie, what is entered belongs to this tab only
        words |= {"no_cookie": say("status.no_cookie_at_all")}
    if not manager.session.preferences.auto_save:
        words |= {"saved": say("status.draft", time="{time}"), "all_saved": say("status.drafts")}
    return words
