"""What comes from outside is written as it reads."""

from __future__ import annotations

import re

import pytest

from core.ui import plain


@pytest.mark.parametrize(
    "text", ["**x** :red[r]", "[a](http://b.c)", "HTTPS://b.c/d", "see www.b.c", "ada@b.c", "<b>x</b>", "![p](q)"]
)
def test_nothing_in_a_text_is_formatting_or_a_link(text: str) -> None:
    shown = re.sub(r"\\(.)", r"\1", plain(text))

    assert re.search(r"(?<!\\)[*:\[\]()<>!.]", plain(text)) is None
    assert re.search(r"https?://|www\.|\w@\w", shown, re.IGNORECASE) is None, "would be shown as a link"
    assert shown.replace("\u2060", "") == text
