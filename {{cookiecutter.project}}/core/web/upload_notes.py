"""The notes of files that were uploaded and are in no field yet, as every server finds them in the session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import structlog
from streamlit import config

from core.errors import JournalError, KeepError, StoreUnavailableError
from core.files import FileRef
from core.services import get_services
from core.session import REMOVED, Change
from core.state.paths import upload_path
from core.streamlit_compat.messages import WidgetState, key_of, upload_ids
from core.streamlit_compat.server import hold_upload, uploads_held
from core.web.live_tab import LiveTab

MOST_FILES = 500
"""Limit for the number of a session's uploaded files that are in no field."""
MOST_SIZES = 20
"""Limit for their size together, in multiples of the largest upload (`server.maxUploadSize`)."""
_MEGABYTE = 1024 * 1024

log = structlog.get_logger(__name__)


def has_room(held: Mapping[str, int]) -> bool:
    """Return True if a session may have so many files in no field: their bytes, by id."""
    largest = int(config.get_option("server.maxUploadSize")) * _MEGABYTE
    return len(held) <= MOST_FILES and sum(held.values()) <= MOST_SIZES * largest


def noted(session_id: str, uploads: Iterable[str]) -> dict[str, FileRef]:
    """Return the files that arrived under these ids, by id; none while the database can't be asked."""
    paths = [upload_path(upload) for upload in uploads]
    if not paths:
        return {}
    try:
        with get_services().accounts.db_budget:  # a run of this tab waits for the answer
            values = get_services().engine.read_paths(session_id, paths).values
    except (StoreUnavailableError, JournalError) as error:
        log.info("uploads are taken from memory", error=str(error))
        return {}
    found = (values.get(path) for path in paths)
    return {ref.upload: ref for ref in found if isinstance(ref, FileRef)}


def fetch(tab: LiveTab, streamlit_id: str, states: Sequence[WidgetState]) -> None:
    """Put files that came to another server into memory, where widgets that no field keeps look for theirs.

    Each is looked for once: what was in the memory of a server that is gone is gone, too.
    """
    named = {each for state in states if not tab.shows(key_of(state.id) or "") for each in upload_ids(state)}
    if named <= tab.sought:
        return
    held, services = uploads_held(streamlit_id), get_services()
    found = noted(tab.session_id, named - tab.sought - held.keys())
    tab.sought |= named
    for upload, ref in found.items():
        if not has_room(held | {upload: ref.size}):
            tab.turned_away = True
            return
        try:
            hold_upload(streamlit_id, upload, name=ref.name, kind=ref.type, data=services.files.read(ref.digest))
            path = upload_path(upload)
            services.engine.read_paths(tab.session_id, [path]).commit([Change(path, REMOVED)])
        except KeepError as error:
            log.warning("an upload at another server can't be fetched", error=str(error))
        held[upload] = ref.size
