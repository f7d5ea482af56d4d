"""Values to text and back, typed and exact. What can't come back exactly is refused, with the path to it.

The text is JSON. What JSON has no word for is an object with the key `$`, which names the type:
`{"$": "date", "v": "2026-01-31"}`. Never pickle: reading a value must not run code. Neither numpy nor pandas
is imported unless a value needs it.
"""

from __future__ import annotations

import base64
import importlib
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import structlog

from core.errors import CorruptValueError, NotKeptError
from core.files import FileRef

MAX_VALUE_BYTES = 256 * 1024
MAX_DEPTH = 100
_TAG, _VALUE = "$", "v"
_LONGEST_NAME = 80
_JSON_INT = 2**53
"""Beyond it, other readers of JSON lose digits, so larger integers travel as text."""
_ENUM_PACKAGES = ("apps.", "core.")
"""The packages of which an Enum may be, so that any process can import it while reading."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored value, or a part of one, of a type that isn't here: its Enum was renamed, or its library is missing.

    It is stored again as it was, so it comes back with its type. `str` names it for a person.
    """

    text: str
    """As it is stored."""
    name: str = field(compare=False)
    """Its own, such as that of an Enum's member, where it has one."""
    reason: str = field(compare=False)
    """The reason for developers."""

    def __str__(self) -> str:
        return self.name


