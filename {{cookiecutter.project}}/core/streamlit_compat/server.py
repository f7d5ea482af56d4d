"""Open pages and uploaded files as the server has them, its addresses, and the cookies of its sign-in."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson
import streamlit as st
from starlette.types import ASGIApp
from streamlit import runtime

from core.streamlit_compat.features import Feature, part_of
from core.streamlit_compat.run import app_session, context_of, run_context

if TYPE_CHECKING:
    from streamlit.runtime.state.common import WidgetMetadata
    from streamlit.runtime.uploaded_file_manager import UploadedFileRec as UploadedFileRec

STREAM = "_stcore/stream"
"""The address of the WebSocket, below the base path."""
UPLOAD = "_stcore/upload_file/"
"""The address of uploads, below the base path: followed by the session's id and the file's."""
MEDIA = "media/"
"""The address of pictures and downloads that Streamlit holds in memory, below the base path."""
HOST_CONFIG = "_stcore/host-config"
"""The address at which Streamlit's browser part asks for its host's wishes, below the app's folder."""
PAGE_END = b"</body>"
"""The place of what is added to the page."""
STYLE = Path(__file__).with_name("style.css")
"""Rules that are added to the page's own."""
USER_COOKIE, TOKENS_COOKIE = "_streamlit_user", "_streamlit_user_tokens"
"""The cookies of a sign-in: its person, and the provider's tokens."""
_MONTH = 31 * 86_400
"""Seconds: how long Streamlit's own cookies count."""
HEALTH = "_stcore/health"
CLOSED = ("_stcore/agent/", "_stcore/script-health-check", "_stcore/metrics")
"""Routes that nobody may use. The first two run pages past the connection that keeps what is entered, and past our
cookie, which says who is there; the third tells how many are there."""
PROVIDER = ("auth/", "oauth2callback")
"""Routes for signing in through a provider."""
NOT_PAGES = ("_stcore/", "static/", "app/static/", "media/", "component/", "auth/")
"""Beginnings of addresses of Streamlit's that are no page."""


@part_of(Feature.UPLOADS, otherwise=None)
def upload_route(base_path: str, take: Callable[[UploadedFileRec], None]) -> ASGIApp | None:
    """Return Streamlit's own route for uploads, for pages that may be open at another server. `take` gets the file."""
    from starlette.middleware.exceptions import ExceptionMiddleware
    from starlette.routing import Router
    from streamlit.web.server.starlette.starlette_routes import create_upload_routes

    anywhere: Any = SimpleNamespace(is_active_session=lambda _session_id: True)
    taking: Any = SimpleNamespace(add_file=lambda session_id, file: take(file))  # noqa: ARG005
    return ExceptionMiddleware(Router(create_upload_routes(anywhere, taking, base_path)))


def is_open_here(session_id: str) -> bool:
    """Return True if a page is open at this server, by Streamlit's id. For the event loop's own thread."""
    return app_session(session_id) is not None


def hold_upload(session_id: str, upload: str, *, name: str, kind: str, data: bytes) -> None:
    """Put a file where Streamlit's widgets find it: into the memory of an open page's session."""
    from streamlit.runtime.uploaded_file_manager import UploadedFileRec

    if runtime.exists():
        manager: Any = runtime.get_instance().uploaded_file_mgr
        manager.add_file(session_id, UploadedFileRec(upload, name, kind, data))


@part_of(Feature.UPLOADS, otherwise={})
def uploads_held(session_id: str) -> dict[str, int]:
    """Return the ids and bytes of the files this process holds for an open page, by Streamlit's id of its session."""
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    if not isinstance(manager, MemoryUploadedFileManager):
        return {}
    held = manager.file_storage.get(session_id) or {}
    return {file.file_id: len(file.data) for file in list(held.values())}


@part_of(Feature.UPLOADS, otherwise=frozenset({""}))
def uploaders(session_id: str) -> frozenset[str]:
    """Return the keys of the widgets that take files on an open page, as it is now; `""` for any without a key.

    `session_id` is Streamlit's own. For the event loop's own thread.
    """
    from streamlit.runtime.state.common import user_key_from_element_id

    session = app_session(session_id)
    if session is None:
        return frozenset()
    state = session.session_state
    new = state._new_widget_state
    # First what is new: it moves to what is old, and a run may do so at this moment.
    shown = dict.fromkeys([*list(new.states), *list(state._old_state)])
    known = ((name, new.widget_metadata.get(name)) for name in shown)
    taking = (name for name, metadata in known if metadata is not None and _takes_files(metadata))
    return frozenset(user_key_from_element_id(name) or "" for name in taking)


