"""What is kept comes back equal and of the same type; what would not is refused, with the reason."""

from __future__ import annotations

import enum
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CorruptValueError, NotKeptError
from core.storage.codec import MAX_DEPTH, MAX_VALUE_BYTES, decode, encode


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


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
    Decimal("-Infinity"),
    UUID(int=7),
    Colour.RED,
    Level.HIGH,
    [1, [2, "x"]],
    (1, (2,)),
    {(1, "a")},
    frozenset({(1, 2)}),
    {"a": {"$": "not a tag"}},
    {1: "int key", (1, 2): "tuple key", None: 0},
    np.float32(0.1),
    np.datetime64("2026-01-01"),
]


@pytest.mark.parametrize("value", EXACT, ids=repr)
def test_a_value_comes_back_equal_and_of_the_same_type(value: Any) -> None:
    back = decode(encode(value))
    assert back == value
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_not_a_number_comes_back_as_not_a_number() -> None:
    assert math.isnan(decode(encode(math.nan)))


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3), np.array(1.5), np.array(["é", "bc"]), np.zeros((0, 2))])
def test_an_array_comes_back_with_its_type_and_shape(array: Any) -> None:
    back = decode(encode(array))
    np.testing.assert_array_equal(back, array)
    assert (back.dtype, back.shape, back.flags.writeable) == (array.dtype, array.shape, True)


def test_a_table_comes_back_with_its_types_and_index() -> None:
    frame = pd.DataFrame(
        {"n": [1, 2], "when": pd.to_datetime(["2026-01-01", None], utc=True), "kind": pd.Categorical(["a", "b"])},
        index=pd.Index([10, 20], name="id"),
    )
    pd.testing.assert_frame_equal(decode(encode(frame)), frame)


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
        (np.array([object()]), "f", "dtype"),
        (pd.DataFrame({"mixed": [1, "a"]}), "f", "table"),
        (pd.Series([1]), "f", "Series"),
        (type("Text", (str,), {})("x"), "f", "Text"),
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
        '{"$": "from the future", "v": 1}',
        '{"$": "date", "v": "2026-13-01"}',
        '{"$": "bytes", "v": "not base64!"}',
        '{"$": "int"}',
        '{"$": "enum", "type": "os:environ", "v": "PATH"}',
        '{"$": "enum", "type": "subprocess_of_evil:X", "v": "Y"}',
        '{"$": "ndarray", "v": "AAAA", "dtype": "<f8", "shape": [9]}',
        '{"$": "DataFrame", "v": "AAAA"}',
    ],
)
def test_damaged_text_is_named_as_such(text: str) -> None:
    with pytest.raises(CorruptValueError, match="here"):
        decode(text, "here")