class _RefusalError(Exception):
    """The reason and the remedy of a NotKeptError, before the place is known."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy


class _UnknownError(Exception):
    """There is no such Enum, or no such member of it."""


def encode(value: Any, path: str = "", *, limit: int | None = MAX_VALUE_BYTES, around: int = 0) -> str:
    """Return `value` as text that `decode` turns back into an equal value of the same type.

    `limit` is in bytes; `around` is how many levels around the values of fields there may be besides. Raises
    NotKeptError, naming the place in the value, the reason and the remedy.
    """
    text = orjson.dumps(_pack(value, path, -around))
    if limit is not None and len(text) > limit:
        raise NotKeptError(
            path,
            f"takes {len(text) / 1024:,.0f} KB, more than the {limit // 1024} KB one field may have",
            "Keep large data in a table or a file of its own, and its name here.",
        )
    return text.decode()


def decode(text: str, path: str = "") -> Any:
    """Undo `encode`.

    What needs a type, an Enum, a time zone or a library that isn't here now is `Unreadable` in its place. Raises
    CorruptValueError when the text is damaged.
    """
    try:
        return _unpack(orjson.loads(text))
    except CorruptValueError as error:
        raise CorruptValueError(f"{path}: {error}") from error
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, RecursionError) as error:
        raise CorruptValueError(f"{path}: {type(error).__name__}: {error}") from error


def to_json(value: Any, path: str = "") -> Any:
    """Return `value` as JSON data, as `encode` writes it. Raises NotKeptError."""
    return _pack(value, path, 0)


def from_json(data: Any) -> Any:
    """Undo `to_json`."""
    return _unpack(data)


class Record:
    """A dataclass whose fields hold values that can be encoded, or lists of records, named as `record` in metadata."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data: dates, decimals and the like become objects that name their type."""
        values = [(each, getattr(self, each.name)) for each in fields(self)]  # type: ignore[arg-type]
        return {
            each.name: [record.to_dict() for record in value]
            if "record" in each.metadata
            else to_json(value, each.name)
            for each, value in values
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        records = {each.name: each.metadata["record"] for each in fields(cls) if "record" in each.metadata}  # type: ignore[arg-type]
        return cls(
            **{
                name: [records[name].from_dict(record) for record in value] if name in records else from_json(value)
                for name, value in data.items()
            }
        )


def _tagged(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {_TAG: kind, _VALUE: value, **more}


def _pack(value: Any, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotKeptError(path, f"is nested deeper than {MAX_DEPTH} levels", "Flatten it, or cut a cycle in it.")
    kind = type(value)
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](value, path, depth + 1)
    if kind in _ATOMS:
        try:
            return _ATOMS[kind](value)
        except _RefusalError as refusal:
            raise NotKeptError(path, refusal.reason, refusal.remedy) from refusal
    try:
        packed = _pack_enum(value) if isinstance(value, Enum) else _pack_scientific(value)
    except _RefusalError as refusal:
        raise NotKeptError(path, refusal.reason, refusal.remedy) from refusal
    if packed is not None:
        return packed
    raise NotKeptError(
        path,
        f"a value of type {kind.__module__}.{kind.__qualname__} can't be kept exactly",
        "Turn it into plain data first (model_dump(), asdict(), tolist(), to_dict(), str()).",
    )


def _pack_str(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _RefusalError(
                f"has half of a surrogate pair at position {error.start}", "Remove that character."
            ) from error
    return value


def _pack_int(value: int) -> Any:
    return value if -_JSON_INT <= value <= _JSON_INT else _tagged("int", hex(value))


def _pack_float(value: float) -> Any:
    return value if math.isfinite(value) else _tagged("float", repr(value))


def _pack_moment(value: datetime | time) -> Any:
    zone = value.tzinfo
    more: dict[str, Any] = {"fold": value.fold} if value.fold else {}
    if type(zone) is ZoneInfo and zone.key:
        more["zone"] = zone.key
    elif type(zone) is timezone:
        more["offset"] = zone.utcoffset(None).total_seconds()
    elif zone is not None:
        raise _RefusalError(f"has the time zone {zone!r}, whose name is unknown", "Use a zoneinfo.ZoneInfo or UTC.")
    return _tagged(type(value).__name__, value.replace(tzinfo=None, fold=0).isoformat(), **more)


def _pack_enum(value: Enum) -> dict[str, Any]:
    kind = type(value)
    packed = _tagged("enum", value.name, type=f"{kind.__module__}:{kind.__qualname__}")
    if not kind.__module__.startswith(_ENUM_PACKAGES):
        raise _RefusalError(
            f"the Enum {kind.__qualname__} is defined in {kind.__module__}", "Define it in a module of core/ or apps/."
        )
    try:
        back: Any = _unpack_enum(packed)
    except _UnknownError as error:
        raise _RefusalError(
            f"{error}", "Define the Enum at the top of its module; keep a combined Flag as its value."
        ) from error
    if back.value != value.value:
        raise _RefusalError(f"{kind.__qualname__}.{value.name} means something else by now", "Load the page anew.")
    return packed


def _pack_items(value: Any, path: str, depth: int) -> list[Any]:
    return [_pack(item, f"{path}[{index}]", depth) for index, item in enumerate(value)]


def _pack_tuple(value: tuple[Any, ...], path: str, depth: int) -> Any:
    return _tagged("tuple", _pack_items(value, path, depth))


def _pack_set(value: Any, path: str, depth: int) -> Any:
    items = [_pack(item, f"{path}{{…}}", depth) for item in value]
    return _tagged(type(value).__name__, sorted(items, key=orjson.dumps))


def _pack_dict(value: dict[Any, Any], path: str, depth: int) -> Any:
    if _TAG not in value and all(type(key) is str for key in value):
        return {_pack(k, path, depth): _pack(v, f"{path}.{k}" if path else k, depth) for k, v in value.items()}
    # Keys and values in one flat list: each level of nesting costs two levels of JSON, of which orjson writes 254.
    flat = []
    for k, v in value.items():
        flat += [_pack(k, f"{path} key {k!r}", depth), _pack(v, f"{path}[{k!r}]", depth)]
    return _tagged("map", flat)


_ATOMS: dict[type, Callable[[Any], Any]] = {
    type(None): lambda v: v,
    bool: lambda v: v,
    str: _pack_str,
    int: _pack_int,
    float: _pack_float,
    bytes: lambda v: _tagged("bytes", base64.b64encode(v).decode()),
    date: lambda v: _tagged("date", v.isoformat()),
    time: _pack_moment,
    datetime: _pack_moment,
    timedelta: lambda v: _tagged("timedelta", [v.days, v.seconds, v.microseconds]),
    Decimal: lambda v: _tagged("Decimal", str(v)),
    UUID: lambda v: _tagged("UUID", str(v)),
    Unreadable: lambda v: orjson.loads(v.text),
    FileRef: lambda v: _tagged("file", v.digest, name=v.name, type=v.type, size=v.size, upload=v.upload),
}
_CONTAINERS: dict[type, Callable[[Any, str, int], Any]] = {
    list: _pack_items,
    tuple: _pack_tuple,
    dict: _pack_dict,
    set: _pack_set,
    frozenset: _pack_set,
}


def _unpack(data: Any) -> Any:
    if type(data) is list:
        return [_unpack(item) for item in data]
    if type(data) is not dict:
        return data
    kind = data.get(_TAG)
    if kind is None:
        return {key: _unpack(value) for key, value in data.items()}
    unpacker = _UNPACKERS.get(kind)
    if unpacker is None:
        return _unreadable(data, f"the type {kind!r} is unknown; it may be from a newer version of this project")
    try:
        return unpacker(data)
    except _UnknownError as error:
        return _unreadable(data, f"{error}")
    except ImportError as error:
        return _unreadable(data, f"{error}. Install it to read this value.")
    except ZoneInfoNotFoundError as error:
        return _unreadable(data, f"{error}. Install tzdata to read this value.")


def _unreadable(data: dict[str, Any], reason: str) -> Unreadable:
    log.warning("a stored value can't be read here and is left as it is", reason=reason)
    kind, value = data[_TAG], data.get(_VALUE)
    name = value if isinstance(value, str) and len(value) <= _LONGEST_NAME else str(kind)
    return Unreadable(text=orjson.dumps(data).decode(), name=name, reason=reason)


def _zone(data: dict[str, Any]) -> timezone | ZoneInfo | None:
    if "zone" in data:
        return ZoneInfo(data["zone"])
    if "offset" in data:
        return timezone(timedelta(seconds=data["offset"])) if data["offset"] else UTC
    return None


def _unpack_enum(data: dict[str, Any]) -> Enum:
    module_name, _, qualname = data["type"].partition(":")
    if module_name not in sys.modules and not module_name.startswith(_ENUM_PACKAGES):
        raise _UnknownError(f"the Enum {data['type']} is outside {', '.join(_ENUM_PACKAGES)}")
    try:
        kind: Any = importlib.import_module(module_name)
        for name in qualname.split("."):
            kind = getattr(kind, name)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind[data[_VALUE]]
    except Exception as error:
        # Whatever the import of a team's module raises: the value is intact, and can be read once that is mended.
        raise _UnknownError(f"there is no {data[_VALUE]!r} in the Enum {data['type']} ({error!r})") from error
    raise CorruptValueError(f"{data['type']} is no Enum")


def _unpack_map(data: dict[str, Any]) -> dict[Any, Any]:
    items = [_unpack(item) for item in data[_VALUE]]
    return dict(zip(items[::2], items[1::2], strict=True))


# numpy and pandas


def _pack_scientific(value: Any) -> dict[str, Any] | None:
    """Return a tagged object for a numpy or pandas value, None for anything else. Raises RefusalError."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return _pack_numpy(value)
    pandas = sys.modules.get("pandas")
    if pandas is not None and type(value) in (pandas.Timestamp, pandas.Timedelta):
        return _pack_timestamp(value)
    if pandas is not None and type(value) is pandas.Period:
        return _tagged("Period", value.ordinal, freq=value.freqstr)
    if pandas is not None and value is pandas.NaT:
        return _tagged("NaT", None)
    return None


def _pack_timestamp(value: Any) -> dict[str, Any]:
    packed = _tagged(type(value).__name__, int(value.asm8.view("i8")), unit=value.unit)
    if getattr(value, "tzinfo", None) is not None:
        packed["zone"] = str(value.tzinfo)
    back = _unpack_timestamp(packed)
    if (back, back.unit, getattr(back, "tzinfo", None)) != (value, value.unit, getattr(value, "tzinfo", None)):
        raise _RefusalError(
            f"has the time zone {value.tzinfo!r}, whose name is unknown", "Use a zoneinfo.ZoneInfo or UTC."
        )
    return packed


def _unpack_timestamp(data: dict[str, Any]) -> Any:
    import numpy as np
    import pandas as pd

    if data[_TAG] == "Timedelta":
        return pd.Timedelta(np.timedelta64(data[_VALUE], data["unit"]))
    moment = pd.Timestamp(np.datetime64(data[_VALUE], data["unit"]))
    return moment.tz_localize("UTC").tz_convert(data["zone"]) if "zone" in data else moment


def _unpack_period(data: dict[str, Any]) -> Any:
    import pandas as pd

    return pd.Period(ordinal=data[_VALUE], freq=data["freq"])


def _unpack_nat(_data: dict[str, Any]) -> Any:
    import pandas as pd

    return pd.NaT


def _pack_numpy(value: Any) -> dict[str, Any]:
    import numpy as np

    data = base64.b64encode(value.tobytes()[: value.nbytes]).decode()  # an empty np.str_ gives more than it has
    if not value.dtype.hasobject and value.dtype.names is None:
        same = np.dtype(value.dtype.str).type is value.dtype.type
        packed = _tagged("numpy", data, dtype=value.dtype.str if same else value.dtype.char)
        back = _unpack_numpy(packed)
        if (type(back), back.dtype) == (type(value), value.dtype):
            return packed
    raise _RefusalError(f"a numpy value of dtype {value.dtype} can't be kept exactly", "Use .item().")


def _unpack_numpy(data: dict[str, Any]) -> Any:
    import numpy as np

    buffer, dtype = base64.b64decode(data[_VALUE], validate=True), np.dtype(data["dtype"])
    if len(buffer) != dtype.itemsize:
        raise ValueError(f"{len(buffer)} bytes are no value of type {dtype}")
    return np.ndarray((), dtype, buffer)[()]


_UNPACKERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "int": lambda data: int(data[_VALUE], 16),
    "float": lambda data: float(data[_VALUE]),
    "tuple": lambda data: tuple(_unpack(item) for item in data[_VALUE]),
    "set": lambda data: {_unpack(item) for item in data[_VALUE]},
    "frozenset": lambda data: frozenset(_unpack(item) for item in data[_VALUE]),
    "map": _unpack_map,
    "bytes": lambda data: base64.b64decode(data[_VALUE], validate=True),
    "date": lambda data: date.fromisoformat(data[_VALUE]),
    "time": lambda data: time.fromisoformat(data[_VALUE]).replace(tzinfo=_zone(data), fold=data.get("fold", 0)),
    "datetime": lambda data: datetime.fromisoformat(data[_VALUE]).replace(tzinfo=_zone(data), fold=data.get("fold", 0)),
    "timedelta": lambda data: timedelta(*data[_VALUE]),
    "Decimal": lambda data: Decimal(data[_VALUE]),
    "UUID": lambda data: UUID(data[_VALUE]),
    "enum": _unpack_enum,
    "file": lambda data: FileRef(
        digest=data[_VALUE], name=data["name"], type=data["type"], size=data["size"], upload=data["upload"]
    ),
    "numpy": _unpack_numpy,
    "Timestamp": _unpack_timestamp,
    "Timedelta": _unpack_timestamp,
    "Period": _unpack_period,
    "NaT": _unpack_nat,
}
