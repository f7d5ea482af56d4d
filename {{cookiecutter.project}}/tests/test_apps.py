"""Every page of every app that ships opens for those who may see it, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts.first_start import seed_administrator
from core.discovery import PageSpec, discover
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base

PAGES = discover()
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


@pytest.fixture
def as_admin(make_settings: Callable[..., Settings]) -> Iterator[Services]:
    """Services of a project without sign-in, whose one person may do everything."""
    built = build_services(make_settings(auth="none"))
    Base.metadata.create_all(built.database)
    seed_administrator(built.accounts, None)
    with use_services(built):
        yield built


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


@pytest.mark.usefixtures("as_admin")
@pytest.mark.parametrize("spec", PAGES, ids=lambda spec: spec.name)
def test_every_page_opens_for_the_administrator(spec: PageSpec) -> None:
    tab = open_page(spec.name)

    assert not tab.exception
    assert not tab.error
    assert "can't be shown" not in tab.title[0].value
    assert "Not allowed" not in tab.title[0].value


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("spec", [spec for spec in PAGES if spec.permissions], ids=lambda spec: spec.name)
def test_no_page_that_asks_for_a_permission_opens_for_nobody(spec: PageSpec) -> None:
    tab = open_page(spec.name)

    assert "Not allowed" in tab.title[0].value


def test_every_page_but_the_start_asks_for_a_permission() -> None:
    assert {spec.app for spec in PAGES if not spec.permissions} == {"home"}


@pytest.mark.usefixtures("as_admin")
class TestIntake:
    def test_a_step_that_lacks_something_says_what_and_stays(self) -> None:
        tab = press(open_page("intake"), "Next")

        assert [message.value for message in tab.error] == ["Say who asks.", "Choose a site."]
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
        assert any("The display flickers." in text.value for text in tab.markdown)
        assert go(tab, "intake").text_input[0].value == ""

    def test_a_half_filled_form_is_there_again_in_a_new_tab(self) -> None:
        open_page("intake").text_input[0].set_value("Ada").run()

        assert open_page("intake").text_input[0].value == "Ada"
        assert any("Not submitted yet" in text.value for text in open_page("home").markdown)

    def test_a_version_can_be_kept_and_restored(self) -> None:
        tab = open_page("intake")
        tab.text_input[0].set_value("first").run()
        press(tab, "Keep this version")
        tab.text_input[0].set_value("second").run()
        press(tab, "Restore")

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
    def test_a_person_can_be_given_roles_and_locked_out(self, as_admin: Services) -> None:
        ada = as_admin.accounts.create_user("ada", "Ada", password="a long pass phrase")
        tab = open_page("admin")
        tab.multiselect(key=f"roles-{ada.user_id}").set_value(["member"]).run()
        tab.button(key=f"lock-roles-{ada.user_id}").click().run()

        changed = as_admin.accounts.user(ada.user_id)
        assert changed is not None
        assert changed.roles == {"member"}
        assert not changed.active

    def test_a_browser_can_be_revoked(self, as_admin: Services) -> None:
        as_admin.accounts.register("f" * 64, "anon-1", "Firefox on Linux")
        tab = open_page("admin-sessions")
        press(tab, "Revoke")

        assert as_admin.accounts.live_tokens() == []

    def test_a_role_can_be_changed(self, as_admin: Services) -> None:
        tab = open_page("admin-roles")
        tab.text_area[1].set_value("intake.*")
        [button for button in tab.button if button.label == "Save"][1].click().run()

        member = next(role for role in as_admin.accounts.roles() if role.role == "member")
        assert member.permissions == ("intake.*",)
