"""What is kept comes back equal and of the same type; what would not is refused, with the reason."""

from __future__ import annotations

import collections
import enum
import http
import math
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codec import MAX_DEPTH, MAX_VALUE_BYTES, Unreadable, decode, encode
from core.errors import CorruptValueError, NotKeptError

APP = "apps.colours"  # the Enums below are found there, as if an app had them
sys.modules[APP] = sys.modules[__name__]


class Colour(enum.Enum):
    __module__ = APP
    RED = "red"
    SCARLET = "red"  # noqa: PIE796 - an alias


class Level(enum.IntEnum):
    __module__ = APP
    HIGH = 3


class Word(enum.StrEnum):
    __module__ = APP
    YES = "yes"


class Right(enum.Flag):
    __module__ = APP
    READ = 1
    WRITE = 2


class Elsewhere(enum.Enum):
    ONE = 1


class Holder:
    class Inner(enum.Enum):
        __module__ = APP
        ONE = 1


def local_enum() -> Any:
    return enum.Enum("Local", {"ONE": 1}, module=APP).ONE  # type: ignore[attr-defined]


class Text(str):
    pass


class Number(int):
    pass


class Items(list[int]):
    pass


class Mapping(dict[str, int]):
    pass


Point = collections.namedtuple("Point", "x y")


EXACT: list[Any] = [
    None,
    True,
    0,
    -(2**200),
    2**53 + 1,
    -0.0,
    1.0,
    1e-320,
    math.inf,
    "",
    "a\x00b",
    "\U0001f600",
    b"\x00\xff",
    date(2026, 2, 28),
    time(23, 59, 59, 999999),
    time(1, 2, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 5, 6),  # noqa: DTZ001 - a widget may return a naive one
    datetime(2026, 1, 2, tzinfo=UTC),
    datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    timedelta(days=-1, microseconds=1),
    Decimal("1.10"),
    pd.Timestamp("2026-05-01T12:00:00.123456789"),
    pd.Timestamp("9999-12-31"),
    pd.Timestamp("2026-10-25T01:30Z").tz_convert("Europe/Berlin"),  # the second half past two of that night
    pd.Timestamp("2026-05-01T00:00+02:00"),
    pd.Timedelta(1, unit="ns"),
    pd.Timedelta(days=400).as_unit("s"),
    pd.Period("2026-05", freq="M"),
    pd.Period("2026-05-01T10:07", freq="15min"),
    pd.NaT,
    Decimal("-Infinity"),
    UUID(int=7),
    Colour.RED,
    Colour.SCARLET,
    Level.HIGH,
    Word.YES,
    Right.READ,
    Holder.Inner.ONE,
    datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1))),
    datetime(2026, 1, 2, tzinfo=ZoneInfo("UTC")),
    datetime(2026, 1, 2, tzinfo=timezone(timedelta(microseconds=-1))),
    datetime(2026, 10, 25, 2, 30, fold=0, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(1, 1, 1),  # noqa: DTZ001
    time(2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    timedelta.max,
    Decimal("-0E+3"),
    Decimal("NaN123"),
    1e16,
    [math.nan, -math.inf, -0.0],
    {"nan": (math.nan,)},
    {True: "bool", 2: "int", 3.0: "float", "4": "str", Decimal(5): "Decimal"},
    {1: 1},
    {True: 1},
    {1.0: 1},
    {"b": 1, "a": 2},
    {np.int64(1): 1},
    {Colour.RED: 1},
    {frozenset({1}): {b"k": {}}},
    [],
    (),
    {},
    set(),
    [1, [2, "x"]],
    (1, (2,)),
    {(1, "a")},
    frozenset({(1, 2)}),
    {"a": {"$": "not a tag"}},
    {1: "int key", (1, 2): "tuple key", None: 0},
    np.float32(0.1),
    np.float64(-0.0),
    np.float64(math.nan),
    np.float16(1.5),
    np.int8(-1),
    np.uint64(2**64 - 1),
    np.longlong(5),
    np.bool_(True),
    np.complex64(1 + 2j),
    np.str_("né"),
    np.str_(""),
    np.bytes_(b""),
    np.datetime64("2026-01-01"),
    np.datetime64("2026-01-01T00:00", "25m"),
    np.datetime64("NaT"),
    np.timedelta64(3, "ns"),
    np.void(b"abc"),
]


@pytest.mark.parametrize("value", EXACT, ids=repr)
def test_a_value_comes_back_equal_and_of_the_same_type(value: Any) -> None:
    back = decode(encode(value))
    assert back == value or back != back or "nan" in repr(value)
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_what_a_repr_does_not_show_comes_back_too() -> None:
    berlin = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    back = decode(encode(berlin))
    assert (back.fold, back.utcoffset()) == (1, timedelta(hours=1))
    assert decode(encode(datetime(2026, 1, 2, tzinfo=UTC))).tzinfo is UTC


@pytest.mark.parametrize(
    "wrap", [lambda v: [v], lambda v: (v,), lambda v: {"k": v}, lambda v: {1: v}, lambda v: {"$": v}]
)
def test_a_hundred_levels_are_kept_and_one_more_is_refused(wrap: Callable[[Any], Any]) -> None:
    value: Any = np.float64(1)
    for _ in range(MAX_DEPTH):
        value = wrap(value)
    assert decode(encode(value)) == value
    with pytest.raises(NotKeptError, match="nested deeper"):
        encode(wrap(value))


def test_not_a_number_comes_back_as_not_a_number() -> None:
    assert math.isnan(decode(encode(math.nan)))


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.text(), st.integers(), st.dates(), st.tuples(st.integers()))
    return st.one_of(st.lists(leaves), st.dictionaries(keys, leaves), st.tuples(leaves, leaves))


