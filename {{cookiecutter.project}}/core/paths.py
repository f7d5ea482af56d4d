"""Paths: how the parts of a session are named in storage.

| path | value |
|---|---|
| `meta/user`, `meta/created` | who the session belongs to, when it began |
| `form/<form>/field/<field>` | the draft value of one field |
| `form/<form>/saved` | `{"values": {...}, "at": datetime}` of the last Save |
| `form/<form>/errors` | `{field: message}` of the last validation |
| `form/<form>/snapshot/<id>` | one snapshot of the form |
| `key/<page>/<widget key>` | the form whose field that widget holds |
| `tab/<tab>/history` | the pages that tab went through |
| `tab/<tab>/scroll/<page>` | how far that page was scrolled, in pixels |
| `tab/<tab>/open/<page>/<key>` | which of these tabs is open, or whether this expander is |
| `tab/<tab>/draft/<form>/<field>` | which text that tab posted last for a field, see `core/drafts.py` |
| `restored/<form>` | up to which stamp its drafts were announced as restored |
| `pref/<name>` | one preference |
| `metric/<tab>/<day>` | what was done in that tab on that day |
| `cache/<key>` | what a tracked cache key depends on |
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from core.errors import NotKeptError

USER_PATH = "meta/user"
CREATED_PATH = "meta/created"
_BOOKKEEPING = ("meta/", "tab/", "metric/", "restored/")


def join_path(*segments: str) -> str:
    """Build a path; a slash inside a segment is escaped, so segments never run together.

    Raises NotKeptError for a name that can't be stored.
    """
    try:
        return "/".join(quote(segment, safe=" ") for segment in segments)
    except UnicodeEncodeError as error:
        shown = "/".join(segments).encode("ascii", "backslashreplace").decode()
        raise NotKeptError(shown, "the name has half of a surrogate pair", "Remove that character.") from error


def field_path(form: str, field: str) -> str:
    """The path of a field's draft value."""
    return join_path("form", form, "field", field)


def split_path(path: str) -> tuple[str, ...]:
    """Undo `join_path`."""
    return tuple(unquote(segment) for segment in path.split("/"))


def is_bookkeeping(path: str) -> bool:
    """Whether the app writes this path by itself, so that nobody could answer for its size."""
    return path.startswith(_BOOKKEEPING)
