"""The public API: everything an app imports.

    from core import bootstrap_session, persist_input, save_form
"""

from core.permissions import requires
from core.session import (
    FormSnapshot,
    FormState,
    NavigationEntry,
    SessionMetrics,
    UserPreferences,
    UserSession,
)
from core.session_manager import (
    SessionManager,
    bootstrap_session,
    get_current_session,
    get_session_manager,
    persist_input,
    save_form,
)
from core.session_persistence import DebouncedWriter, SessionModel, SessionPersistenceEngine

__all__ = [
    "DebouncedWriter",
    "FormSnapshot",
    "FormState",
    "NavigationEntry",
    "SessionManager",
    "SessionMetrics",
    "SessionModel",
    "SessionPersistenceEngine",
    "UserPreferences",
    "UserSession",
    "bootstrap_session",
    "get_current_session",
    "get_session_manager",
    "persist_input",
    "requires",
    "save_form",
]
