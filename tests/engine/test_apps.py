"""What the pages of `home` and `admin` do, tried as a person would. Who may open which: `test_every_page`."""

from __future__ import annotations

from core.accounts import Actor
from core.apps.admin.pages.audit import PER_PAGE
from core.discovery import discover
from core.services import Services
from tests.engine.pages import open_page, press

PAGES = discover()


def test_no_app_is_broken() -> None:
    assert {spec.app_name for spec in PAGES} >= {"home", "admin"}
    assert [spec.fault for spec in PAGES if spec.fault] == []


def test_every_page_of_admin_asks_for_a_permission() -> None:
    assert all(spec.permissions for spec in PAGES if spec.app_name == "admin")


class TestAdmin:
    def test_a_person_can_be_given_roles_and_locked_out(self, as_signed_in_admin: Services) -> None:
        ada = as_signed_in_admin.accounts.users.create("ada", "Ada", password="a long pass phrase")
        tab = open_page("admin")
        tab.multiselect(key=f"roles-{ada.user_id}").set_value(["member"]).run()
        tab.button(key=f"lock-roles-{ada.user_id}").click().run()

        changed = as_signed_in_admin.accounts.users.get(ada.user_id)
        assert changed is not None
        assert changed.roles == {"member"}
        assert not changed.active

    def test_of_many_people_twenty_are_shown_at_a_time(self, as_signed_in_admin: Services) -> None:
        for number in range(25):
            as_signed_in_admin.accounts.users.create(f"person{number:02}", f"Person {number:02}")
        tab = open_page("admin")
        assert len(tab.multiselect) == 20
        tab = tab.text_input[0].input("person 24").run()
        assert [field.label for field in tab.multiselect] == ["Roles of Person 24"]

    def test_the_audit_trail_is_filtered_and_read_page_by_page(self, as_signed_in_admin: Services) -> None:
        ada = as_signed_in_admin.accounts.users.create("ada", "Ada")
        as_signed_in_admin.accounts.users.create("adam", "Adam")
        for number in range(PER_PAGE + 3):
            as_signed_in_admin.accounts.audit.note(
                "refused", by=Actor(user_id=ada.user_id, address="192.0.2.7"), detail=str(number)
            )
        tab = open_page("admin-audit")
        assert "Download as CSV" in tab.get("html")[0].proto.body, "the table's own is hidden"
        tab.multiselect[0].set_value(["refused"]).run()
        assert len(tab.dataframe[0].value) == PER_PAGE
        press(tab, "Older")
        assert list(tab.dataframe[0].value["Detail"]) == ["2", "1", "0"]
        tab.text_input[0].set_value("ada").run()
        assert set(tab.dataframe[0].value["Who"]) == {"Ada (ada)"}, "from the newest on again"
        assert len(tab.dataframe[0].value) == PER_PAGE
        tab.text_input[0].set_value("nobody").run()
        assert not tab.dataframe

    def test_a_role_can_be_changed(self, as_signed_in_admin: Services) -> None:
        tab = open_page("admin-roles")
        tab.selectbox[0].set_value("member").run()
        tab.text_area[0].set_value("home.*")
        press(tab, "Save")

        member = next(role for role in as_signed_in_admin.accounts.roles.all() if role.role == "member")
        assert member.permissions == ("home.*",)

    def test_a_permission_that_nothing_requires_is_pointed_out(self, as_signed_in_admin: Services) -> None:
        as_signed_in_admin.accounts.roles.save("clerk", ["admin.*", "admin.aduit"])
        tab = open_page("admin-roles")
        tab.selectbox[0].set_value("clerk").run()
        assert [warning.value for warning in tab.warning] == [
            "No page or action requires `admin.aduit`. Did you mean `admin.audit`?"
        ]
