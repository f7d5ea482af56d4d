"""The public API: everything an app imports.

    from core import bootstrap_session, persist_input, save_form
"""

from core.session import (
    FormSnapshot,
    FormState,
    NavigationEntry,
    SessionMetrics,
    UserPreferences,
    UserSession,
)
from core.session_persistence import DebouncedWriter, SessionModel, SessionPersistenceEngine

__all__ = [
    "DebouncedWriter",
    "FormSnapshot",
    "FormState",
    "NavigationEntry",
    "SessionMetrics",
    "SessionModel",
    "SessionPersistenceEngine",
    "UserPreferences",
    "UserSession",
]
