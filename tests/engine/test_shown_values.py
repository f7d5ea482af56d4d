"""What a controlled widget shows at a run, and what of that is an edit: laws for every kind of widget."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.services import Services, get_services
from core.session import UserSession
from core.state.paths import field_path
from core.state.typed_text import Draft, digest_of, draft_path
from core.streamlit_compat.messages import ClientMessage
from tests.engine import writing
from tests.engine.test_widgets import COLOURS, EVERY_KIND

pytestmark = pytest.mark.usefixtures("as_one_person")

TAB = "a" * 32
NOON, EVENING = time(12), time(18)
DAY, LATER = date(2026, 1, 1), date(2026, 5, 1)
MORNING = datetime.fromisoformat("2026-01-01T09:00")


def page(kind: str, arguments: list[object], options: dict[str, object], key: str | None) -> None:
    """A widget, and what a page's buttons and its script may do to it through `st.session_state`."""
    import streamlit as st

    from core import bootstrap_session, ui

    bootstrap_session().attach_tab("a" * 32)
    name = key or ui.widget_key("form", "field")
    state = st.session_state

    def assign() -> None:
        state[name] = state["to_assign"]

    st.button("Sample", on_click=assign)
    if st.button("Sample in the script"):
        assign()
    if st.button("Seed") and name not in state:
        assign()
    st.button("Reset", on_click=lambda: state.pop(name))
    if not state.get("elsewhere"):
        more = {**options, **state.get("more", {})}
        state["returned"] = getattr(ui, kind)(
            *state.get("arguments", arguments), form="form", field="field", key=key, **more
        )


def open_tab(
    kind: str, arguments: list[Any], options: dict[str, Any], *, key: str | None = None, **state: Any
) -> AppTest:
    tab = AppTest.from_function(page, kwargs={"kind": kind, "arguments": arguments, "options": options, "key": key})
    return put(tab, **state)


def put(tab: AppTest, **state: Any) -> AppTest:
    """Run again with something else in the session's state."""
    for name, value in state.items():
        tab.session_state[name] = value
    tab.run()
    assert not tab.exception, tab.exception[0].message
    return tab


def press(tab: AppTest, label: str) -> AppTest:
    next(button for button in tab.button if button.label == label).click()
    return put(tab)


def widget(tab: AppTest, kind: str) -> Any:
    return tab.get({"datetime_input": "date_time_input"}.get(kind, kind))[0]


def returned(tab: AppTest) -> Any:
    return tab.session_state["returned"]


def person() -> UserSession:
    local = get_services().accounts.users.find("local")
    assert local is not None
    return get_services().engine.open(local.session_id)


def kept() -> dict[str, Any]:
    return dict(person().form("form").values)


def same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


@pytest.mark.parametrize(("kind", "arguments", "options", "value"), EVERY_KIND)
class TestEveryKind:
    def test_what_the_app_assigns_is_kept_and_its_key_taken_out_resets_the_field(
        self, kind: str, arguments: list[Any], options: dict[str, Any], value: Any
    ) -> None:
        tab = open_tab(kind, arguments, options)
        initial = returned(tab)
        press(put(tab, to_assign=value), "Sample")
        assert same(returned(tab), value)
        assert same(kept()["field"], value)
        assert same(returned(open_tab(kind, arguments, options)), value)

        press(tab, "Reset")
        assert same(returned(tab), initial)
        assert widget(tab, kind).proto.set_value, "otherwise the browser goes on showing what it has"
        assert kept() == {}
        assert same(returned(open_tab(kind, arguments, options)), initial)
        person().undo("form")
        assert same(returned(put(tab)), value)

        press(put(tab, to_assign=initial), "Sample in the script")
        assert same(returned(tab), initial)
        assert same(kept()["field"], initial)

    def test_what_is_entered_is_shown_although_the_same_message_has_it_disabled(
        self, kind: str, arguments: list[Any], options: dict[str, Any], value: Any
    ) -> None:
        """Streamlit passes over it then, and would give the page what was there before."""
        tab = open_tab(kind, arguments, options)
        widget(tab, kind).set_value(value)
        put(tab, more={"disabled": True})
        assert same(kept()["field"], value)
        assert same(returned(tab), value)
        assert widget(tab, kind).proto.set_value
        assert same(returned(put(tab)), value)

    def test_a_sample_is_kept_where_its_widget_was_not_on_the_page(
        self, kind: str, arguments: list[Any], options: dict[str, Any], value: Any
    ) -> None:
        tab = open_tab(kind, arguments, options, to_assign=value)
        put(tab, elsewhere=True)
        press(tab, "Sample in the script")
        assert kept() == {}
        put(tab, elsewhere=False)

        assert same(returned(tab), value)
        assert same(kept()["field"], value)

    def test_a_sample_of_a_callback_is_kept_where_its_widget_was_never_shown(
        self, kind: str, arguments: list[Any], options: dict[str, Any], value: Any
    ) -> None:
        first = open_tab(kind, arguments, options)
        before = returned(first)
        person().set_field("form", "field", before)
        tab = open_tab(kind, arguments, options, to_assign=value, elsewhere=True)
        press(tab, "Sample")
        put(tab, elsewhere=False)

        assert same(returned(tab), value)
        assert same(kept()["field"], value)

    def test_what_is_assigned_before_the_widget_is_shown_is_its_default_and_what_is_saved_comes_before_it(
        self, kind: str, arguments: list[Any], options: dict[str, Any], value: Any
    ) -> None:
        initial = returned(open_tab(kind, arguments, options))
        tab = open_tab(kind, arguments, options, key="own", own=value)
        assert same(returned(tab), value)
        assert same(returned(put(tab)), value)
        assert kept() == {}

        person().set_field("form", "field", value)
        tab = open_tab(kind, arguments, options, key="own", own=initial)
        assert same(returned(tab), value)
        assert same(returned(put(tab)), value)


