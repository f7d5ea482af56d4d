"""Write values into a session from outside of a run, whatever they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.session import Change
from core.session_persistence import SessionPersistenceEngine


def put(
    engine: SessionPersistenceEngine, session_id: str, values: Mapping[str, Any], *, here_only: bool = False
) -> Mapping[str, str]:
    """Make values durable by path, also such as no session would write. Returns the stamp of each.

    With `here_only` the database isn't asked for what they replace, so that it may be away.
    """
    session = engine.read_paths(session_id, values, here_only=here_only)
    return engine.write(session, [Change(path, value) for path, value in values.items()])
