"""Paths: the names of the parts of a session in storage, the shape of each one's value, and the unit of change.

| path | value |
|---|---|
| `meta/user`, `meta/created` | who the session belongs to, when it began |
| `form/<form>/field/<field>` | the draft value of one field |
| `form/<form>/saved` | `{"values": {...}, "at": datetime}` of the last Save |
| `form/<form>/errors` | `{field: message}` of the last validation; `""` is the form as a whole |
| `form/<form>/key` | what tells this submission of the form from the next, see `core/state/forms.py` |
| `form/<form>/snapshot/<id>` | one snapshot of the form |
| `step/<form>/<id>` | one edit of a form, see `core/state/edits.py` |
| `undone/<form>/<id>` | whether that edit is undone |
| `key/<page>/<widget key>` | the form whose field that widget holds |
| `tab/<tab>/history` | the pages that tab went through |
| `tab/<tab>/scroll/<page>` | how far that page was scrolled, in pixels |
| `tab/<tab>/open/<page>/<key>` | which of these tabs is open, or whether this expander is |
| `tab/<tab>/draft/<form>/<field>` | the last text that tab posted for a field, see `core/state/typed_text.py` |
| `restored/<form>` | up to which stamp its drafts were announced as restored |
| `pref/<name>` | one preference |
| `metric/<tab>` | `{"page_views": int, "interactions": int}` of that tab |
| `upload/<id>` | a file that arrived and is in no field yet |
| `cache/<key>` | what a tracked cache key depends on |

Storage may hold a value of another shape: written by another version of the project, as during a rolling deploy, or by
an error. Such a value is named and left out, so that the rest of the session opens. Fields may hold anything, and so
may paths that nobody reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final
from urllib.parse import quote, unquote

from pydantic import (
    AwareDatetime,
    BaseModel,
    FiniteFloat,
    Strict,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from core.errors import NotKeptError

USER_PATH = "meta/user"
CREATED_PATH = "meta/created"
UPLOADS = "upload/"
"""Prefix of the paths of uploaded files."""
_EDITS = ("step/", "undone/")
_BOOKKEEPING = ("meta/", "tab/", "metric/", "restored/", "cache/", UPLOADS, *_EDITS)
_FREE = (*_BOOKKEEPING, "key/", "pref/")
PASSING = ("tab/", "metric/", "cache/", UPLOADS, *_EDITS)
"""Prefixes of paths that come and go, with ids of their own. Of one that was removed nothing need be known for long."""


class Removed:
    """The type of REMOVED."""

    def __repr__(self) -> str:
        return "REMOVED"


REMOVED: Final = Removed()
"""The value of a path that was removed, and of a field that is empty."""


@dataclass(frozen=True, slots=True)
class Change:
    """A path gets a value, or REMOVED."""

    path: str
    value: Any


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
    """Return the path of a field's draft value."""
    return join_path("form", form, "field", field)


def upload_path(upload: str) -> str:
    """Return the path of an uploaded file, by the id the browser gave it."""
    return join_path("upload", upload)


def edit_path(form: str, edit_id: str) -> str:
    """Return the path of an edit."""
    return join_path("step", form, edit_id)


def mark_path(form: str, edit_id: str) -> str:
    """Return the path at which it is stored whether an edit is undone."""
    return join_path("undone", form, edit_id)


def history_path(tab: str) -> str:
    """Return the path of the pages a tab went through."""
    return join_path("tab", tab, "history")


def scroll_path(tab: str, page: str) -> str:
    """Return the path of how far a tab has scrolled a page."""
    return join_path("tab", tab, "scroll", page)


@lru_cache(maxsize=1_000)
def split_path(path: str) -> tuple[str, ...]:
    """Undo `join_path`."""
    return tuple(unquote(segment) for segment in path.split("/"))


def is_bookkeeping(path: str) -> bool:
    """Return whether the app writes this path by itself, so that no person is responsible for its size."""
    return path.startswith(_BOOKKEEPING)


