"""An edit is told from an old view, and no edit is done twice or put over a later one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.proto.WidgetStates_pb2 import WidgetState

from core.errors import KeepError, NotAllowedError
from core.streamlit_compat.messages import ClientMessage, FormPart, Unsent
from core.web.live_tab import Edit, LiveTab, MessageDiff

KEY = "f.name"
PLAIN = "$$ID-4567-plain"
"""A widget of Streamlit's own, which nothing is known of."""


class Tab:
    """A tab with one text field, and what was kept of it."""

    def __init__(self, shown: str = "") -> None:
        self.kept: list[Any] = []
        self.works, self.refuses = True, False
        self.live = LiveTab(self._keep, session_id="anon-1")
        self.show(shown)

    def show(
        self, value: str, *, given: bool = False, batched: bool = False, element: str = "", st_form: str = ""
    ) -> None:
        self.live.show(
            KEY,
            form="f",
            field="name",
            read=lambda state: state.string_value,
            refuse=self._refuse,
            value=value,
            given=given,
            batched=batched,
            element=element,
            st_form=st_form,
        )

    def send(self, *texts: str, **how: Any) -> None:
        for text in texts:
            self.keep(self.hear(text, **how))

    def hear(
        self, text: str, *, plain: str = "", press: str = "", full_resend: bool = False, **said: Any
    ) -> Sequence[Edit]:
        """What there is to keep of a message in which the field has a text, a plain widget another one."""
        states = [
            WidgetState(id=f"$$ID-0123-{KEY}", string_value=text),
            WidgetState(id=PLAIN, string_value=plain),
        ]
        if press:
            states.append(WidgetState(id=f"$$ID-89ab-{press}", trigger_value=True))
        return self.live.read(ClientMessage(states=states, asks=True, **said), full_resend=full_resend).edits

    def keep(self, edits: Sequence[Edit]) -> bool:
        return not edits or self.live.keep(edits)

    def _keep(self, edits: Sequence[Edit]) -> Mapping[str, str] | None:
        if self.refuses:
            raise NotAllowedError("f.edit")
        if not self.works:
            return None
        self.kept += [edit.value for edit in edits]
        return {edit.key: f"stamp of {edit.value}" for edit in edits}

    @staticmethod
    def _refuse(value: str) -> KeepError | None:
        return KeepError("forged") if value == "forged" else None


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


CAUSES: dict[str, dict[str, Any]] = {
    "another widget": {"plain": "typed"},
    "a button": {"press": "go"},
    "a part that is due again": {"by_itself": True},
    "another page": {"page": "other"},
    "a new connection": {"full_resend": True},
}


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_what_something_else_made_the_browser_send_is_an_old_view_while_news_are_on_their_way(
    cause: dict[str, Any],
) -> None:
    for old in ("mine", "earlier news"):
        tab = Tab()
        tab.live.page = "this"
        tab.send("mine")
        tab.show("earlier news", given=True)
        tab.show("news", given=True)
        tab.send(old, **cause)
        assert tab.kept == ["mine"]
        assert tab.live.is_old_view(KEY, old)
        tab.send(old, plain=cause.get("plain", ""))  # this widget alone can have made the browser send that
        assert tab.kept == ["mine", old]
        assert not tab.live.is_old_view(KEY, old)


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_what_differs_from_news_that_have_arrived_was_chosen(cause: dict[str, Any]) -> None:
    tab = Tab()
    tab.live.page = "this"
    tab.send("mine")
    tab.show("news", given=True)
    tab.send("news")
    tab.send("mine", **cause)
    assert tab.kept == ["mine", "mine"]


def test_what_was_never_shown_before_the_news_was_chosen_whatever_else_happened() -> None:
    tab = Tab()
    tab.send("mine")
    tab.show("news", given=True)
    tab.send("something new", plain="typed", press="go")
    assert tab.kept == ["mine", "something new"]


def test_two_widgets_that_both_have_what_they_had_have_not_been_given_the_news() -> None:
    tab = Tab()
    other = {"form": "f", "field": "other", "read": lambda state: state.string_value, "refuse": lambda _: None}
    tab.live.show("f.other", **other, value="a", given=True)
    states = [WidgetState(id=f"$$ID-0123-{key}", string_value="mine") for key in (KEY, "f.other")]
    tab.live.keep(tab.live.read(ClientMessage(states=states)).edits)
    tab.show("news", given=True)
    tab.live.show("f.other", **other, value="news", given=True)
    assert not tab.live.read(ClientMessage(states=states)).edits
    states[1] = WidgetState(id="$$ID-0123-f.other", string_value="news")
    assert [edit.key for edit in tab.live.read(ClientMessage(states=states)).edits] == [KEY]