@given(
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False),
            st.text(),
            st.binary(),
            st.dates(),
            st.datetimes(timezones=st.one_of(st.none(), st.timezones())),
            st.timedeltas(),
            st.decimals(allow_nan=False),
            st.uuids(),
        ),
        nested,
        max_leaves=20,
    )
)
def test_any_nesting_of_plain_values_comes_back_exactly(value: Any) -> None:
    back = decode(encode(value))
    assert back == value
    assert repr(back) == repr(value)


def cycle() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    ("value", "where", "why"),
    [
        (object(), "f", "object"),
        ({"a": [1, {2: open}]}, "f.a[1][2]", "builtin"),
        ("half \ud800", "f", "surrogate"),
        ({"half \ud800": 1}, "f", "surrogate"),
        ("x" * MAX_VALUE_BYTES, "f", "KB"),
        (cycle(), "f[0]", f"deeper than {MAX_DEPTH}"),
        (np.array([1, 2]), "f", "ndarray"),
        (pd.DataFrame({"a": [1]}), "f", "DataFrame"),
        (pd.Series([1]), "f", "Series"),
        (Text("x"), "f", "Text"),
        (Number(1), "f", "Number"),
        (Items([1]), "f", "Items"),
        (Mapping(a=1), "f", "Mapping"),
        (Point(1, 2), "f", "Point"),
        (collections.OrderedDict(a=1), "f", "OrderedDict"),
        ({Text("key"): 1}, "f key", "Text"),
        (bytearray(b"x"), "f", "bytearray"),
        (1j, "f", "complex"),
        (pd.NA, "f", "NA"),
        (Elsewhere.ONE, "f", "defined in"),
        (http.HTTPStatus.OK, "f", "defined in http"),
        (Right.READ | Right.WRITE, "f", "READ|WRITE"),
        (local_enum(), "f", "Local"),
        (np.ma.array([1], mask=[1]), "f", "MaskedArray"),
        (np.array([(1, 2)], dtype="i4,i4")[0], "f", "dtype"),
        (np.str_("a\0"), "f", "dtype"),
    ],
    ids=lambda value: None if not isinstance(value, str) else value[:12].encode("ascii", "replace").decode(),
)
def test_what_would_not_come_back_is_refused_with_place_reason_and_remedy(value: Any, where: str, why: str) -> None:
    with pytest.raises(NotKeptError) as refusal:
        encode(value, "f")
    assert refusal.value.path.startswith(where)
    assert why in refusal.value.reason
    assert refusal.value.remedy.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"$": "date", "v": "2026-13-01"}',
        '{"$": "bytes", "v": "not base64!"}',
        '{"$": "int"}',
        '{"$": "enum", "type": "os:environ", "v": "PATH"}',
        '{"$": "map", "v": [1]}',
        '{"$": "map", "v": [[], 1]}',
        '{"$": "timedelta", "v": [9999999999, 0, 0]}',
        '{"$": "datetime", "v": "2026-01-01", "zone": "/etc/passwd"}',
        '{"$": "numpy", "v": "AAAA", "dtype": "O"}',
        '{"$": "numpy", "v": "AAAA", "dtype": "<f8"}',
    ],
)
def test_damaged_text_is_named_as_such(text: str) -> None:
    with pytest.raises(CorruptValueError, match="here"):
        decode(text, "here")


@pytest.mark.parametrize(
    "text",
    [
        '{"$": "from the future", "v": 1}',
        '{"$": "enum", "type": "subprocess_of_evil:X", "v": "Y"}',
        '{"$": "enum", "type": "apps.colours:Colour", "v": "GREEN"}',
        '{"$": "enum", "type": "apps.colours:Color", "v": "RED"}',
        '{"$": "enum", "type": "apps.gone:Colour", "v": "RED"}',
        '{"$": "datetime", "v": "2026-01-01", "zone": "Mars/Olympus"}',
        '{"$": "Timestamp", "v": 0, "unit": "us", "zone": "Mars/Olympus"}',
    ],
)
def test_what_other_code_wrote_is_neither_read_nor_changed(text: str) -> None:
    compact = orjson.dumps(orjson.loads(text)).decode()
    around = f'[1,{{"a":{compact}}},{{"$":"set","v":[{compact}]}},{{"$":"map","v":[{compact},2]}}]'
    for each in (compact, around):
        assert encode(decode(each)) == each
    one, inner, several, mapping = decode(around)
    assert (one, several, mapping) == (1, {inner["a"]}, {inner["a"]: 2})
    assert isinstance(inner["a"], Unreadable)
    assert str(inner["a"])
    assert inner["a"].reason
