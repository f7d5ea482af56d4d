"""What typed text becomes, and what is noted about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotKeptError
from core.state.paths import split_path
from core.state.text_rules import TextRule
from core.state.typed_text import Draft, digest_of, draft_path

TEXT, WHOLE = TextRule(kind="text", longest=5), TextRule(kind="integer", low=1, high=9)


@given(number=st.integers(), digest=st.text(), on_screen=st.booleans())
def test_a_note_comes_back_as_it_was(number: int, digest: str, on_screen: bool) -> None:
    note = Draft(number=number, digest=digest, on_screen=on_screen)
    assert Draft.parse(note.to_dict()) == note


@pytest.mark.parametrize("stored", [None, 1, {}, {"number": "1", "digest": "", "on_screen": True}])
def test_what_is_no_note_is_none(stored: object) -> None:
    assert Draft.parse(stored) is None


@given(names=st.tuples(st.text("a/b %", min_size=1), st.text("c/d", min_size=1)))
def test_every_field_has_a_note_of_its_own(names: tuple[str, str]) -> None:
    assert split_path(draft_path("t", *names)) == ("tab", "t", "draft", *names)


@pytest.mark.parametrize(
    ("rule", "text", "value"),
    [
        (TEXT, "abc", "abc"),
        (TEXT, "", ""),
        (TextRule(kind="text", optional=True), "", None),
        (WHOLE, "7", 7),
        (TextRule(kind="integer", optional=True), "", None),
        (TextRule(kind="decimal"), "1.50", 1.5),
    ],
)
def test_text_becomes_what_the_widget_will_hold(rule: TextRule, text: str, value: object) -> None:
    assert rule.read(text) == value
    assert type(rule.read(text)) is type(value)


@pytest.mark.parametrize(
    ("rule", "text"), [(TEXT, "abcdef"), (WHOLE, "-"), (WHOLE, ""), (WHOLE, "0"), (WHOLE, "10"), (WHOLE, "1.5")]
)
def test_what_the_widget_would_not_take_is_refused(rule: TextRule, text: str) -> None:
    with pytest.raises(NotKeptError):
        rule.read(text)


@pytest.mark.parametrize(("text", "length"), [("", 0), ("abc", 3), ("😀", 2), ("e\u0301", 2), ("\ud83d", 1)])
def test_a_text_is_as_long_as_the_browser_says(text: str, length: int) -> None:
    assert TextRule(kind="text", longest=length).read(text) == text
    with pytest.raises(NotKeptError, match=f"has {length + 1} characters"):
        TextRule(kind="text", longest=length).read(f"{text}x")


@pytest.mark.parametrize("text", ["nan", "inf", "1e999"])
def test_no_number_without_an_end_is_taken(text: str) -> None:
    with pytest.raises(NotKeptError):
        TextRule(kind="decimal").read(text)


def test_values_of_different_types_have_different_digests() -> None:
    assert len({digest_of(value) for value in (1, 1.0, "1", None, "None")}) == 5