@pytest.mark.parametrize(("press", "kept"), [("hand in", ["mine", "mine"]), ("undo", ["mine"]), ("", ["mine"])])
def test_what_waits_for_a_press_comes_with_one_that_is_not_our_own(press: str, kept: list[str]) -> None:
    tab = Tab()
    tab.live.note_own("undo")
    tab.send("mine")
    tab.show("news", given=True, batched=True)
    tab.send("mine", press=press)
    assert tab.kept == kept


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


def test_what_could_not_be_kept_is_an_edit_until_it_is() -> None:
    tab = Tab()
    tab.works = False
    assert not tab.keep(tab.hear("one"))
    assert not tab.keep(tab.hear("one", full_resend=True)), "said again, and nothing is durable yet"
    tab.works = True
    tab.send("one", "one")
    assert tab.kept == ["one"]


def test_what_its_callback_has_kept_or_its_person_may_not_do_is_no_edit_any_more() -> None:
    tab = Tab()
    tab.works = False
    tab.send("one")
    tab.live.settle(KEY)
    assert tab.hear("one") == []
    tab.refuses = True
    edits = tab.hear("two")
    with pytest.raises(NotAllowedError):
        tab.keep(edits)
    assert tab.hear("two") == []


def test_a_tab_knows_the_stamp_of_its_own_edit() -> None:
    tab = Tab()
    assert not tab.live.is_own(KEY, ""), "a field that nobody has entered anything into has no stamp"
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
    message = ClientMessage(states=[WidgetState(id=identity, string_value="text")])
    assert tab.live.read(message) == MessageDiff(edits=[], rejected=set())


def test_a_state_that_cannot_be_read_is_passed_over() -> None:
    tab = Tab()

    def read(state: WidgetState) -> Any:
        raise ValueError(state.string_value)

    tab.live.show(KEY, form="f", field="name", read=read, refuse=lambda _: None, value="", given=False)
    tab.send("anything")
    assert tab.kept == []


def test_what_is_nested_too_deeply_is_unfit_and_ends_nothing() -> None:
    tab = Tab()
    tab.live.show("f.table", form="f", field="table", read=_json, refuse=lambda _: None, value=None, given=False)
    nested = WidgetState(id="$$ID-0123-f.table", string_value="[" * 100_000)
    assert tab.live.read(ClientMessage(states=[nested], asks=True)) == MessageDiff(edits=[], rejected={nested.id})


def _json(state: WidgetState) -> Any:
    return json.loads(state.string_value)


class TestAnotherElement:
    """A widget whose arguments have changed is another element in the browser, of the same key."""

    ONE, OTHER = f"$$ID-0123-{KEY}", f"$$ID-4567-{KEY}"

    def read(self, tab: Tab, element: str, text: str) -> MessageDiff:
        return tab.live.read(ClientMessage(states=[WidgetState(id=element, string_value=text)], asks=True))

    def test_has_what_it_was_shown_with_and_that_is_no_edit(self) -> None:
        tab = Tab()
        tab.show("first", element=self.ONE)
        assert not self.read(tab, self.ONE, "first").edits
        tab.show("", element=self.OTHER)
        assert not self.read(tab, self.OTHER, "").edits
        assert [edit.value for edit in self.read(tab, self.OTHER, "second").edits] == ["second"]

    def test_makes_nothing_of_what_the_one_before_it_held(self) -> None:
        tab = Tab()
        tab.show("first", element=self.ONE)
        tab.show("first", element=self.OTHER)
        for text in ("first", "on its way"):
            assert self.read(tab, self.ONE, text) == MessageDiff(edits=[], rejected={self.ONE})
        tab.show("first", element=self.ONE)
        assert not self.read(tab, self.ONE, "first").edits


@pytest.mark.parametrize("clears", [True, False])
def test_what_is_sent_with_a_form_that_is_cleared_is_no_draft_each_time(clears: bool) -> None:
    """Also when the same is sent twice: the browser doesn't say that it has cleared its fields."""
    tab = Tab()
    tab.show("", batched=True, st_form="entry")
    tab.live.note(FormPart(form="entry", clears=clears))
    tab.live.note(FormPart(form="entry", button="$$ID-89ab-add"))

    first = tab.hear("Ada", press="add")
    tab.keep(first)
    second = tab.hear("Ada", press="add")
    tab.keep(second)
    between = tab.hear("Ada", press="another")

    assert [(edit.value, edit.sent) for edit in first] == [("Ada", clears)]
    assert [(edit.value, edit.sent) for edit in second] == ([("Ada", True)] if clears else [])
    assert between == [], "another button sends nothing away"


def elsewhere(tab: Tab) -> int:
    """The number of the message with which something was entered last that nobody keeps."""
    number: int = tab.live.report.to_dict()["elsewhere"]
    return number