FOLLOWING: list[tuple[str, list[Any], list[Any]]] = [
    ("text_input", ["Label", "Ada"], ["Label", "Grace"]),
    ("text_area", ["Label", "Ada"], ["Label", "Grace"]),
    ("number_input", ["Label", 0, 10, 3], ["Label", 0, 10, 4]),
    ("slider", ["Label", 0, 10, 3], ["Label", 0, 10, 4]),
    ("slider", ["Label", 0, 10, (2, 8)], ["Label", 0, 10, (3, 9)]),
    ("selectbox", ["Label", COLOURS, 0], ["Label", COLOURS, 1]),
    ("radio", ["Label", COLOURS, 0], ["Label", COLOURS, 1]),
    ("multiselect", ["Label", COLOURS, ["red"]], ["Label", COLOURS, ["blue", "green"]]),
    ("select_slider", ["Label", COLOURS, "red"], ["Label", COLOURS, "blue"]),
    ("checkbox", ["Label", False], ["Label", True]),
    ("toggle", ["Label", False], ["Label", True]),
    ("date_input", ["Label", DAY], ["Label", LATER]),
    ("time_input", ["Label", NOON], ["Label", EVENING]),
    ("datetime_input", ["Label", MORNING], ["Label", MORNING.replace(month=2)]),
    ("color_picker", ["Label", "#112233"], ["Label", "#445566"]),
]


@pytest.mark.parametrize(("kind", "one", "other"), FOLLOWING)
class TestAnUntouchedField:
    def test_follows_its_default_to_the_next_record(self, kind: str, one: list[Any], other: list[Any]) -> None:
        first, second = returned(open_tab(kind, one, {})), returned(open_tab(kind, other, {}))
        tab = open_tab(kind, one, {})
        put(tab, arguments=other)
        assert same(returned(tab), second)
        assert widget(tab, kind).proto.set_value, "otherwise the browser goes on showing what it has"
        put(tab, elsewhere=True)
        put(tab, elsewhere=False, arguments=one)
        assert same(returned(tab), first)
        assert kept() == {}

    def test_that_is_disabled_follows_it_also_once_that_was_saved(
        self, kind: str, one: list[Any], other: list[Any]
    ) -> None:
        second = returned(open_tab(kind, other, {}))
        tab = open_tab(kind, one, {"disabled": True})
        person().set_field("form", "field", returned(tab))
        put(put(tab), arguments=other)
        assert same(returned(tab), second)
        assert same(kept()["field"], second)

    def test_stays_once_it_was_touched(self, kind: str, one: list[Any], other: list[Any]) -> None:
        entered = returned(open_tab(kind, other, {}))
        tab = open_tab(kind, one, {})
        widget(tab, kind).set_value(entered)
        put(tab)
        put(tab, arguments=one)
        assert same(returned(tab), entered)


