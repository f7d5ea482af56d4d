"""Write values into a session from outside of a run, whatever they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.session import Change, UserSession
from core.session_persistence import SessionPersistenceEngine


def put(engine: SessionPersistenceEngine, session_id: str, values: Mapping[str, Any]) -> Mapping[str, str]:
    """Make values durable by path without having read any, also such as no session would write.

    Returns the stamp of each.
    """
    unread = UserSession(session_id=session_id)
    return engine.write(unread, [Change(path, value) for path, value in values.items()])
