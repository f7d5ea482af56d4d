"""What the pages of the apps that ship do, tried as a person would. Who may open which: `test_every_page`."""

from __future__ import annotations

import io

import pytest
from streamlit.testing.v1 import AppTest

from apps.admin.pages.audit import PER_PAGE
from apps.intake.requests import FORM, Request
from core import ui
from core.accounts import COMMAND_LINE, Actor
from core.discovery import discover
from core.files import FileRef
from core.personal import erase_person
from core.services import Services
from core.validation import check

PAGES = discover()
REQUEST = {
    "name": "Ada",
    "site": "Harbour",
    "kind": "New equipment",
    "category": "Monitor",
    "reason": "$100 … $200 for *one* of [these](https://example.org)",
    "items": {"rows": {}, "added": {"a-0": {"what": "Monitor", "how_many": 2, "price": 250.5}}},
    "urgency": "Today",
    "impact": "Nobody waits",
    "agreed": True,
    "last_time": 0,
}
"""What the form keeps of a whole request."""
SCRIPT = """
import streamlit as st
from core import bootstrap_session, get_session_manager
from core.router import Router

bootstrap_session()
manager = get_session_manager()
if go := st.session_state.pop("go", None):
    manager.navigate_to(*go)
Router(manager).run()
"""


def open_page(name: str, **params: str) -> AppTest:
    tab = AppTest.from_string(SCRIPT, default_timeout=20).run()
    return go(tab, name, **params)


def go(tab: AppTest, name: str, **params: str) -> AppTest:
    tab.session_state["go"] = (name, params)
    return tab.run()


def press(tab: AppTest, label: str) -> AppTest:
    return next(button for button in tab.button if button.label == label).click().run()


def test_the_apps_that_ship_are_whole() -> None:
    assert {spec.app for spec in PAGES} >= {"home", "intake", "insights", "admin"}
    assert [spec.fault for spec in PAGES if spec.fault] == []


def test_every_page_but_the_start_asks_for_a_permission() -> None:
    assert {spec.app for spec in PAGES if not spec.permissions} == {"home"}


@pytest.mark.usefixtures("as_admin")
class TestIntake:
    def test_a_step_that_lacks_something_says_what_and_stays(self) -> None:
        tab = press(open_page("intake"), "Next")

        assert [message.value for message in tab.error] == ["Please fill this in."] * 2
        assert tab.subheader[0].value == "Contact"

    def test_from_the_first_step_to_the_list_of_requests(self) -> None:
        tab = open_page("intake")
        tab.text_input[0].set_value("Ada").run()
        tab.pills[0].set_value("Harbour").run()
        press(tab, "Next")
        assert tab.subheader[0].value == "Need"
        tab.segmented_control[0].set_value("Repair").run()
        tab.text_area[0].set_value("The display flickers.").run()
        press(tab, "Next")
        tab.checkbox[0].check().run()
        press(tab, "Next")
        assert tab.subheader[0].value == "Review"
        press(tab, "Submit")

        assert tab.title[0].value == "My requests"
        assert "is saved" in tab.success[0].value
        assert any("The display flickers." in text.value for text in tab.text)
        assert go(tab, "intake").text_input[0].value == ""

    def test_what_is_reviewed_and_listed_is_what_was_entered_and_its_files_stay(self, as_admin: Services) -> None:
        tab = open_page("intake")
        local = as_admin.accounts.find("local")
        assert local is not None
        session = as_admin.engine.open(local.session_id, local.user_id)
        digest, size = as_admin.files.keep(io.BytesIO(b"a plan"))
        plan = FileRef(digest=digest, name="plan.txt", type="text/plain", size=size)
        for name, value in {**REQUEST, "attachments": [plan]}.items():
            session.set_field(FORM, name, value)
        go(tab, "intake", step="review")
        assert {REQUEST["reason"], "1 of 5 stars", "plan.txt"} <= {text.value for text in tab.text}
        assert tab.dataframe[0].value.to_dict("records") == [{"what": "Monitor", "how_many": 2, "price": 250.5}]
        press(tab, "Submit")

        (listed,) = (text.value for text in tab.text)
        assert listed == f"{REQUEST['reason']}\n2 × Monitor, 250.50 € each"
        assert as_admin.engine.open(local.session_id).form(FORM).values == {}
        as_admin.files.erase({digest: as_admin.clock.now()}, list)
        assert as_admin.files.read(digest) == b"a plan", "only the request refers to it"
        for page in ("intake-submitted", "home-data"):
            downloads = [button.label for button in go(tab, page).get("download_button")]
            assert any(ui.plain("plan.txt") in label or "with the file" in label for label in downloads), page
        erase_person(as_admin, local, by=COMMAND_LINE).remove()
        assert list(as_admin.files.store.digests()) == []

    def test_what_is_asked_only_about_equipment_counts_only_there(self) -> None:
        repair = {**REQUEST, "kind": "Repair", "items": [{"what": ""}], "extras": ["Headset"]}
        checked = check(Request, repair)
        assert checked.value is not None
        assert (checked.value.items, checked.value.extras) == ([], [])

    def test_a_half_filled_form_is_there_again_in_a_new_tab(self) -> None:
        open_page("intake").text_input[0].set_value("Ada").run()

        assert open_page("intake").text_input[0].value == "Ada"
        assert any("Not submitted yet" in text.value for text in open_page("home").markdown)

    def test_a_version_can_be_kept_and_restored(self) -> None:
        tab = open_page("intake")
        tab.text_input[0].set_value("first").run()
        press(tab, "Keep this version")
        tab.text_input[0].set_value("second").run()
        next(button for button in tab.button if button.label.startswith("Go back to")).click().run()

        assert tab.text_input[0].value == "first"


