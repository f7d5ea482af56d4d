"""Paths: how the parts of a session are named in storage.

| path | value |
|---|---|
| `meta/user`, `meta/created` | who the session belongs to, when it began |
| `form/<form>/field/<field>` | the draft value of one field |
| `form/<form>/saved` | `{"values": {...}, "at": datetime}` of the last Save |
| `form/<form>/errors` | `{field: message}` of the last validation; `""` is the form as a whole |
| `form/<form>/key` | what tells this submission of the form from the next, see `core/state/session_submissions.py` |
| `form/<form>/snapshot/<id>` | one snapshot of the form |
| `step/<form>/<id>` | one edit of a form, to undo it, or to find what it entered again, see `core/state/steps.py` |
| `undone/<form>/<id>` | whether that step is undone |
| `key/<page>/<widget key>` | the form whose field that widget holds |
| `tab/<tab>/history` | the pages that tab went through |
| `tab/<tab>/scroll/<page>` | how far that page was scrolled, in pixels |
| `tab/<tab>/open/<page>/<key>` | which of these tabs is open, or whether this expander is |
| `tab/<tab>/draft/<form>/<field>` | which text that tab posted last for a field, see `core/state/drafts.py` |
| `restored/<form>` | up to which stamp its drafts were announced as restored |
| `pref/<name>` | one preference |
| `metric/<tab>/<day>` | what was done in that tab on that day, see `core/state/counts.py` |
| `upload/<id>` | a file that arrived and is in no field yet |
| `cache/<key>` | what a tracked cache key depends on |
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, unquote

from core.errors import NotKeptError

USER_PATH = "meta/user"
CREATED_PATH = "meta/created"
UPLOADS = "upload/"
"""What the paths of all files that arrived begin with."""
_STEPS = ("step/", "undone/")
_BOOKKEEPING = ("meta/", "tab/", "metric/", "restored/", "cache/", UPLOADS, *_STEPS)
_FREE = (*_BOOKKEEPING, "key/", "pref/")


def join_path(*segments: str) -> str:
    """Build a path; a slash inside a segment is escaped, so segments never run together.

    Raises NotKeptError for a name that can't be stored.
    """
    try:
        return "/".join(quote(segment, safe=" ") for segment in segments)
    except UnicodeEncodeError as error:
        shown = "/".join(segments).encode("ascii", "backslashreplace").decode()
        raise NotKeptError(shown, "the name has half of a surrogate pair", "Remove that character.") from error


@lru_cache(maxsize=10_000)
def field_path(form: str, field: str) -> str:
    """The path of a field's draft value."""
    return join_path("form", form, "field", field)


def upload_path(upload: str) -> str:
    """The path of a file that arrived, by the id the browser gave it."""
    return join_path("upload", upload)


def step_path(form: str, step_id: str) -> str:
    """Where a step is kept."""
    return join_path("step", form, step_id)


def mark_path(form: str, step_id: str) -> str:
    """Where it is kept whether a step is undone."""
    return join_path("undone", form, step_id)


def split_path(path: str) -> tuple[str, ...]:
    """Undo `join_path`."""
    return tuple(unquote(segment) for segment in path.split("/"))


def is_bookkeeping(path: str) -> bool:
    """Whether the app writes this path by itself, so that nobody could answer for its size."""
    return path.startswith(_BOOKKEEPING)


def takes_room(path: str) -> bool:
    """Whether its size counts towards what one person may have: only where that person could answer for it."""
    return not path.startswith(_FREE)


def holds_fields(path: str) -> bool:
    """Whether what is kept here holds the values of fields, each of which was checked as a field's."""
    match path.split("/"):
        case ["form", _, "saved"] | ["form", _, "snapshot", _]:
            return True
    return path.startswith(_STEPS)
