"""A form says what is wrong beside its field, keeps what was entered all the same, and is saved once it is right."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from core.services import Services, get_services
from core.session import UserSession
from core.state.text_rules import UntakenTextError
from core.ui import plain


@pytest.fixture(autouse=True)
def table_of_notes(as_one_person: Services) -> None:
    with as_one_person.database.begin() as connection:
        connection.execute(text("CREATE TABLE notes (name TEXT, age INTEGER)"))


def page(*, hook: str = "", clear: bool = False) -> None:
    from typing import Self

    import streamlit as st
    from pydantic import BaseModel, Field, model_validator
    from sqlalchemy import text

    from core import RefusedError, bootstrap_session, ui

    class Profile(BaseModel):
        name: str
        age: int = Field(ge=18)

        @model_validator(mode="after")
        def not_both(self) -> Self:
            if self.name == "Ada" and self.age == 20:
                raise ValueError("Ada is not 20, ask a@example.org.")
            return self

    def store(db, profile) -> str:
        db.execute(text("INSERT INTO notes VALUES (:name, :age)"), {"name": profile.name, "age": profile.age})
        if hook == "refuses":
            raise RefusedError("Somebody has *that* name.")
        if hook == "breaks":
            int("secret innards")
        return f"number of {profile.name}"

    def arrived(result: str | None) -> None:
        st.session_state["result"] = result

    bootstrap_session()
    with ui.form(
        "profile", model=Profile, on_save=store if hook else None, after_save=arrived, clear_on_save=clear
    ) as form:
        ui.text_input("Name", field="name")
        ui.text_input("Your age?", field="age")
    st.session_state["value"] = form.value.model_dump() if form.value else None
    st.session_state["changes"] = form.changes


def open_tab(**options: object) -> AppTest:
    tab = AppTest.from_function(page, kwargs=options).run()
    assert not tab.exception, tab.exception[0].message
    return tab


def enter(tab: AppTest, name: str, age: str) -> AppTest:
    tab.text_input[0].set_value(name).run()
    return tab.text_input[1].set_value(age).run()


def save(tab: AppTest) -> AppTest:
    return next(button for button in tab.button if button.label == "Save").click().run()


def said(tab: AppTest) -> list[str]:
    assert not tab.exception, tab.exception[0].message
    return [message.value for message in tab.error]


def foot(tab: AppTest) -> str:
    return tab.markdown[-1].value


def person() -> UserSession:
    local = get_services().accounts.users.find("local")
    assert local is not None
    return get_services().engine.open(local.session_id)


def notes() -> list[tuple[str, int]]:
    with get_services().database.connect() as connection:
        return [(row.name, row.age) for row in connection.execute(text("SELECT name, age FROM notes"))]


class TestWhatIsNotKept:
    def test_save_names_it_and_stores_nothing_in_its_place(self) -> None:
        tab = enter(open_tab(hook="stores"), "Ada", "19")
        tab.session_state["_keep_manager"].live.untaken = {
            ("profile", "age"): UntakenTextError("typed.too_large", text="999", high=150),
            ("another", "name"): UntakenTextError("typed.empty"),
        }
        assert said(save(tab)) == ["Not saved: Your age?: 999 is too large. Enter at most 150."]
        assert "Your age." in foot(tab)
        assert notes() == []

        tab.session_state["_keep_manager"].live.untaken = {}
        save(tab)
        assert notes() == [("Ada", 19)]


class TestMessages:
    def test_nothing_is_said_before_somebody_asks(self) -> None:
        assert said(open_tab()) == []
        assert person().form_states == {}

    def test_save_says_under_each_field_what_is_wrong_and_stores_nothing(self) -> None:
        tab = save(enter(open_tab(), "", "seven"))
        assert said(tab) == ["Please fill this in.", "Enter a whole number."]
        assert "Name, Your age." in foot(tab), "a label that is a question is none within a sentence"
        assert person().form("profile").saved == {}

    def test_what_does_not_fit_stays_as_it_was_entered(self) -> None:
        save(enter(open_tab(), "Ada", "seven"))
        again = open_tab()
        assert [field.value for field in again.text_input] == ["Ada", "seven"]
        assert said(again) == ["Enter a whole number."], "a new tab says it, too"

    def test_a_message_goes_as_soon_as_its_field_is_right_and_the_others_stay(self) -> None:
        tab = save(enter(open_tab(), "", "7"))
        assert said(tab) == ["Please fill this in.", "Enter 18 or more."]
        tab.text_input[0].set_value("Ada").run()
        assert said(tab) == ["Enter 18 or more."]
        tab.text_input[1].set_value("19").run()
        assert said(tab) == []
        assert tab.session_state["value"] == {"name": "Ada", "age": 19}

    def test_they_speak_the_person_s_language(self) -> None:
        tab = save(open_tab())
        person().set_preference("language", "de")
        assert said(tab.run()) == ["Bitte ausfüllen.", "Bitte ausfüllen."]

    def test_what_no_single_field_can_help_stands_on_top(self) -> None:
        tab = save(enter(open_tab(), "Ada", "20"))
        assert said(tab) == [plain("Ada is not 20, ask a@example.org.")]
        assert person().form("profile").saved == {}
        assert said(tab.text_input[1].set_value("21").run()) == []


class TestSave:
    def test_what_is_right_is_saved_as_it_was_entered(self) -> None:
        tab = save(enter(open_tab(), "Ada", "36"))
        assert said(tab) == []
        assert "Saved" in foot(tab)
        assert person().form("profile").saved == {"name": "Ada", "age": "36"}

    def test_without_auto_save_the_foot_names_what_waits(self) -> None:
        open_tab()
        person().set_preference("auto_save", False)
        tab = enter(open_tab(), "Ada", "36")
        assert "2 changes not saved: Name, Your age" in foot(tab)
        assert tab.session_state["changes"] == {"name", "age"}
        save(tab)
        assert "Saved" in foot(tab)
        tab.text_input[1].set_value("37").run()
        assert "1 change not saved: Your age" in foot(tab)
        next(button for button in tab.button if button.label == "Discard changes").click().run()
        assert tab.text_input[1].value == "36"


class TestTheTeamsOwnTables:
    def test_they_are_written_with_the_form_and_the_page_hears_what_the_team_s_code_says(self) -> None:
        tab = save(enter(open_tab(hook="works"), "Ada", "36"))
        assert notes() == [("Ada", 36)]
        assert tab.session_state["result"] == "number of Ada"
        assert person().form("profile").saved == {"name": "Ada", "age": "36"}

    def test_they_are_not_asked_about_what_is_wrong(self) -> None:
        save(enter(open_tab(hook="works"), "Ada", "7"))
        assert notes() == []

    @pytest.mark.parametrize(
        ("hook", "message"),
        [("refuses", plain("Somebody has *that* name.")), ("breaks", "Not saved because of")],
    )
    def test_if_their_code_raises_nothing_is_stored_and_the_draft_stays(self, hook: str, message: str) -> None:
        tab = save(enter(open_tab(hook=hook), "Ada", "36"))
        assert said(tab)[0].startswith(message)
        assert "secret" not in said(tab)[0]
        assert ["ValueError" in code.value and "secret" in code.value for code in tab.code] == [True] * (
            hook == "breaks"
        ), "where the project is developed, the mistake has its place"
        assert (notes(), person().form("profile").saved) == ([], {})
        assert person().form("profile").values == {"name": "Ada", "age": "36"}
        assert said(tab.run())[0].startswith(message), "until the next edit"
        assert said(tab.text_input[0].set_value("Grace").run()) == []
        assert not tab.code
        assert "result" not in tab.session_state

    def test_a_press_in_a_second_tab_that_shows_the_same_draft_stores_nothing_more(self) -> None:
        one = enter(open_tab(hook="works", clear=True), "Ada", "36")
        other = open_tab(hook="works", clear=True)
        save(one)
        save(other)
        assert notes() == [("Ada", 36)]
        assert said(other) == []
        assert other.session_state["result"] == "number of Ada"
        assert [field.value for field in other.text_input] == ["", ""]
        assert person().form("profile").values == {}

    def test_the_next_one_is_a_submission_of_its_own(self) -> None:
        tab = save(enter(open_tab(hook="works", clear=True), "Ada", "36"))
        save(enter(tab, "Ada", "36"))
        assert notes() == [("Ada", 36), ("Ada", 36)]

    def test_what_was_changed_after_a_press_that_arrives_twice_is_said_to_be_a_draft(self) -> None:
        one, other = enter(open_tab(hook="works"), "Ada", "36"), open_tab(hook="works")
        save(one)
        person().set_field("profile", "name", "Grace")
        save(other)
        assert notes() == [("Ada", 36)]
        assert "kept as a draft" in other.info[0].value
        assert other.text_input[0].value == "Grace"
        save(other)
        assert notes() == [("Ada", 36), ("Grace", 36)]

    def test_while_the_database_is_away_save_says_so_and_a_later_press_stores_it(self, as_one_person: Services) -> None:
        tab = enter(open_tab(hook="works"), "Ada", "36")
        with as_one_person.database.connect() as other:
            other.execute(text("BEGIN EXCLUSIVE"))
            assert "the database can't be reached" in said(save(tab))[0]
            assert tab.text_input[0].value == "Ada"
        assert notes() == []
        assert said(save(tab)) == []
        assert notes() == [("Ada", 36)]


class TestTheBlock:
    def test_a_widget_that_names_no_form_outside_a_block_says_what_to_do(self) -> None:
        def stray() -> None:
            import streamlit as st

            from core import bootstrap_session, ui

            bootstrap_session()
            try:
                ui.text_input("Name", field="name")
            except ValueError as error:
                st.session_state["error"] = str(error)

        assert "Give it form=" in AppTest.from_function(stray).run().session_state["error"]

    def test_a_form_inside_a_form_is_refused_and_leaves_no_trace(self) -> None:
        def nested() -> None:
            import streamlit as st
            from pydantic import BaseModel

            from core import bootstrap_session, ui

            class Model(BaseModel):
                name: str = ""

            bootstrap_session()
            try:
                with ui.form("outer", model=Model), ui.form("inner", model=Model):
                    pass
            except ValueError as error:
                st.session_state["error"] = str(error)
            with ui.form("next", model=Model):
                ui.text_input("Name", field="name")
                ui.text_input("Another's", form="other", field="name")

        tab = AppTest.from_function(nested).run()
        assert "ui.form('inner') is inside the block of ui.form('outer')" in tab.session_state["error"]
        tab.text_input[0].set_value("a").run()
        tab.text_input[1].set_value("b").run()
        assert person().form("next").values == {"name": "a"}
        assert person().form("other").values == {"name": "b"}

    @pytest.mark.parametrize(
        ("shown", "options", "error"),
        [
            ({"field": "nmae"}, {}, "The field 'nmae' is not in Supplier; did you mean 'name'?"),
            ({"field": "nmae", "form": "supplier"}, {}, "did you mean 'name'?"),
            ({"field": "zip"}, {}, "it has name."),
            ({"field": "name"}, {"on_save": lambda profile: None}, "on_save is called as <lambda>(session, supplier)"),
            ({"field": "name"}, {"after_save": list.append}, "after_save is called as append(result)"),
            ({"field": "nmae", "form": "another"}, {}, ""),
        ],
        ids=["misspelt", "its form named", "strange", "on_save", "after_save", "another form"],
    )
    def test_what_save_could_not_take_is_said_to_who_writes_the_form(
        self, shown: dict[str, str], options: dict[str, object], error: str
    ) -> None:
        def form(shown: dict[str, str], options: dict[str, object]) -> None:
            import streamlit as st
            from pydantic import BaseModel

            from core import bootstrap_session, ui

            class Supplier(BaseModel):
                name: str

            bootstrap_session()
            st.session_state["error"] = ""
            try:
                with ui.form("supplier", model=Supplier, **options):
                    ui.text_input("Name", **shown)
            except ValueError as error:
                st.session_state["error"] = str(error)

        tab = AppTest.from_function(form, kwargs={"shown": shown, "options": options}).run()
        assert not tab.exception
        found = tab.session_state["error"]
        assert error in found if error else found == ""


def in_steps(*, in_order: bool = False) -> None:
    import streamlit as st
    from pydantic import BaseModel

    from core import bootstrap_session, ui

    class Who(BaseModel):
        name: str
        email: str = ""

    class What(BaseModel):
        count: int

    class Order(What, Who):
        pass

    steps = [
        ui.Step(
            name="who",
            title="Who",
            model=Who,
            show=lambda: (ui.text_input("Name", field="name"), ui.text_input("Email", field="email")),
        ),
        ui.Step(name="what", title="What", model=What, show=lambda: ui.text_input("Count", field="count")),
        ui.Step(name="check", title="Check", show=lambda: st.write("Is that right?")),
    ]
    bootstrap_session()
    with ui.form("order", model=Order, steps=steps, in_order=in_order) as form:
        form.step.show()


def press(tab: AppTest, label: str) -> AppTest:
    tab = next(button for button in tab.button if button.label == label).click().run()
    assert not tab.exception, tab.exception[0].message
    return tab


def complete(tab: AppTest) -> list[str]:
    return [button.label for button in tab.button if button.icon == ":material/check_circle:"]


class TestSteps:
    def test_next_asks_for_its_own_step_alone(self) -> None:
        tab = press(AppTest.from_function(in_steps).run(), "Next")
        assert (tab.subheader[0].value, said(tab)) == ("Who", ["Please fill this in."])
        press(tab.text_input[0].set_value("Ada").run(), "Next")
        assert (tab.subheader[0].value, said(tab)) == ("What", [])
        assert tab.query_params["step"] == "what", "the address says which step it is"
        assert complete(tab) == ["Who"]

    def test_one_may_jump_back_and_on_without_a_loss(self) -> None:
        tab = AppTest.from_function(in_steps).run()
        press(tab, "What").text_input[0].set_value("many").run()
        press(tab, "Back").text_input[0].set_value("Ada").run()
        assert press(tab, "What").text_input[0].value == "many"
        assert press(tab, "Who").text_input[0].value == "Ada"
        assert complete(press(tab, "Check")) == ["Who"]

    def test_save_opens_the_first_step_that_is_not_right_and_says_why_there(self) -> None:
        tab = AppTest.from_function(in_steps).run()
        tab.text_input[0].set_value("Ada").run()
        press(tab, "What").text_input[0].set_value("many").run()
        press(press(tab, "Check"), "Save")
        assert (tab.subheader[0].value, said(tab)) == ("What", ["Enter a whole number."])
        assert person().form("order").saved == {}
        tab.text_input[0].set_value("3").run()
        press(press(tab, "Next"), "Save")
        assert person().form("order").saved == {"name": "Ada", "email": "", "count": "3"}

    def test_in_order_a_step_opens_once_those_before_it_are_complete(self) -> None:
        tab = AppTest.from_function(in_steps, kwargs={"in_order": True})
        tab.query_params["step"] = "check"
        tab.run()
        assert tab.subheader[0].value == "Who", "nor does its address open it"
        assert [button.label for button in tab.button if button.disabled] == ["What", "Check"]
        tab.text_input[0].set_value("Ada").run()
        assert [button.label for button in tab.button if button.disabled] == ["Check"]

    def test_a_step_may_only_ask_for_what_the_model_has(self) -> None:
        def strange() -> None:
            import streamlit as st
            from pydantic import BaseModel

            from core import bootstrap_session, ui

            class Model(BaseModel):
                name: str

            class Other(BaseModel):
                size: int

            bootstrap_session()
            errors = []
            for options in (
                {"steps": [ui.Step(name="one", title="One", model=Other, show=list)]},
                {"clear_on_save": True},
            ):
                try:
                    with ui.form("form", model=Model, **options):
                        pass
                except ValueError as error:
                    errors.append(str(error))
            st.session_state["errors"] = errors

        errors = AppTest.from_function(strange).run().session_state["errors"]
        assert ["asks for ['size']" in errors[0], "Give it on_save=" in errors[1]] == [True, True]


def plans() -> None:
    from typing import Literal

    import streamlit as st
    from pydantic import BaseModel

    from core import bootstrap_session, ui

    class Plan(BaseModel):
        plan: Literal["basic", "pro"]
        size: Literal["S", "M", "L"]
        users: int

    bootstrap_session()
    with ui.form("plan", model=Plan):
        is_pro = ui.selectbox("Plan", ["basic", "pro"], field="plan") == "pro"
        size = ui.selectbox("Size", ["S", "M", "L"] if is_pro else ["S", "M"], field="size")
        users = ui.number_input("Users", 1, 100 if is_pro else 5, 5, field="users")
    st.session_state["shown"] = (size, users)


class TestFieldsThatDependOnAnother:
    @pytest.fixture
    def tab(self) -> AppTest:
        tab = AppTest.from_function(plans).run()
        tab.selectbox[0].set_value("pro").run()
        tab.selectbox[1].set_value("L").run()
        return tab.number_input[0].set_value(50).run()

    @staticmethod
    def stored() -> tuple[dict[str, object], dict[str, object]]:
        form = person().form("plan")
        return dict(form.values), dict(form.saved)

    def test_save_stores_what_is_shown_in_place_of_what_fits_no_more(self, tab: AppTest) -> None:
        tab.selectbox[0].set_value("basic").run()
        assert tab.session_state["shown"] == ("S", 5)
        assert len(tab.warning) == 2
        save(tab)
        wanted = {"plan": "basic", "size": "S", "users": 5}
        assert self.stored() == (wanted, wanted)
        assert not tab.warning
        tab.selectbox[0].set_value("pro").run()
        assert tab.session_state["shown"] == ("S", 5)

    def test_without_save_what_was_entered_is_shown_again_once_it_fits(self, tab: AppTest) -> None:
        for _ in range(2):
            tab.selectbox[0].set_value("basic").run()
            assert tab.session_state["shown"] == ("S", 5)
            tab.selectbox[0].set_value("pro").run()
            assert tab.session_state["shown"] == ("L", 50)
        wanted = {"plan": "pro", "size": "L", "users": 50}
        assert self.stored() == (wanted, {})
        save(tab)
        assert self.stored() == (wanted, wanted)
