"""Bind Streamlit's own session ids to the browsers they belong to.

Streamlit hands a live session to whoever sends its id. The id is in the page, and it is no secret of the kind our
cookie is, so it counts only together with the token of the browser that first had it. Kept in memory: the sessions
it speaks of live in this process, too.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cache

from starlette.types import Scope

_MAXIMUM = 20_000


class Bindings:
    """Streamlit's session ids, each with the hash of the one token it belongs to. Safe for threads."""

    def __init__(self, maximum: int = _MAXIMUM) -> None:
        self._lock = threading.Lock()
        self._maximum = maximum
        self._owners: OrderedDict[str, str] = OrderedDict()

    def bind(self, streamlit_id: str, token_hash: str) -> None:
        """Remember the owner of an id; the first one stays. Beyond the maximum the ids longest unused are forgotten."""
        with self._lock:
            self._owners.setdefault(streamlit_id, token_hash)
            self._owners.move_to_end(streamlit_id)
            while len(self._owners) > self._maximum:
                self._owners.popitem(last=False)

    def belongs(self, streamlit_id: str, token_hash: str | None) -> bool:
        """Return True if the id is known to be this token's. An unknown id is nobody's."""
        with self._lock:
            return token_hash is not None and self._owners.get(streamlit_id) == token_hash

    def owner(self, streamlit_id: str) -> str | None:
        """Return the hash of the token an id belongs to; None for an id that is not known, as after a restart."""
        with self._lock:
            return self._owners.get(streamlit_id)


def protocols(scope: Scope) -> list[str]:
    """Return the subprotocols of a WebSocket. The third is the id that its page names to go on where it was."""
    entries = [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]
    return [part.strip() for part in b",".join(entries).decode("latin-1").split(",")]


@cache
def get_bindings() -> Bindings:
    """Return the bindings of this process."""
    return Bindings()
