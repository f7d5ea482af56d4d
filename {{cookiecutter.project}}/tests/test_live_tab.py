"""An edit is told from an old view, and no edit is done twice or put over a later one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.web.live_tab import Edit, LiveTab
from core.web.protocol import WidgetState

KEY = "f.name"


class Tab:
    """A tab with one text field, and what was kept of it."""

    def __init__(self, shown: str = "") -> None:
        self.kept: list[Any] = []
        self.works = True
        self.live = LiveTab(self._keep, session_id="anon-1")
        self.show(shown)

    def show(self, value: str, *, given: bool = False) -> None:
        self.live.show(
            KEY,
            form="f",
            field="name",
            read=lambda state: state.string_value,
            fits=self._fits,
            value=value,
            given=given,
        )

    def send(self, *texts: str) -> None:
        for text in texts:
            state = WidgetState(id=f"$$ID-0123-{KEY}", string_value=text)
            if edits := self.live.edits([state]):
                self.live.keep(edits)

    def _keep(self, edits: Sequence[Edit]) -> Mapping[str, str] | None:
        if not self.works:
            return None
        self.kept += [edit.value for edit in edits]
        return {edit.key: f"stamp of {edit.value}" for edit in edits}

    @staticmethod
    def _fits(value: str) -> bool:
        return value != "forged"


@given(texts=st.lists(st.sampled_from("abc"), max_size=8))
def test_every_change_is_kept_once_and_in_order(texts: list[str]) -> None:
    tab = Tab(shown="a")
    tab.send(*texts)
    changes = [text for text, before in zip(texts, ["a", *texts], strict=False) if text != before]
    assert tab.kept == changes


def test_what_the_widget_was_shown_with_is_no_edit() -> None:
    tab = Tab(shown="default")
    tab.send("default", "default")
    assert tab.kept == []


def test_the_browser_s_old_view_is_no_edit_while_news_are_on_their_way_to_it() -> None:
    tab = Tab()
    tab.send("mine")
    tab.show("news of another tab", given=True)
    tab.send("mine")
    assert tab.kept == ["mine"]
    tab.send("news of another tab", "mine again")
    assert tab.kept == ["mine", "mine again"]


def test_a_message_that_crossed_what_the_widget_was_given_is_an_old_view() -> None:
    tab = Tab()
    tab.send("mine")
    assert not tab.live.is_old_view(KEY)
    tab.show("news of another tab", given=True)
    tab.send("mine")
    assert tab.live.is_old_view(KEY)
    tab.send("news of another tab")
    assert not tab.live.is_old_view(KEY)
    assert not tab.live.is_old_view("f.unknown")


def test_going_back_to_what_was_shown_first_is_an_edit() -> None:
    tab = Tab(shown="a")
    tab.send("b")
    tab.show("a")
    tab.send("a")
    assert tab.kept == ["b", "a"]


def test_a_callback_learns_which_edits_were_kept_before_it_ran() -> None:
    tab = Tab()
    tab.send("one", "two", "three")
    assert tab.live.took(KEY, "one")
    assert tab.live.took(KEY, "three")
    assert not tab.live.took(KEY, "two"), "its callback comes after that of a later edit, so it was never killed"
    assert not tab.live.took(KEY, "four")
    assert not tab.live.took("f.other", "one")


def test_what_could_not_be_kept_is_left_to_the_callback() -> None:
    tab = Tab()
    tab.send("one")
    tab.works = False
    tab.send("two", "one")
    assert tab.kept == ["one"]
    assert not tab.live.took(KEY, "one"), "it was entered again since, and that was not kept"


def test_a_tab_knows_the_stamp_of_its_own_edit() -> None:
    tab = Tab()
    tab.send("one")
    assert tab.live.is_own(KEY, "stamp of one")
    assert not tab.live.is_own(KEY, "stamp of another")
    assert not tab.live.is_own("f.other", "stamp of one")


def test_what_the_widget_may_not_hold_is_not_kept() -> None:
    tab = Tab()
    tab.send("forged")
    assert tab.kept == []


@pytest.mark.parametrize("identity", ["$$ID-0123-None", "$$ID-0123-f.unknown", "", "$$ID", "x"])
def test_widgets_nobody_announced_are_passed_over(identity: str) -> None:
    tab = Tab()
    assert tab.live.edits([WidgetState(id=identity, string_value="text")]) == []


def test_a_state_that_cannot_be_read_is_passed_over() -> None:
    tab = Tab()

    def read(state: WidgetState) -> Any:
        raise ValueError(state.string_value)

    tab.live.show(KEY, form="f", field="name", read=read, fits=lambda _: True, value="", given=False)
    tab.send("anything")
    assert tab.kept == []
