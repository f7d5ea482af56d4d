"""What is entered into a controlled widget is there again, with its type; what no longer fits says so and is kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from core import ui
from core.services import Services, get_services
from core.session import UserSession
from core.state.paths import field_path
from core.state.text_rules import TextRule
from core.state.typed_text import Draft, digest_of, draft_path
from tests.engine.writing import put

COLOURS = ["red", "green", "blue"]
EVERY_KIND: list[tuple[str, list[Any], dict[str, Any], Any]] = [
    ("text_input", ["Label"], {}, "Ada Löve 🌱"),
    ("text_input", ["Label", None], {}, "text"),
    ("text_area", ["Label", "before"], {}, "two\nlines"),
    ("number_input", ["Label"], {}, 2.5),
    ("number_input", ["Label", 0, 10], {}, 7),
    ("number_input", ["Label", 0, 10, None], {}, 3),
    ("slider", ["Label", 0, 10], {}, 4),
    ("slider", ["Label", 0.0, 1.0], {}, 0.25),
    ("slider", ["Label", 0, 10, (2, 8)], {}, (3, 5)),
    ("slider", ["Label", date(2026, 1, 1), date(2026, 12, 31)], {}, date(2026, 6, 1)),
    ("selectbox", ["Label", COLOURS], {}, "blue"),
    ("selectbox", ["Label", COLOURS], {"index": None}, "green"),
    ("selectbox", ["Label", [1, 2, 3]], {}, 2),
    ("radio", ["Label", COLOURS], {}, "green"),
    ("multiselect", ["Label", COLOURS], {}, ["red", "blue"]),
    ("select_slider", ["Label"], {"options": COLOURS}, "blue"),
    ("pills", ["Label", COLOURS], {}, "green"),
    ("pills", ["Label", COLOURS], {"selection_mode": "multi"}, ["green", "blue"]),
    ("segmented_control", ["Label", COLOURS], {}, "blue"),
    ("checkbox", ["Label"], {}, True),
    ("toggle", ["Label", True], {}, False),
    ("date_input", ["Label", date(2026, 1, 1)], {}, date(2026, 3, 4)),
    ("time_input", ["Label", time(9, 0)], {}, time(14, 45)),
    ("date_input", ["Label", (date(2026, 1, 1), date(2026, 1, 5))], {}, (date(2026, 2, 1), date(2026, 2, 3))),
    ("date_input", ["Label", None], {}, date(2026, 2, 1)),
    (
        "datetime_input",
        ["Label", datetime.fromisoformat("2026-01-01T09:00")],
        {},
        datetime.fromisoformat("2026-03-04T14:45"),
    ),
    ("datetime_input", ["Label", None], {}, datetime.fromisoformat("2026-03-04T14:45")),
    ("color_picker", ["Label"], {}, "#1f6f5c"),
    ("feedback", ["stars"], {}, 3),
    ("pagination", [9], {}, 4),
]
LATER = datetime.fromisoformat("2026-05-01T12:00")
DAYS = (date(2026, 1, 1), date(2026, 1, 5))


pytestmark = pytest.mark.usefixtures("as_one_person")


def page(kind: str, arguments: list[object], options: dict[str, object]) -> None:
    import streamlit as st

    from core import bootstrap_session, ui

    bootstrap_session()
    if not st.session_state.get("elsewhere"):
        st.session_state["returned"] = getattr(ui, kind)(*arguments, form="form", field="field", **options)


def open_tab(kind: str, arguments: list[Any], options: dict[str, Any] | None = None) -> AppTest:
    tab = AppTest.from_function(page, kwargs={"kind": kind, "arguments": arguments, "options": options or {}})
    return tab.run()


def enter(tab: AppTest, kind: str, value: Any) -> AppTest:
    widget: Any = tab.get({"datetime_input": "date_time_input"}.get(kind, kind))[0]
    widget.set_value(value)
    return tab.run()


def returned(tab: AppTest) -> Any:
    assert not tab.exception, tab.exception[0].message
    return tab.session_state["returned"]


def person() -> UserSession:
    local = get_services().accounts.users.find("local")
    assert local is not None
    return get_services().engine.open(local.session_id)


def same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


@pytest.mark.parametrize(("kind", "arguments", "options", "value"), EVERY_KIND)
class TestEveryKind:
    def test_a_new_tab_shows_what_was_entered_with_its_type(
        self, kind: str, arguments: list[Any], options: dict[str, Any], value: Any
    ) -> None:
        tab = enter(open_tab(kind, arguments, options), kind, value)
        assert same(returned(tab), value)

        assert same(returned(open_tab(kind, arguments, options)), value)

    def test_it_is_there_after_another_page_was_shown(
        self, kind: str, arguments: list[Any], options: dict[str, Any], value: Any
    ) -> None:
        tab = enter(open_tab(kind, arguments, options), kind, value)
        tab.session_state["elsewhere"] = True
        tab.run()
        tab.session_state["elsewhere"] = False

        assert same(returned(tab.run()), value)

    def test_showing_it_writes_nothing(
        self, kind: str, arguments: list[Any], options: dict[str, Any], value: Any
    ) -> None:
        tab = open_tab(kind, arguments, options)
        tab.run()

        assert not tab.exception
        assert person().form_states == {}


MISFITS: list[tuple[str, list[Any], dict[str, Any], Any, Any]] = [
    ("selectbox", ["Label", COLOURS], {}, "pink", "red"),
    ("selectbox", ["Label", COLOURS], {"index": None}, "pink", None),
    ("radio", ["Label", COLOURS], {"index": 1}, "pink", "green"),
    ("multiselect", ["Label", COLOURS], {}, ["red", "pink"], []),
    ("multiselect", ["Label", COLOURS], {}, "red", []),
    ("select_slider", ["Label"], {"options": COLOURS}, "pink", "red"),
    ("pills", ["Label", COLOURS], {}, "pink", None),
    ("segmented_control", ["Label", COLOURS], {"default": "blue"}, 3, "blue"),
    ("number_input", ["Label", 5, 10], {}, 1, 5),
    ("number_input", ["Label", 5, 10], {}, 11, 5),
    ("number_input", ["Label", 5, 10], {}, "6", 5),
    ("number_input", ["Label", 5, 10], {}, 6.5, 5),
    ("slider", ["Label", 0, 10], {}, 11, 0),
    ("slider", ["Label", 0, 10], {}, (1, 2), 0),
    ("slider", ["Label", 0, 10], {}, "x", 0),
    ("checkbox", ["Label"], {}, "yes", False),
    ("toggle", ["Label", True], {}, 0, True),
    ("date_input", ["Label", date(2026, 1, 1)], {}, "2026-03-04", date(2026, 1, 1)),
    ("date_input", ["Label", date(2026, 5, 1), date(2026, 5, 1)], {}, date(2026, 3, 4), date(2026, 5, 1)),
    ("time_input", ["Label", time(9, 0)], {}, "14:45", time(9, 0)),
    ("color_picker", ["Label", "#112233"], {}, "javascript:1", "#112233"),
    ("text_input", ["Label", "short", 5], {}, "too long for it", "short"),
    ("text_area", ["Label", "text"], {}, 12, "text"),
    ("feedback", ["thumbs"], {}, 4, None),
    ("pagination", [3], {"default": 2}, 4, 2),
    ("pagination", [3], {}, True, 1),
    ("datetime_input", ["Label", LATER, LATER], {}, datetime.fromisoformat("2026-03-04T00:00"), LATER),
    ("datetime_input", ["Label", LATER], {}, date(2026, 5, 2), LATER),
    ("datetime_input", ["Label", LATER], {}, datetime.fromisoformat("2026-05-02T00:00+00:00"), LATER),
    ("date_input", ["Label", DAYS], {}, date(2026, 1, 2), DAYS),
    ("date_input", ["Label", date(2026, 1, 1)], {}, DAYS, date(2026, 1, 1)),
    ("date_input", ["Label", date(2026, 1, 1)], {}, datetime.fromisoformat("2026-01-02T00:00"), date(2026, 1, 1)),
    ("date_input", ["Label", date(2026, 1, 1), date(2025, 1, 1)], {}, date(2050, 1, 1), date(2026, 1, 1)),
    ("multiselect", ["Label", COLOURS], {"max_selections": 1}, ["red", "blue"], []),
    ("multiselect", ["Label", [1, 2]], {}, [True], []),
    ("pills", ["Label", COLOURS], {"selection_mode": "multi"}, "red", []),
    ("pills", ["Label", COLOURS], {}, ["red"], None),
    ("segmented_control", ["Label", COLOURS], {"default": "red", "required": True}, None, "red"),
    ("select_slider", ["Label"], {"options": COLOURS, "value": ("red", "green")}, "red", ("red", "green")),
    ("select_slider", ["Label"], {"options": COLOURS, "value": ("red", "green")}, ("blue", "red"), ("red", "green")),
    ("select_slider", ["Label"], {"options": COLOURS}, ("red", "blue"), "red"),
    ("slider", ["Label", 0, 10, (2, 8)], {}, 4, (2, 8)),
    ("slider", ["Label", 0, 10, (2, 8)], {}, (8, 2), (2, 8)),
    ("slider", ["Label", 0, 10], {}, 4.0, 0),
    ("slider", ["Label", time(8), time(18)], {}, time(7), time(8)),
    (
        "slider",
        ["Label", datetime.fromisoformat("2026-01-01T00:00"), LATER],
        {},
        datetime.fromisoformat("2026-02-01T00:00+00:00"),
        datetime.fromisoformat("2026-01-01T00:00"),
    ),
    ("number_input", ["Label"], {"value": 1}, 2**60, 1),
    ("number_input", ["Label"], {}, float("nan"), 0.0),
    ("number_input", ["Label"], {}, 3, 0.0),
    ("radio", ["Label", [1, 2]], {}, True, 1),
    ("time_input", ["Label", time(9, 0)], {}, time(10, tzinfo=UTC), time(9, 0)),
]


@pytest.mark.parametrize(("kind", "arguments", "options", "saved", "shown"), MISFITS)
class TestMisfits:
    def test_the_field_shows_its_default_says_so_and_the_saved_value_stays(
        self, kind: str, arguments: list[Any], options: dict[str, Any], saved: Any, shown: Any
    ) -> None:
        open_tab(kind, arguments, options)
        person().set_field("form", "field", saved)
        tab = open_tab(kind, arguments, options)

        assert same(returned(tab), shown)
        assert len(tab.warning) == 1
        assert tab.run().warning
        assert repr(person().form("form").values) == repr({"field": saved})  # NaN is never equal

    def test_a_tab_that_is_open_when_it_stops_fitting_does_the_same(
        self, kind: str, arguments: list[Any], options: dict[str, Any], saved: Any, shown: Any
    ) -> None:
        tab = open_tab(kind, arguments, options)
        person().set_field("form", "field", saved)
        tab.run()

        assert same(returned(tab), shown)
        assert len(tab.warning) == 1


def test_entering_something_that_fits_ends_the_notice() -> None:
    open_tab("selectbox", ["Label", COLOURS])
    person().set_field("form", "field", "pink")
    tab = enter(open_tab("selectbox", ["Label", COLOURS]), "selectbox", "blue")

    assert not tab.warning
    assert person().form("form").values == {"field": "blue"}


def test_the_notice_speaks_the_person_s_language() -> None:
    open_tab("selectbox", ["Label", COLOURS])
    person().set_field("form", "field", "pink")
    person().set_preference("language", "de")

    notice = open_tab("selectbox", ["Label", COLOURS]).warning[0].value
    assert notice.startswith(ui.plain("Der gespeicherte Wert „pink“ steht nicht mehr zur Auswahl."))


def test_another_tab_shows_it_in_its_next_run() -> None:
    one, other = open_tab("text_input", ["Label"]), open_tab("text_input", ["Label"])
    enter(one, "text_input", "from one")

    assert returned(other.run()) == "from one"
    enter(other, "text_input", "from the other")
    assert returned(one.run()) == "from the other"


def test_a_field_that_was_reset_shows_its_default() -> None:
    tab = enter(open_tab("text_input", ["Label", "default"]), "text_input", "entered")
    person().reset_form("form")

    assert returned(tab.run()) == "default"


def test_a_restored_snapshot_is_shown() -> None:
    tab = enter(open_tab("text_input", ["Label"]), "text_input", "first")
    snapshot = person().create_form_snapshot("form", "kept")
    enter(tab, "text_input", "second")
    person().restore_form_snapshot(snapshot.snapshot_id)

    assert returned(tab.run()) == "first"


def test_the_pages_own_callback_runs_after_the_value_is_kept() -> None:
    def own() -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        def noted(prefix: str) -> None:
            st.session_state["noted"] = prefix + get_session_manager().field_value("form", "field")

        bootstrap_session()
        ui.text_input("Label", form="form", field="field", on_change=noted, args=("kept: ",))

    tab = AppTest.from_function(own).run()
    enter(tab, "text_input", "x")

    assert tab.session_state["noted"] == "kept: x"


def test_two_forms_may_have_a_field_of_the_same_name() -> None:
    def both() -> None:
        from core import bootstrap_session, ui

        bootstrap_session()
        ui.text_input("Label", form="one", field="name")
        ui.text_input("Label", form="two", field="name")

    tab = AppTest.from_function(both).run()
    tab.text_input[0].set_value("a").run()

    assert tab.text_input[1].value == ""
    assert person().form("one").values == {"name": "a"}


def test_defaults_become_answers_when_the_page_says_so() -> None:
    def confirm() -> None:
        import streamlit as st

        from core import bootstrap_session, ui

        bootstrap_session()
        ui.selectbox("Label", ["red", "green"], form="form", field="colour")
        ui.number_input("Label", 1, 9, form="form", field="number")
        st.button("Next", on_click=ui.keep_shown, args=("form",))

    tab = AppTest.from_function(confirm).run()
    enter(tab, "number_input", 4)
    tab.button[0].click().run()

    assert person().form("form").values == {"colour": "red", "number": 4}


def test_what_was_typed_and_its_widget_refuses_is_no_untouched_field() -> None:
    def confirm() -> None:
        import streamlit as st

        from core import bootstrap_session, ui

        bootstrap_session()
        ui.text_input("Email", form="form", field="email", type="email")
        st.button("Next", on_click=ui.keep_shown, args=("form",))

    tab = AppTest.from_function(confirm).run()
    put(get_services().engine, person().session_id, {field_path("form", "email"): "half@"})
    tab.button[0].click().run()

    assert person().form("form").values == {"email": "half@"}


def test_what_nothing_could_keep_stays_in_the_field_and_is_kept_as_soon_as_that_works() -> None:
    tab = enter(open_tab("text_input", ["Label"]), "text_input", "before")
    services = get_services()
    assert services.journal is not None
    services.journal.close()
    rename = "ALTER TABLE {} RENAME TO {}"
    with services.database.begin() as connection:
        connection.execute(text(rename.format("entries", "away")))
    enter(tab, "text_input", "after")
    assert "can't keep anything" in tab.error[0].value
    tab.run()
    assert (returned(tab), len(tab.error)) == ("after", 1)
    with services.database.begin() as connection:
        connection.execute(text(rename.format("away", "entries")))
    tab.run()
    assert (returned(tab), len(tab.error)) == ("after", 0)
    local = services.accounts.users.find("local")
    assert local is not None
    stored = services.store.load(local.session_id).entries
    assert ['"after"' in str(one.value) for one in stored if one.path.startswith("form/form/field/")] == [True]


def test_a_page_s_fields_are_known_with_how_typed_text_becomes_their_value() -> None:
    def own() -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        bootstrap_session()
        ui.text_input("Name", max_chars=9, form="f", field="name")
        ui.number_input("How many", 1, 9, form="f", field="count")
        ui.checkbox("Sure", form="f", field="sure")
        ui.number_input("Any whole number", value=None, step=1, form="f", field="whole")
        st.session_state["fields"] = list(get_session_manager().shown_fields.values())

    tab = AppTest.from_function(own).run()
    name, count, sure, whole = tab.session_state["fields"]
    assert (name.form, name.field, name.label, name.key) == ("f", "name", "Name", "f.name")
    assert name.rule == TextRule(kind="text", longest=9)
    assert count.rule == TextRule(kind="integer", low=1, high=9)
    assert sure.rule is None
    assert whole.rule == TextRule(kind="integer", optional=True, low=1 - 2**53, high=2**53 - 1)  # as Streamlit's own


def test_no_two_fields_share_a_widget() -> None:
    def own() -> None:
        from core import bootstrap_session, ui

        bootstrap_session()
        for form, field in (("a", "b.c"), ("a.b", "c"), ("a%2Eb", "c"), ("анкета", "имя"), ("анкета", "вес")):
            ui.text_input("Name", form=form, field=field)

    tab = AppTest.from_function(own).run()
    assert not tab.exception
    assert tab.text_input[0].key == "a.b.c"
    assert len({field.key for field in tab.text_input}) == len(tab.text_input) == 5


def test_a_text_that_its_widget_s_limit_cut_off_in_the_browser_is_none_it_shows(services: Services) -> None:
    """Both count as the browser does: 😀 is two."""

    def own() -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        bootstrap_session()
        ui.text_input("Name", max_chars=st.session_state.get("limit", 4), form="f", field="name")
        st.session_state["rule"] = get_session_manager().shown_fields["f.name"].rule

    tab = AppTest.from_function(own).run()
    tab.text_input[0].input("😀😀").run()
    assert (tab.text_input[0].value, len(tab.warning)) == ("😀😀", 0)
    tab.session_state["limit"] = 3
    tab.run()
    assert tab.text_input[0].value == ""
    assert "4 characters" in tab.warning[0].value


def test_a_password_is_never_kept() -> None:
    with pytest.raises(ValueError, match=r"Use st\.text_input"):
        ui.text_input("Secret", type="password", form="f", field="secret")


def inside_a_form() -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    with st.form("together"):
        ui.text_input("Name", form="f", field="name")
        ui.slider("How many", 0, 9, form="f", field="count")
        st.form_submit_button("Hand in")
    if st.button("Something else"):
        pass
    st.session_state["values"] = dict(get_session_manager().session.form("f").values)


def test_inside_a_form_what_is_handed_in_is_kept_and_comes_back() -> None:
    tab = AppTest.from_function(inside_a_form).run()
    tab.text_input[0].set_value("Ada")
    tab.slider[0].set_value(4)
    tab.button[0].click().run()
    assert not tab.exception
    assert tab.session_state["values"] == {"name": "Ada", "count": 4}
    again = AppTest.from_function(inside_a_form).run()
    assert (again.text_input[0].value, again.slider[0].value) == ("Ada", 4)


def test_inside_a_form_nothing_is_taken_for_handed_in_that_was_only_shown() -> None:
    tab = AppTest.from_function(inside_a_form).run()
    tab.button[1].click().run()
    assert tab.session_state["values"] == {}


def test_a_draft_typed_in_this_tab_is_not_put_into_its_widget_but_one_left_behind_is(as_one_person: Services) -> None:
    def own(tab: str) -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        bootstrap_session().attach_tab(tab)
        st.session_state["returned"] = ui.text_input("Name", form="f", field="name")
        st.session_state["session_id"] = get_session_manager().session.session_id

    here = AppTest.from_function(own, kwargs={"tab": "a" * 32}).run()
    there = AppTest.from_function(own, kwargs={"tab": "b" * 32}).run()
    for number, (on_screen, shown_here) in enumerate([(True, ""), (False, "text 1")]):
        text = f"text {number}"
        note = Draft(number=number, digest=digest_of(text), on_screen=on_screen)
        values = {field_path("f", "name"): text, draft_path("a" * 32, "f", "name"): note.to_dict()}
        put(as_one_person.engine, here.session_state["session_id"], values)
        assert returned(here.run()) == shown_here
        assert returned(there.run()) == text


def chat() -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    def received() -> None:
        st.session_state["held_then"] = get_session_manager().field_value("f", "draft")

    bootstrap_session()
    on_submit = received if st.session_state.get("with_callback") else None
    st.session_state["returned"] = ui.chat_input("Say something", form="f", field="draft", on_submit=on_submit)
    ui.text_input("Other", form="f", field="other")
    st.session_state["fields"] = list(get_session_manager().shown_fields.values())


def test_what_is_typed_into_a_chat_input_comes_back_and_is_gone_once_it_is_sent() -> None:
    tab = AppTest.from_function(chat).run()
    assert tab.session_state["fields"][0].rule == TextRule(kind="text")
    person().set_field("f", "draft", "half a sen")
    again = AppTest.from_function(chat).run()
    assert again.chat_input[0].proto.value == "half a sen"
    assert returned(again) is None, "a draft is not a message"
    again.chat_input[0].set_value("half a sentence").run()
    assert returned(again) == "half a sentence"
    assert person().form("f").values == {}
    assert returned(again.run()) is None
    assert AppTest.from_function(chat).run().chat_input[0].proto.value == ""


def test_a_chat_draft_is_on_the_page_again_after_another_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.ui.chat._SETTLING_SECONDS", 0)  # as if somebody had stayed on each page for a while

    def pages() -> None:
        import streamlit as st

        from core import bootstrap_session, ui

        bootstrap_session()
        if st.toggle("Elsewhere"):
            return
        ui.chat_input("Say something", form="f", field="draft")

    tab = AppTest.from_function(pages).run()
    person().set_field("f", "draft", "half a sen")
    assert tab.run().chat_input[0].proto.value == "half a sen"
    assert tab.run().chat_input[0].proto.value == "", "giving it again would disturb who types on"
    tab.toggle[0].set_value(True).run()
    assert not tab.chat_input
    tab.toggle[0].set_value(False).run()
    assert tab.chat_input[0].proto.value == "half a sen"


def test_a_chat_draft_is_emptied_when_the_page_is_done_with_the_message() -> None:
    tab = AppTest.from_function(chat).run()
    person().set_field("f", "draft", "hello")
    tab.session_state["with_callback"] = True
    tab.run()
    tab.chat_input[0].set_value("hello").run()
    assert (returned(tab), tab.session_state["held_then"]) == ("hello", "hello")
    assert person().form("f").values == {}


def test_a_chat_draft_that_no_longer_fits_is_kept_and_told() -> None:
    AppTest.from_function(chat).run()
    person().set_field("f", "draft", 5)
    tab = AppTest.from_function(chat).run()
    assert len(tab.warning) == 1
    assert tab.chat_input[0].proto.value == ""
    assert person().form("f").values == {"draft": 5}


def test_what_is_changed_without_a_run_is_kept_with_the_next_one() -> None:
    def own() -> None:
        import streamlit as st

        from core import bootstrap_session, ui

        bootstrap_session()
        ui.slider("How many", 0, 9, form="f", field="count", on_change="ignore")
        st.button("Work")

    tab = AppTest.from_function(own).run()
    tab.slider[0].set_value(4)
    tab.button[0].click().run()
    assert person().form("f").values == {"count": 4}


def test_options_may_be_anything_streamlit_takes() -> None:
    def own() -> None:
        import pandas as pd
        import streamlit as st

        from core import bootstrap_session, ui

        bootstrap_session()
        given = [pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), (letter for letter in "xy"), {"x": 1, "y": 2}]
        st.session_state["returned"] = [
            ui.selectbox("Which", options, 1, form="f", field=str(number)) for number, options in enumerate(given)
        ]

    tab = AppTest.from_function(own).run()
    assert returned(tab) == ["y", "y", "y"]
    for select in tab.selectbox:
        select.set_value("x")
    assert returned(tab.run()) == ["x", "x", "x"]
    assert person().form("f").values == {"0": "x", "1": "x", "2": "x"}


def page_of_numbers() -> None:
    import numpy as np
    import pandas as pd
    import streamlit as st

    from core import bootstrap_session, ui

    bootstrap_session()
    year = pd.Series([2020, 2024])
    share = pd.Series([0.25, 0.75], dtype="float32")
    day = pd.Series(pd.to_datetime(["2026-05-01", "2026-05-31"]))
    shown = {
        "number": ui.number_input("Number", year.min(), year.max(), form="f", field="number"),
        "decimal": ui.number_input("Decimal", share.min(), share.max(), step=0.25, form="f", field="decimal"),
        "text": ui.text_input("Text", max_chars=np.int64(10), form="f", field="text"),
        "area": ui.text_area("Area", max_chars=np.int16(10), height=np.int64(100), form="f", field="area"),
        "slider": ui.slider("Slider", year.min(), year.max(), form="f", field="slider"),
        "range": ui.slider(
            "Range", year.min(), year.max(), (year.min(), year.max()), step=np.int64(2), form="f", field="range"
        ),
        "share": ui.slider("Share", share.min(), share.max(), share.mean(), form="f", field="share"),
        "days": ui.slider("Days", day.min(), day.max(), day.min(), step=pd.Timedelta(days=1), form="f", field="days"),
        "date": ui.date_input("Date", day.min(), min_value=day.min(), max_value=day.max(), form="f", field="date"),
        "time": ui.time_input("Time", day.min(), step=pd.Timedelta(minutes=5), form="f", field="time"),
        "moment": ui.datetime_input("Moment", day.min(), form="f", field="moment"),
        "choice": ui.selectbox("Choice", year, index=int(year.argmax()), form="f", field="choice"),
        "multi": ui.multiselect("Multi", year, [year.max()], max_selections=np.int64(2), form="f", field="multi"),
        "page": ui.pagination(np.int64(5), default=np.int64(2), form="f", field="page"),
        "stars": ui.feedback("stars", default=np.int64(3), form="f", field="stars"),
        "tick": ui.checkbox("Tick", np.True_, form="f", field="tick"),
    }
    st.session_state["shown"] = shown


def test_numbers_and_moments_of_a_table_are_taken_wherever_streamlit_takes_them(as_one_person: Services) -> None:
    tab = AppTest.from_function(page_of_numbers).run()
    assert not tab.exception, tab.exception[0].message
    tab.number_input[0].set_value(2022)
    tab.text_input[0].set_value("0123456789")
    tab.slider[0].set_value(2023)
    tab.slider[3].set_value(datetime.fromisoformat("2026-05-09"))
    tab.date_input[0].set_value(date(2026, 5, 9))
    tab.multiselect[0].set_value([2020]).run()
    again = AppTest.from_function(page_of_numbers).run()
    for each in (tab, again):
        assert not each.exception, each.exception[0].message
        assert not each.warning
        assert not each.error
        found = each.session_state["shown"]
        assert (found["number"], found["text"], found["slider"]) == (2022, "0123456789", 2023)
        assert found["days"] == datetime.fromisoformat("2026-05-09")
        assert (found["date"], found["multi"]) == (date(2026, 5, 9), [2020])


def page_of_moments() -> None:
    import pandas as pd
    import streamlit as st

    from core import bootstrap_session, ui

    bootstrap_session()
    days = pd.Series(pd.to_datetime(["2026-05-01", "2026-05-31"]))
    st.session_state["shown"] = (
        ui.selectbox("Day", days.unique(), form="f", field="day"),
        ui.multiselect("Spans", [pd.Timedelta(days=1), pd.Timedelta(days=7)], form="f", field="spans"),
    )


def test_options_that_are_moments_and_spans_of_a_table_come_back(as_one_person: Services) -> None:
    tab = AppTest.from_function(page_of_moments).run()
    tab.selectbox[0].set_value(pd.Timestamp("2026-05-31"))
    tab.multiselect[0].set_value([pd.Timedelta(days=7)]).run()
    for each in (tab, AppTest.from_function(page_of_moments).run()):
        assert not each.exception
        assert not each.error
        assert each.session_state["shown"] == (pd.Timestamp("2026-05-31"), [pd.Timedelta(days=7)])
