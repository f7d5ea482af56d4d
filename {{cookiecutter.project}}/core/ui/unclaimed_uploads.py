"""Uploaded files that are in no field yet. What arrived when its page was gone is offered to the next page.

Each is noted in the session (`upload/<id>`) as soon as its bytes are kept (see `core.web.uploads`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

import streamlit as st

from core.clock import stamp_time
from core.files import FileRef
from core.language import plain
from core.services import get_services
from core.session import REMOVED, Change, UserSession
from core.session_manager import get_session_manager
from core.state.paths import UPLOADS, upload_path
from core.ui.keys import own_key
from core.ui.times import words

_NOTED = timedelta(days=1)
"""Lifetime of an uploaded file that is in no field."""


def offer(key: str, fits: Callable[[FileRef], bool], take: Callable[[FileRef], bool]) -> None:
    """Ask, below the widget of this key, about files that arrived before this tab began and fit it."""
    manager, say = get_session_manager(), words()
    with manager.session.lock:
        notes = {path: ref for path, ref in manager.session.values.items() if path.startswith(UPLOADS)}
    for path, ref in notes.items():
        if manager.session.stamps[path] > manager.opened_at or not isinstance(ref, FileRef) or not fits(ref):
            continue
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(say("files.arrived", name=plain(ref.name)), width="content")
            st.button(
                say("files.keep_here"), key=own_key("take", key, ref.upload), on_click=_take, args=(path, ref, take)
            )
            st.button(
                say("files.dismiss"),
                key=own_key("drop", key, ref.upload),
                type="tertiary",
                on_click=_drop,
                args=(path,),
            )


def clear(session: UserSession, kept: Iterable[FileRef]) -> None:
    """Remove the notes of uploads that a field has now, and of those no field ever asked for."""
    yesterday = get_services().clock.now() - _NOTED
    done = {upload_path(ref.upload) for ref in kept}
    with session.lock:
        notes = {path: session.stamps[path] for path in session.values if path.startswith(UPLOADS)}
    over = [path for path, stamp in notes.items() if path in done or stamp_time(stamp) < yesterday]
    session.commit([Change(path, REMOVED) for path in over])


def _take(path: str, ref: FileRef, take: Callable[[FileRef], bool]) -> None:
    if take(ref):
        _drop(path)


def _drop(path: str) -> None:
    get_session_manager().session.commit([Change(path, REMOVED)])
