"""The shape that the value of each path must have.

Storage may hold something else: written by another version of the project, as during a rolling deploy, or by an error.
Such a value is named and left out, so that the rest of the session opens. Fields may hold anything, and so may paths
that nobody reads.
"""

from __future__ import annotations

from typing import Annotated, Any

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

from core.state.paths import REMOVED, split_path

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
