"""A field's token counts for the one field of the one session it was issued for, and tells how its text is read."""

from __future__ import annotations

import pytest

from core.state.text_rules import TextRule
from core.web.field_token import FieldToken, owner_tag

SECRET, SESSION = "a secret of this project", "session-1"
TEXT = TextRule(kind="text", longest=20)
RULES = [
    TEXT,
    TextRule(kind="text", optional=True),
    TextRule(kind="integer", low=1, high=9),
    TextRule(kind="decimal", optional=True, low=-0.5),
]


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize(("form", "field"), [("order", "item"), ("a/b.c", "größe 😀"), ("", "")])
def test_a_token_comes_back_as_it_was_issued(form: str, field: str, rule: TextRule) -> None:
    token = FieldToken(form=form, field=field, rule=rule)

    text = token.issue(SESSION, SECRET)

    assert FieldToken.open(text, SESSION, SECRET) == token
    assert text.isascii()
    assert SESSION not in text


def test_it_counts_for_no_other_session_and_no_other_project() -> None:
    text = FieldToken(form="order", field="item", rule=TEXT).issue(SESSION, SECRET)

    assert FieldToken.open(text, "session-2", SECRET) is None
    assert FieldToken.open(text, SESSION, "another secret") is None


def test_no_character_of_it_can_be_changed() -> None:
    text = FieldToken(form="order", field="item", rule=TEXT).issue(SESSION, SECRET)

    for place in range(len(text)):
        changed = text[:place] + ("B" if text[place] != "B" else "C") + text[place + 1 :]
        assert FieldToken.open(changed, SESSION, SECRET) is None


def test_the_signature_of_one_token_opens_no_other() -> None:
    mine = FieldToken(form="order", field="item", rule=TEXT).issue(SESSION, SECRET)
    other = FieldToken(form="order", field="price", rule=TEXT).issue(SESSION, SECRET)

    assert FieldToken.open(f"{other.partition('.')[0]}.{mine.partition('.')[2]}", SESSION, SECRET) is None


@pytest.mark.parametrize("text", ["", ".", "..", "a.b", "é.é", "x" * 100_000, "W10."])
def test_any_other_text_is_no_grant(text: str) -> None:
    assert FieldToken.open(text, SESSION, SECRET) is None


def test_a_browser_tells_its_people_apart_without_learning_their_sessions() -> None:
    tag = owner_tag(SESSION, SECRET)

    assert tag == owner_tag(SESSION, SECRET)
    assert tag != owner_tag("session-2", SECRET)
    assert len(tag) == 22
    assert SESSION not in tag