@pytest.mark.usefixtures("as_admin")
def test_a_request_counts_in_insights_as_soon_as_it_is_submitted() -> None:
    before = int(open_page("insights").metric[0].value.replace(",", ""))
    TestIntake().test_from_the_first_step_to_the_list_of_requests()

    assert int(open_page("insights").metric[0].value.replace(",", "")) == before + 1


@pytest.mark.usefixtures("as_admin")
def test_filters_of_insights_are_there_again() -> None:
    open_page("insights").multiselect[0].set_value(["Laptop"]).run()

    assert open_page("insights").multiselect[0].value == ["Laptop"]


class TestAdmin:
    def test_a_person_can_be_given_roles_and_locked_out(self, as_signed_in_admin: Services) -> None:
        ada = as_signed_in_admin.accounts.create_user("ada", "Ada", password="a long pass phrase")
        tab = open_page("admin")
        tab.multiselect(key=f"roles-{ada.user_id}").set_value(["member"]).run()
        tab.button(key=f"lock-roles-{ada.user_id}").click().run()

        changed = as_signed_in_admin.accounts.user(ada.user_id)
        assert changed is not None
        assert changed.roles == {"member"}
        assert not changed.active

    def test_of_many_people_twenty_are_shown_at_a_time(self, as_signed_in_admin: Services) -> None:
        for number in range(25):
            as_signed_in_admin.accounts.create_user(f"person{number:02}", f"Person {number:02}")
        tab = open_page("admin")
        assert len(tab.multiselect) == 20
        tab = tab.text_input[0].input("person 24").run()
        assert [field.label for field in tab.multiselect] == ["Roles of Person 24"]

    def test_the_audit_trail_is_filtered_and_read_page_by_page(self, as_signed_in_admin: Services) -> None:
        ada = as_signed_in_admin.accounts.create_user("ada", "Ada")
        as_signed_in_admin.accounts.create_user("adam", "Adam")
        for number in range(PER_PAGE + 3):
            as_signed_in_admin.accounts.note(
                "refused", by=Actor(user_id=ada.user_id, address="192.0.2.7"), detail=str(number)
            )
        tab = open_page("admin-audit")
        assert "Download as CSV" in tab.get("html")[0].proto.body, "the table's own is hidden"
        tab.multiselect[0].set_value(["refused"]).run()
        assert len(tab.dataframe[0].value) == PER_PAGE
        press(tab, "Older")
        assert list(tab.dataframe[0].value["Detail"]) == ["2", "1", "0"]
        tab.text_input[0].set_value("da").run()
        tab.selectbox[1].set_value(ada.user_id).run()
        assert set(tab.dataframe[0].value["Who"]) == {"Ada (ada)"}, "from the newest on again"
        assert len(tab.dataframe[0].value) == PER_PAGE
        tab.text_input[1].set_value("192.0.2.8").run()
        assert not tab.dataframe
        tab.text_input[0].set_value("nobody").run()
        assert not tab.dataframe

    def test_a_role_can_be_changed(self, as_signed_in_admin: Services) -> None:
        tab = open_page("admin-roles")
        tab.selectbox[0].set_value("member").run()
        tab.text_area[0].set_value("intake.*")
        press(tab, "Save")

        member = next(role for role in as_signed_in_admin.accounts.roles() if role.role == "member")
        assert member.permissions == ("intake.*",)

    def test_a_role_can_be_given_and_taken_but_not_from_the_last_administrator(
        self, as_signed_in_admin: Services
    ) -> None:
        ada = as_signed_in_admin.accounts.create_user("ada", "Ada")
        (admin,) = as_signed_in_admin.accounts.holders("admin", limit=9)
        tab = open_page("admin-roles")
        tab.button(key=f"take-admin-{admin.user_id}").click().run()
        assert "Nobody could administer" in tab.error[0].value
        tab.text_input(key="give-admin").set_value("ada").run()
        tab.button(key=f"give-admin-{ada.user_id}").click().run()
        assert {holder.user_id for holder in as_signed_in_admin.accounts.holders("admin", limit=9)} == {
            ada.user_id,
            admin.user_id,
        }
        tab.button(key=f"take-admin-{ada.user_id}").click().run()
        assert as_signed_in_admin.accounts.count_holders()["admin"] == 1

    def test_it_is_told_who_may_do_what_by_which_role(self, as_signed_in_admin: Services) -> None:
        as_signed_in_admin.accounts.create_user("ada", "Ada", roles=["member"])
        tab = open_page("admin-roles")
        tab.selectbox[-1].set_value("intake.use").run()
        assert ["Download as CSV" in html.proto.body for html in tab.get("html")] == [True] * len(tab.dataframe)
        why = tab.dataframe[1].value[["By the role", "Which gives"]].to_numpy().tolist()
        assert why == [["member", "intake.*"], ["admin", "*"]]
        next(field for field in tab.text_input if field.label == "Person").set_value("ada").run()
        assert tab.dataframe[1].value["Who"].tolist() == ["Ada (ada)"]