def is_passing(path: str) -> bool:
    """Return whether this path is one of those that come and go while people work (see PASSING), or a snapshot."""
    kind, *rest = path.split("/")
    return path.startswith(PASSING) or (kind == "form" and rest[1:2] == ["snapshot"])


def counts_for_quota(path: str) -> bool:
    """Return whether the size of this path counts for a person's quota."""
    return not path.startswith(_FREE)


def holds_fields(path: str) -> bool:
    """Return whether this path holds values of fields, each of which was checked as a field's."""
    match path.split("/"):
        case ["form", _, "saved"] | ["form", _, "snapshot", _]:
            return True
    return path.startswith(_EDITS)


_Moment = Annotated[AwareDatetime, Strict()]
_Number = Annotated[FiniteFloat, Strict()]
_Stamps = dict[StrictStr, StrictStr]


class _Saved(BaseModel):
    values: dict[StrictStr, Any]
    at: _Moment


class _Snapshot(_Saved):
    description: StrictStr


class _Edit(BaseModel):
    base: StrictStr = ""


class _Step(BaseModel):
    edits: dict[StrictStr, _Edit]
    tab: StrictStr
    device: StrictStr
    kind: StrictStr = ""
    typing: _Moment | None = None
    settles: list[tuple[StrictStr, StrictStr]] = []


class _Mark(BaseModel):
    undone: StrictBool
    of: StrictStr
    writes: list[tuple[StrictStr, _Stamps]]
    bases: _Stamps
    tab: StrictStr
    device: StrictStr
    instead: dict[StrictStr, list[Any]]


class _History(BaseModel):
    index: StrictInt
    entries: list[tuple[StrictStr, dict[StrictStr, Any], _Moment]]

    @model_validator(mode="after")
    def _is_in_range(self) -> _History:
        if not -1 <= self.index < len(self.entries):
            raise ValueError("there is no entry of that index")
        return self


class _Counts(BaseModel):
    page_views: StrictInt = 0
    interactions: StrictInt = 0


_TEXT, _FLAG, _MOMENT = TypeAdapter(StrictStr), TypeAdapter(StrictBool), TypeAdapter[Any](_Moment)
_NUMBER, _NAMES = TypeAdapter[Any](_Number), TypeAdapter(list[StrictStr])
_SAVED, _SNAPSHOT, _ERRORS = TypeAdapter(_Saved), TypeAdapter(_Snapshot), TypeAdapter(dict[StrictStr, StrictStr])
_STEP, _MARK, _HISTORY, _COUNTS = TypeAdapter(_Step), TypeAdapter(_Mark), TypeAdapter(_History), TypeAdapter(_Counts)
_PREFERENCES: dict[str, TypeAdapter[Any]] = {"theme": _TEXT, "language": _TEXT, "timezone": _TEXT, "auto_save": _FLAG}


def shape_error(path: str, value: Any) -> str | None:
    """Return why a value doesn't have the shape of its path; None if it does."""
    parts = split_path(path)
    if value is REMOVED:
        return None
    if parts[0] == "pref" and len(parts) == 2 and parts[1] not in _PREFERENCES:
        return "there is no such preference here"
    shape = _shape(parts)
    if shape is None:
        return None
    try:
        shape.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return " ".join([*(f"{part}:" for part in first["loc"]), first["msg"]])
    return None


def _shape(parts: tuple[str, ...]) -> TypeAdapter[Any] | None:
    match parts:
        case ("meta", "user") | ("key", _, _):
            return _TEXT
        case ("meta", "created"):
            return _MOMENT
        case ("form", _, "saved"):
            return _SAVED
        case ("form", _, "errors"):
            return _ERRORS
        case ("form", _, "snapshot", _):
            return _SNAPSHOT
        case ("step", _, _):
            return _STEP
        case ("undone", _, _):
            return _MARK
        case ("tab", _, "history"):
            return _HISTORY
        case ("tab", _, "scroll", _):
            return _NUMBER
        case ("metric", _):
            return _COUNTS
        case ("cache", _):
            return _NAMES
        case ("pref", name):
            return _PREFERENCES[name]
    return None