def _takes_files(metadata: WidgetMetadata[Any]) -> bool:
    from streamlit.elements.widgets.chat import ChatInputSerde

    if metadata.value_type == "chat_input_value":
        serde = getattr(metadata.deserializer, "__self__", None)
        return isinstance(serde, ChatInputSerde) and (serde.accept_files or serde.accept_audio)
    return metadata.value_type == "file_uploader_state_value"


@part_of(Feature.UPLOADS, otherwise=True)
def takes(name: str, kind: str, types: str | Sequence[str]) -> bool:
    """Return True if a file uploader for these types takes a file of this name and content type.

    Streamlit itself leaves types such as `image/*` to the browser.
    """
    from streamlit.elements.lib.file_uploader_utils import normalize_upload_file_type

    return any(
        fnmatchcase(kind, each) if "/" in each else name.lower().endswith(each)
        for each in normalize_upload_file_type(types)
    )


@part_of(Feature.UPLOADS, otherwise=None)
def forget_upload(upload: str) -> None:
    """Let go of a file of this session that Streamlit holds in memory."""
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

    context = run_context()
    manager = context.uploaded_file_mgr if context is not None else None
    if context is not None and isinstance(manager, MemoryUploadedFileManager):
        manager.remove_file(context.session_id, upload)


@part_of(Feature.PAGES, otherwise=None)
def ask_for_run(session_id: str) -> None:
    """Let the script of an open page run again, where that page is. For the event loop's own thread.

    The run brings no news of the page's widgets: they stay as they were. Where a run is still to come, that is the one.
    """
    from streamlit.proto.ClientState_pb2 import ClientState

    session = app_session(session_id)
    if session is None:
        return
    state = ClientState()
    state.CopyFrom(session._client_state)  # of the last run that has ended
    if session._scriptrunner is not None:
        context = context_of(session._scriptrunner._script_thread)
        if context is None or context.parallel_coordinator is None:
            return  # it has not begun
        pages = context.pages_manager
        state.query_string = context.query_string
        state.page_script_hash, state.page_name = pages.intended_page_script_hash or "", pages.intended_page_name or ""
    elif not state.page_script_hash:
        return  # the browser has not said yet where it is
    state.ClearField("widget_states")
    state.ClearField("fragment_id")
    session.request_rerun(state)


@part_of(Feature.PAGES, otherwise=False)
def is_running(session_id: str) -> bool:
    """Return True if the script of an open page runs now. For the event loop's own thread."""
    from streamlit.runtime.app_session import AppSessionState

    session = app_session(session_id)
    return session is not None and session._state == AppSessionState.APP_IS_RUNNING


@part_of(Feature.PAGES, otherwise=None)
def end_session(session_id: str) -> None:
    """Stop what runs for an open page and let go of all it held in memory. For the event loop's own thread."""
    if runtime.exists():
        runtime.get_instance().close_session(session_id)


def index_html() -> bytes:
    """Return Streamlit's page, as it is in the installed version."""
    return Path(st.__file__).with_name("static").joinpath("index.html").read_bytes()


@functools.cache
def component_script(*scripts: Path) -> str:
    """Return the one module that a component consists of: its scripts, behind what they know of the page by name."""
    paths = (Path(__file__).with_name("page.js"), *scripts)
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def block_dialogs(host_config: bytes) -> bytes:
    """Tell Streamlit's browser part not to open dialogs about errors."""
    try:
        return orjson.dumps({**orjson.loads(host_config), "blockErrorDialogs": True})
    except (orjson.JSONDecodeError, TypeError):
        return host_config


@part_of(Feature.PROVIDER, otherwise=None)
def read_signed(
    cookies: Mapping[str, str], name: str, secret: str = "", *, seconds: int = _MONTH
) -> dict[str, Any] | None:
    """Return what a signed cookie says; None for one that is missing, too old, or signed with another secret.

    Without a secret it is one of Streamlit's sign-in, and may be in several parts.
    """
    from streamlit.auth_util import get_cookie_with_chunks
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

    secret, days = secret or get_cookie_secret(), seconds / 86_400

    def part(name: str) -> bytes | None:
        return decode_signed_value(secret, name, cookies[name], max_age_days=days) if name in cookies else None

    value = get_cookie_with_chunks(part, name)
    said = json.loads(value) if value is not None else None
    return said if isinstance(said, dict) else None


@part_of(Feature.PROVIDER, otherwise="")
def signed(name: str, says: Mapping[str, Any], secret: str = "") -> str:
    """Return the value of a signed cookie that says this; without a secret, of one of Streamlit's sign-in."""
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    return create_signed_value(secret or get_cookie_secret(), name, json.dumps(says)).decode("ascii")
