"""Names become paths and paths names, whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotKeptError
from core.session import UserSession
from core.state.paths import join_path, split_path


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_a_path_gives_its_names_back(names: list[str]) -> None:
    path = join_path(*names)
    assert split_path(path) == tuple(names)
    assert path.isascii()
    assert "\0" not in path


def test_a_name_that_cannot_be_stored_is_refused_with_the_remedy() -> None:
    session = UserSession(session_id="s")
    with pytest.raises(NotKeptError, match=r"field/half \\ud800: .*Remove that character"):
        session.set_field("f", "half \ud800", 1)
    assert session.form("f").values == {}
