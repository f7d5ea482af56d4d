"""The engine. This folder is replaced as a whole when the project is updated; README.md says what is where.

    from core import bootstrap_session, persist_input, save_form

Apps import from here and from `core.ui`, `core.cache`, `core.db`, `core.permissions`, `core.router` and `core.testing`.

A name is loaded when it is first used, so that a command line or a test doesn't wait for Streamlit.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.errors import RefusedError
    from core.files import FileRef
    from core.permissions import requires
    from core.personal.apps import Person
    from core.session import FormSnapshot, FormState, NavigationEntry, SessionMetrics, UserPreferences, UserSession
    from core.session_manager import (
        SessionManager,
        bootstrap_session,
        get_current_session,
        get_session_manager,
        persist_input,
        save_form,
    )
    from core.session_persistence import DebouncedWriter, SessionModel, SessionPersistenceEngine

_HOMES = {
    "FileRef": "core.files",
    "Person": "core.personal.apps",
    "RefusedError": "core.errors",
    "requires": "core.permissions",
    "FormSnapshot": "core.session",
    "FormState": "core.session",
    "NavigationEntry": "core.session",
    "SessionMetrics": "core.session",
    "UserPreferences": "core.session",
    "UserSession": "core.session",
    "SessionManager": "core.session_manager",
    "bootstrap_session": "core.session_manager",
    "get_current_session": "core.session_manager",
    "get_session_manager": "core.session_manager",
    "persist_input": "core.session_manager",
    "save_form": "core.session_manager",
    "DebouncedWriter": "core.session_persistence",
    "SessionModel": "core.session_persistence",
    "SessionPersistenceEngine": "core.session_persistence",
}

__all__ = [
    "DebouncedWriter",
    "FileRef",
    "FormSnapshot",
    "FormState",
    "NavigationEntry",
    "Person",
    "RefusedError",
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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"core has no {name!r}; it has {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