def test_a_tab_knows_whether_something_was_entered_that_nobody_keeps() -> None:
    tab = Tab()
    tab.send("a", plain="x", number=1)
    assert elsewhere(tab) == 0, "the first message says what is there"

    tab.send("a", plain="y", number=2)
    assert elsewhere(tab) == 2
    tab.send("a", plain="y", number=3)
    assert elsewhere(tab) == 2, "a message that says nothing new changes nothing"
    tab.send("b", plain="y", number=4)
    assert elsewhere(tab) == 0
    tab.send("c", plain="z", number=5)
    assert elsewhere(tab) == 5, "one of both is not kept"


def test_what_is_entered_into_a_plain_widget_that_is_new_is_told_from_what_it_shows_at_first() -> None:
    tab = Tab()
    plain = WidgetState(id=PLAIN, string_value="y")
    tab.live.read(ClientMessage(states=[plain], asks=True, number=1))
    assert elsewhere(tab) == 0

    new = WidgetState(id="$$ID-cdef-new", bool_value=True)
    tab.live.read(ClientMessage(states=[plain, new], asks=True, number=2, touched={new.id}))
    assert elsewhere(tab) == 2


def test_what_a_run_keeps_of_a_plain_widget_is_kept_and_nothing_else() -> None:
    tab = Tab()
    tab.send("a", plain="x", number=1)
    tab.send("a", plain="y", number=2)

    tab.live.report.note_kept("another")
    assert elsewhere(tab) == 2
    tab.live.report.note_kept("plain")
    assert elsewhere(tab) == 0

    tab.send("a", plain="z", number=3)
    tab.live.report.note_saved()
    assert elsewhere(tab) == 0


@pytest.mark.parametrize("holds", [True, False])
def test_a_button_may_have_changed_what_nobody_keeps_where_there_is_such_a_thing_afterwards(holds: bool) -> None:
    tab = Tab()
    tab.send("a", number=1)
    tab.send("a", press="add-to-cart", number=2)
    tab.live.report.has_plain_state = holds

    assert elsewhere(tab) == (2 if holds else 0)
    tab.live.report.note_kept()
    assert elsewhere(tab) == 0


DAY, GIFT = "$$ID-0123-f.day", "$$ID-0123-f.gift"


def unsent(tab: Tab, day: str, *entered: Unsent, gift: bool = False, **said: Any) -> list[str]:
    """What the page still has to send after a message that comes with what it has not sent before."""
    states = [WidgetState(id=DAY, string_value=day), WidgetState(id=GIFT, bool_value=gift)]
    if said.get("press"):
        states.append(WidgetState(id=said.pop("press"), trigger_value=True))
    tab.live.read(ClientMessage(states=states, asks=True, unsent=entered, **said))
    found: list[str] = tab.live.report.to_dict()["unsent"]
    return found


def test_what_a_widget_shows_is_unsent_until_a_message_has_another_value_of_it() -> None:
    tab = Tab()
    day = Unsent(id=DAY, form="", number=1)
    assert unsent(tab, "1 May", number=1) == []
    assert unsent(tab, "1 May", day, gift=True, number=2) == [DAY], "another widget was touched"
    assert unsent(tab, "2 May", day, gift=True, number=3) == []
    assert unsent(tab, "2 May", day, gift=True, number=4) == [], "the page hasn't been told yet"
    again = Unsent(id=DAY, form="", number=4)
    assert unsent(tab, "2 May", again, gift=True, number=5) == [DAY]
    tab.live.note_shown([DAY])
    assert tab.live.report.to_dict()["unsent"] == [DAY]
    tab.live.note_shown([GIFT])
    assert tab.live.report.to_dict()["unsent"] == [], "it is on the page no more"


def test_what_waits_in_a_form_is_sent_with_its_own_button() -> None:
    tab = Tab()
    tab.live.note(FormPart(form="entry"))
    tab.live.note(FormPart(form="entry", button="$$ID-89ab-send"))
    waits = Unsent(id=GIFT, form="entry", number=1)
    assert unsent(tab, "1 May", number=1) == []
    assert unsent(tab, "1 May", waits, press="$$ID-89ab-other", number=2) == [GIFT]
    assert unsent(tab, "1 May", waits, press="$$ID-89ab-send", number=3) == [], "although its value is the one it was"


def test_a_form_can_t_be_saved_while_a_field_of_it_shows_what_was_not_sent() -> None:
    tab = Tab()
    day, forms = Unsent(id=f"$$ID-0123-{KEY}", form="", number=1), Unsent(id=f"$$ID-0123-{KEY}", form="entry", number=1)
    message = ClientMessage(
        states=[WidgetState(id=f"$$ID-0123-{KEY}", string_value="")], asks=True, number=2, unsent=[day]
    )
    tab.live.keep_drafts(message, tab.live.read(message).edits)
    assert list(tab.live.untaken) == [("f", "name")]

    message = ClientMessage(states=message.states, asks=True, number=3, unsent=[forms])
    tab.live.keep_drafts(message, tab.live.read(message).edits)
    assert tab.live.untaken == {}, "what waits for a button is none of the form's yet"