def test_a_time_that_begins_with_now_does_not_tick() -> None:
    tab = open_tab("time_input", ["Label"], {})
    first = returned(tab)
    put(tab)
    assert returned(tab) == first
    assert not widget(tab, "time_input").proto.set_value


ANOTHER_ELEMENT: list[tuple[str, list[Any], dict[str, Any], dict[str, Any], Any]] = [
    ("text_input", ["Label"], {"max_chars": 9}, {"max_chars": 20}, "first"),
    ("text_input", ["Label"], {}, {"validate": r".*"}, "first"),
    ("text_area", ["Label"], {}, {"max_chars": 20}, "first"),
    ("slider", ["Label"], {"min_value": 10, "max_value": 15}, {"min_value": 10, "max_value": 20}, 12),
    ("slider", ["Label"], {"min_value": 10, "max_value": 15}, {"min_value": 10, "max_value": 15, "step": 2}, 12),
    ("selectbox", ["Label", COLOURS], {}, {"accept_new_options": True}, "blue"),
    ("multiselect", ["Label", COLOURS], {}, {"max_selections": 2}, ["blue", "red"]),
    ("multiselect", ["Label", COLOURS], {}, {"accept_new_options": True}, ["blue", "red"]),
    ("time_input", ["Label", NOON], {}, {"step": 3600}, EVENING),
    ("date_input", ["Label", DAY], {}, {"format": "DD.MM.YYYY"}, LATER),
    ("datetime_input", ["Label", MORNING], {}, {"format": "DD.MM.YYYY"}, MORNING.replace(month=3)),
    ("feedback", [], {"options": "stars"}, {"options": "faces"}, 3),
]


@pytest.mark.parametrize(("kind", "arguments", "before", "after", "value"), ANOTHER_ELEMENT)
@pytest.mark.parametrize("key", [None, "own"])
class TestAnotherElement:
    """Some arguments are part of a widget's identity in Streamlit: with others it is a new widget, of the same key."""

    def test_shows_what_is_saved_and_so_does_the_first_one_again(
        self,
        kind: str,
        arguments: list[Any],
        before: dict[str, Any],
        after: dict[str, Any],
        value: Any,
        key: str | None,
    ) -> None:
        tab = open_tab(kind, arguments, {}, key=key, more=before)
        first = widget(tab, kind).proto.id
        widget(tab, kind).set_value(value)
        put(tab)
        for more in (after, before, after):
            put(tab, more=more)
            assert same(returned(tab), value)
            assert same(returned(put(tab)), value)
            assert (widget(tab, kind).proto.id == first) is (more == before)
        assert same(kept()["field"], value)

    def test_of_an_untouched_field_keeps_nothing(
        self,
        kind: str,
        arguments: list[Any],
        before: dict[str, Any],
        after: dict[str, Any],
        value: Any,
        key: str | None,
    ) -> None:
        tab = open_tab(kind, arguments, {}, key=key, more=before)
        for more in (after, before):
            put(put(tab, more=more))
        assert kept() == {}


UNFITTING: list[tuple[str, list[Any], dict[str, Any], dict[str, Any], Any, Any]] = [
    ("selectbox", ["Label"], {"options": COLOURS}, {"options": ["red"]}, "blue", "red"),
    ("radio", ["Label"], {"options": COLOURS}, {"options": ["red"]}, "blue", "red"),
    ("multiselect", ["Label"], {"options": COLOURS}, {"options": ["red"]}, ["blue"], []),
    ("select_slider", ["Label"], {"options": COLOURS}, {"options": ["red", "green"]}, "blue", "red"),
    ("pills", ["Label"], {"options": COLOURS}, {"options": ["red"]}, "blue", None),
    ("segmented_control", ["Label"], {"options": COLOURS}, {"options": ["red"]}, "blue", None),
    ("number_input", ["Label", 0], {"max_value": 100}, {"max_value": 5}, 50, 0),
    ("slider", ["Label", 0], {"max_value": 100}, {"max_value": 5}, 50, 0),
    ("text_input", ["Label"], {"max_chars": 20}, {"max_chars": 3}, "longer", ""),
    ("text_area", ["Label"], {"max_chars": 20}, {"max_chars": 3}, "longer", ""),
    ("date_input", ["Label", DAY], {"max_value": date(2026, 12, 31)}, {"max_value": DAY}, LATER, DAY),
    (
        "datetime_input",
        ["Label", MORNING],
        {"max_value": MORNING.replace(month=12)},
        {"max_value": MORNING},
        MORNING.replace(month=3),
        MORNING,
    ),
    ("feedback", [], {"options": "stars"}, {"options": "thumbs"}, 3, None),
    ("pagination", [], {"num_pages": 9}, {"num_pages": 2}, 7, 1),
]


