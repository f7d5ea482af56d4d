"""Who is at the other end of a connection, as it is noted."""

from __future__ import annotations

LOCAL = "127.0.0.1"
"""The one address of this very machine: Streamlit says nothing of it, and the server one of several."""


def noted_address(host: str | None) -> str:
    """Return a network address as it is noted, so that what came over HTTP and over a WebSocket reads the same."""
    return LOCAL if host is None or host == "::1" else host
