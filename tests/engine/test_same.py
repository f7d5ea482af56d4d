"""What is the same value as another, so that to enter it is no edit: in all types that a field holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.codec import decode, encode
from core.state.equality import same
from tests.engine.test_any_stored_value import VALUES

NAN, ANOTHER = float("nan"), float("nan")
SAME: list[tuple[Any, Any]] = [
    (NAN, ANOTHER),
    ([NAN], [ANOTHER]),
    ((1, {"a": NAN}), (1, {"a": ANOTHER})),
    ({1: 2, 3: 4}, {3: 4, 1: 2}),
    ({1, NAN}, {ANOTHER, 1}),
    ({(NAN, 1): 2}, {(ANOTHER, 1): 2}),
    (Decimal("sNaN"), Decimal("sNaN")),
    (np.float32("nan"), np.float32("nan")),
    (np.datetime64("NaT"), np.datetime64("NaT")),
    (np.array([1, NAN]), np.array([1, ANOTHER])),
    ([np.array([1, 2])], [np.array([1, 2])]),
    (np.array([NAN, "a"], dtype=object), np.array([ANOTHER, "a"], dtype=object)),
    (np.array([]), np.array([])),
    (pd.DataFrame({"a": [NAN]}), pd.DataFrame({"a": [ANOTHER]})),
    (pd.NA, pd.NA),
]
OTHERS: list[tuple[Any, Any]] = [
    (1, True),
    (1, 1.0),
    ([1], [True]),
    ((1, 2), [1, 2]),
    ({1: 2}, {True: 2}),
    ({1: 2}, {1: 2.0}),
    ({1}, {True}),
    ({1: 2}, {3: 2}),
    ({"a": 1}, {"a": 1, "b": 2}),
    (NAN, 1.0),
    (Decimal("sNaN"), Decimal(1)),
    (np.int64(1), np.int32(1)),
    (np.array([1, 2]), np.array([1, 2, 3])),
    (np.array(1), np.array([1, 1])),
    (np.array([1, 2]), np.array([1.0, 2.0])),
    (pd.NA, pd.NaT),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_is_the_same(one: Any, other: Any) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_is_another(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert not same(other, one)


def test_what_is_stored_is_the_same_when_it_is_read_and_nothing_else_is() -> None:
    for place, value in enumerate(VALUES):
        assert [each for each, other in enumerate(VALUES) if same(decode(encode(value)), other)] == [place], value
