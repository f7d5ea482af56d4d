"""Who may do what: wildcards, and denial by default."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.permissions import matches, requires

SEGMENT = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
PERMISSION = st.lists(SEGMENT, min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("granted", "wanted", "answer"),
    [
        ("orders.read", "orders.read", True),
        ("orders.read", "orders.write", False),
        ("orders.read", "orders", False),
        ("orders", "orders.read", False),
        ("orders.*", "orders.read", True),
        ("orders.*", "orders.read.all", True),
        ("orders.*", "orders", False),
        ("orders.*", "orderstock.read", False),
        ("*", "orders.read", True),
        ("*.read", "orders.read", True),
        ("*.read", "orders.lines.read", True),
        ("orders.*.read", "orders.lines.read", True),
        ("orders.*.read", "orders.read", False),
        ("*", "", False),
        ("", "", False),
        ("*", "orders.", False),
    ],
)
def test_a_wildcard_stands_for_any_text(granted: str, wanted: str, answer: bool) -> None:
    assert matches([granted], wanted) is answer


@given(PERMISSION)
def test_nothing_granted_is_nothing_allowed(wanted: str) -> None:
    assert not matches([], wanted)


@given(PERMISSION, PERMISSION)
def test_without_a_wildcard_only_the_same_permission_matches(granted: str, wanted: str) -> None:
    assert matches([granted], wanted) == (granted == wanted)


@given(st.lists(PERMISSION, max_size=4), st.lists(PERMISSION, max_size=4), PERMISSION)
def test_granting_more_never_takes_away(some: list[str], more: list[str], wanted: str) -> None:
    assert matches([*some, *more], wanted) == (matches(some, wanted) or matches(more, wanted))


@pytest.mark.parametrize("permission", ["", "orders.*", "*", "orders.", ".read"])
def test_a_requirement_names_one_thing(permission: str) -> None:
    with pytest.raises(ValueError, match="wildcards"):
        requires(permission)


def test_a_requirement_needs_a_permission() -> None:
    with pytest.raises(ValueError, match="at least one"):
        requires()


def test_a_guarded_function_says_what_it_requires_and_keeps_its_name() -> None:
    @requires("orders.read")
    @requires("orders.write", "orders.read")
    def page() -> None:
        """The page."""

    assert page.required_permissions == ("orders.read", "orders.write")  # type: ignore[attr-defined]
    assert (page.__name__, page.__doc__) == ("page", "The page.")