@pytest.mark.parametrize(("kind", "arguments", "wide", "narrow", "value", "instead"), UNFITTING)
class TestWhatFitsNoMore:
    def test_is_shown_again_once_it_fits_and_never_overwritten_by_what_was_shown_instead(
        self, kind: str, arguments: list[Any], wide: dict[str, Any], narrow: dict[str, Any], value: Any, instead: Any
    ) -> None:
        tab = open_tab(kind, arguments, {}, more=wide)
        widget(tab, kind).set_value(value)
        put(tab)
        for _ in range(2):
            for _ in range(2):
                put(tab, more=narrow)
                assert same(returned(tab), instead)
                assert len(tab.warning) == 1
            for _ in range(2):
                put(tab, more=wide)
                assert same(returned(tab), value)
                assert not tab.warning
        assert same(kept()["field"], value)

    def test_gives_way_to_what_is_entered_instead(
        self, kind: str, arguments: list[Any], wide: dict[str, Any], narrow: dict[str, Any], value: Any, instead: Any
    ) -> None:
        tab = open_tab(kind, arguments, {}, more=wide, to_assign=instead)
        widget(tab, kind).set_value(value)
        put(tab)
        put(tab, more=narrow)
        press(tab, "Sample")
        put(tab, more=wide)
        assert same(returned(tab), instead)
        assert same(kept()["field"], instead)


TYPED: list[tuple[str, list[Any], dict[str, Any], Any, Any]] = [
    ("text_input", ["Label"], {}, "start2", "start2 more"),
    ("text_area", ["Label"], {}, "start2", "start2 more"),
    ("number_input", ["Label", 0, 100], {}, 2, 23),
]


@pytest.mark.parametrize(("kind", "arguments", "options", "left", "typed"), TYPED)
class TestWhatIsTypedAndNotLeft:
    @pytest.mark.parametrize("runs", [0, 2])
    def test_is_shown_when_its_widget_is_shown_again_but_disturbs_nobody_before(
        self, kind: str, arguments: list[Any], options: dict[str, Any], left: Any, typed: Any, runs: int
    ) -> None:
        tab = open_tab(kind, arguments, options)
        widget(tab, kind).set_value(left)
        put(tab)
        self.type(typed)
        for _ in range(runs):
            put(tab)
            assert same(returned(tab), left)
            assert not widget(tab, kind).proto.set_value
        put(tab, elsewhere=True)
        put(tab, elsewhere=False)
        assert same(returned(tab), typed)
        assert widget(tab, kind).proto.set_value

    def test_is_shown_where_its_widget_becomes_another_element(
        self, kind: str, arguments: list[Any], options: dict[str, Any], left: Any, typed: Any
    ) -> None:
        if kind == "number_input":
            pytest.skip("a number's limits are no part of its identity")
        tab = open_tab(kind, arguments, options)
        widget(tab, kind).set_value(left)
        put(tab)
        self.type(typed)
        put(tab, more={"max_chars": 20})
        assert same(returned(tab), typed)
        assert widget(tab, kind).proto.set_value

    @staticmethod
    def type(value: Any) -> None:
        note = Draft(number=1, digest=digest_of(value), on_screen=True).to_dict()
        values = {field_path("form", "field"): value, draft_path(TAB, "form", "field"): note}
        writing.put(get_services().engine, person().session_id, values)


def test_a_default_outside_the_limits_is_refused_as_in_streamlit_and_not_hidden() -> None:
    tab = open_tab("multiselect", ["Label", COLOURS], {"max_selections": 1}, to_assign=["red", "blue"])
    next(button for button in tab.button if button.label == "Sample").click()
    tab.run()
    assert len(tab.exception) == 1
    assert kept() == {}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date_input", date(2001, 2, 3)),
        ("date_input", date(2051, 2, 3)),
        ("datetime_input", datetime.fromisoformat("2001-02-03T04:05")),
    ],
)
def test_what_is_assigned_at_first_beyond_the_limits_is_shown_as_in_streamlit(kind: str, value: Any) -> None:
    assert same(returned(open_tab(kind, ["Label", None], {}, key="d", d=value)), value)


