"""Equality of stored values."""

from __future__ import annotations

from typing import Any

_EMPTY: tuple[Any, ...] = (None, "", False, [], ())


def is_empty(value: Any) -> bool:
    """Return whether a value is that of a field nobody has filled in, or that was cleared again."""
    return any(same(value, empty) for empty in _EMPTY)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal and of the same type, within lists and dicts, too. NaN is the same as NaN.

    Values whose `==` is no bool are compared as well: arrays and frames.
    """
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is list or kind is tuple:
        return len(one) == len(other) and all(map(same, one, other))
    if kind is dict or kind is set or kind is frozenset:
        return len(one) == len(other) and _hold_the_same(one, other)
    if hasattr(one, "equals"):
        return bool(one.equals(other))
    if hasattr(one, "dtype") and (one.shape or other.shape):
        return bool(one.dtype == other.dtype and one.shape == other.shape and _same_elements(one, other))
    try:
        return bool(one == other or (one != one and other != other))
    except ArithmeticError:  # of a NaN that says no to everything
        return str(one) == str(other)


def _hold_the_same(one: Any, other: Any) -> bool:
    """Return whether two dicts or two sets are the same in any order. Equal keys may be of two types."""
    theirs, nothing = {each: each for each in other}, object()
    for each in one:
        alike = [theirs[each]] if each in theirs else other
        match = next((key for key in alike if same(key, each)), nothing)
        if match is nothing or (isinstance(one, dict) and not same(one[each], other[match])):
            return False
    return True


def _same_elements(one: Any, other: Any) -> bool:
    if one.dtype.hasobject:
        return same(one.tolist(), other.tolist())
    return bool(((one == other) | ((one != one) & (other != other))).all())
