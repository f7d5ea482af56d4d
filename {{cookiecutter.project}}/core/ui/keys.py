"""Keys of widgets and containers, each of which one thing only has.

What the project itself puts on a page is noted, so that nobody takes its state for something that a page has entered. A
key of a page's own may begin with whatever it likes.
"""

from __future__ import annotations

from contextlib import suppress

from core.errors import NoSessionError
from core.session_manager import get_session_manager


def widget_key(form: str, field: str) -> str:
    """Return the key of a field's widget in `st.session_state`: `form.field`, with `%2E` for a dot in `form`."""
    return _joined(form, field)


def own_key(kind: str, *names: str) -> str:
    """Return the key of something of a kind that the project puts on the page itself, such as a button of a form."""
    key = f"keep-{kind}:{_joined(*names)}" if names else f"keep-{kind}"
    with suppress(NoSessionError):
        get_session_manager().live.note_own(key)
    return key


def unlisted_key(kind: str) -> str:
    """Return the key of one of the project's components that `st.session_state` has, but doesn't list.

    For each text field of a page Streamlit lists all that has a key, and makes the answer of each component anew. A key
    that ends like this is none to that list.
    """
    return own_key(f"{kind}-None")


def _joined(*names: str) -> str:
    """Return the names with a dot between them. No two rows of names are joined to one and the same."""
    *before, last = names
    return ".".join([*(name.replace("%", "%25").replace(".", "%2E") for name in before), last])