def test_what_arrives_while_an_earlier_edit_s_run_is_under_way_is_not_overwritten_by_that(
    as_one_person: Services,
) -> None:
    def own() -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        bootstrap_session()
        st.session_state["live"] = get_session_manager().live
        ui.text_input("Name", form="form", field="field")

    tab = AppTest.from_function(own).run()
    tab.text_input[0].set_value("a").run()
    later = WidgetState(id=tab.text_input[0].proto.id, string_value="b")
    live = tab.session_state["live"]
    assert live.keep(live.read(ClientMessage(states=[later], asks=True)).edits)
    for _ in range(2):
        tab.run()  # Streamlit's state is that of the first edit
        assert kept() == {"field": "b"}
        assert not tab.text_input[0].proto.set_value, "the browser has it already"


def test_a_choice_is_shown_again_once_it_fits_in_the_very_tab_it_was_made_in() -> None:
    def own() -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        bootstrap_session()
        st.session_state["live"] = get_session_manager().live
        offered = ["red", "blue"] if st.session_state.get("plan", "pro") == "pro" else ["red", "green"]
        st.session_state["returned"] = ui.radio("Colour", offered, form="form", field="field", key="colour")

    tab = AppTest.from_function(own).run()
    live = tab.session_state["live"]
    chosen = WidgetState(id=tab.radio[0].proto.id, string_value="blue")
    assert live.keep(live.read(ClientMessage(states=[chosen], asks=True)).edits)
    tab.radio[0].set_value("blue")
    assert returned(put(tab)) == "blue"
    assert returned(put(tab, plan="basic")) == "red"
    assert returned(put(tab, plan="pro")) == "blue"
    assert kept() == {"field": "blue"}


def test_a_script_that_only_keeps_what_streamlit_holds_overwrites_nothing_typed() -> None:
    def own() -> None:
        import streamlit as st

        from core import bootstrap_session, ui

        bootstrap_session().attach_tab("a" * 32)
        for key in [key for key in st.session_state if key == "name"]:
            st.session_state[key] = st.session_state[key]
        st.session_state["returned"] = ui.text_input("Name", form="form", field="field", key="name")

    tab = AppTest.from_function(own).run()
    tab.text_input[0].set_value("start").run()
    TestWhatIsTypedAndNotLeft.type("start more")
    for _ in range(2):
        assert returned(put(tab)) == "start more"
        assert kept() == {"field": "start more"}


def test_a_key_shared_by_the_forms_of_several_records_shows_each_its_own() -> None:
    def own() -> None:
        import streamlit as st

        from core import bootstrap_session, ui

        bootstrap_session()
        record = st.session_state.get("record", "A")
        st.session_state["returned"] = ui.text_area("Note", form=f"note-{record}", field="text", key="note")

    tab = AppTest.from_function(own).run()
    tab.text_area[0].set_value("for A")
    assert returned(put(tab)) == "for A"
    assert returned(put(tab, record="B")) == ""
    tab.text_area[0].set_value("for B")
    put(tab)
    assert returned(put(tab, record="A")) == "for A"
    assert returned(put(tab, record="B")) == "for B"
    assert {name: person().form(f"note-{name}").values for name in "AB"} == {
        "A": {"text": "for A"},
        "B": {"text": "for B"},
    }


def test_rows_that_move_up_are_kept_where_they_are_shown() -> None:
    def rows() -> None:
        import streamlit as st

        from core import bootstrap_session, ui

        bootstrap_session()
        state = st.session_state
        state.setdefault("count", 3)

        def remove(gone: int) -> None:
            for number in range(gone, state["count"] - 1):
                state[ui.widget_key("rows", f"name{number}")] = state[ui.widget_key("rows", f"name{number + 1}")]
            state["count"] -= 1

        for number in range(state["count"]):
            ui.text_input("Name", form="rows", field=f"name{number}")
            st.button("Remove", key=f"remove{number}", on_click=remove, args=(number,))

    tab = AppTest.from_function(rows).run()
    for number, name in enumerate(["a", "b", "c"]):
        tab.text_input[number].set_value(name)
    tab.run()
    tab.button[0].click().run()
    assert [field.value for field in tab.text_input] == ["b", "c"]
    again = AppTest.from_function(rows).run()
    assert [field.value for field in again.text_input][:2] == ["b", "c"]
