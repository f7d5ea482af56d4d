"""Every page of every app, opened as each role: shown or refused in words, and never a traceback.

Pages and roles are those the project has, so that a new one is held against this by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts.setup import ROLES, create_roles
from core.discovery import PageSpec, discover
from core.pages import roles_of_apps
from core.router import is_offered
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.wildcards import matches
from tests.engine.conftest import new_browser, signed_in

PAGES = discover()
NO_ROLE = "no role"
SCRIPT = """
import streamlit as st
from core import bootstrap_session, get_session_manager, ui
from core.auth import require_sign_in
from core.router import Router

bootstrap_session()
manager = get_session_manager()
if page := st.session_state.pop("go", None):
    manager.navigate_to(page)
router = Router(manager)
require_sign_in(manager.identity)
ui.user_menu(manager)
with ui.save_status(manager):
    router.run()
    ui.restored_notice(manager, router.title)
"""

SignIn = Callable[[str], str]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One project for all roles, since nothing is entered here."""
    folder = tmp_path_factory.mktemp("project")
    files = {"database_url": f"sqlite:///{folder / 'sessions.db'}", "journal_path": folder / "journal.db"}
    settings = Settings(_env_file=None, auth="password", secret_key="of the tests " * 4, files_url=str(folder), **files)
    services = build_services(settings)
    Base.metadata.create_all(services.database)
    create_roles(services.accounts, roles_of_apps(PAGES))
    with use_services(services):
        yield services


@pytest.fixture
def sign_in(project: Services, monkeypatch: pytest.MonkeyPatch) -> SignIn:
    """Let tabs be those of a browser in which somebody with a role is signed in; returns who that is."""
    return lambda role: signed_in(project, monkeypatch, *([role] if role != NO_ROLE else [])).user_id


def opened(tab: AppTest, page: str) -> str:
    """Go to a page; returns what is on top of it. It may say no, but it doesn't break."""
    tab.session_state["go"] = page
    tab.run()
    titles = [title.value for title in tab.title]
    assert not tab.exception, f"{page}: {tab.exception[0].value}"
    assert not tab.error, f"{page}: {tab.error[0].value}"
    assert not any("can't be shown" in title for title in titles), f"{page}: {[code.value for code in tab.code]}"
    return titles[0] if titles else page


def entries(tab: AppTest) -> list[str]:
    """Return what can be chosen from the person's menu, without icons."""
    return [entry.split(" ", 1)[1] for menu in tab.sidebar.menu_button for entry in menu.options]


def may_open(role: str, page: PageSpec) -> bool:
    """By what the page requires and the role gives when the project begins. `admin` is for administrators only."""
    if page.app_name in ("home", "admin"):
        return page.app_name == "home" or role == "admin"
    granted = [*ROLES[role][0], *roles_of_apps(PAGES).get(role, ())] if role in ROLES else []
    return all(matches(granted, permission) for permission in page.permissions)


@pytest.mark.parametrize("role", [*ROLES, NO_ROLE])
def test_a_role_is_shown_its_pages_with_a_way_out_and_refused_the_others_in_words(role: str, sign_in: SignIn) -> None:
    sign_in(role)
    tab = AppTest.from_string(SCRIPT).run()

    titles = {}
    for spec in PAGES:
        titles[spec.name] = opened(tab, spec.name)
        assert "Sign out" in entries(tab), spec.name
    shown = {name: title for name, title in titles.items() if "Not allowed" not in title}
    assert set(shown) == {spec.name for spec in PAGES if may_open(role, spec)}
    core = [shown[spec.name] for spec in PAGES if spec.app_name in ("home", "admin") and spec.name in shown]
    assert len(set(core)) == len(core), "each page is another one"


def test_whoever_is_not_signed_in_is_asked_to_and_sees_no_page(
    project: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_browser(project, monkeypatch)
    tab = AppTest.from_string(SCRIPT).run()

    for spec in PAGES:
        opened(tab, spec.name)
        assert [field.label for field in tab.text_input] == ["Username", "Password"], spec.name
        assert not tab.sidebar.menu_button, spec.name


def test_who_is_locked_out_sees_no_page_any_more_in_the_tab_that_was_open(project: Services, sign_in: SignIn) -> None:
    sign_in("admin")  # there has to be one left
    user_id = sign_in("admin")
    tab = AppTest.from_string(SCRIPT).run()
    assert opened(tab, "admin") == "People"
    project.accounts.users.set_active(user_id, False)

    for spec in PAGES:
        tab.session_state["go"] = spec.name
        tab.run()
        assert not tab.exception, spec.name
        assert not tab.title, spec.name
        assert not tab.sidebar.menu_button, spec.name
        assert tab.get("bidi_component"), "its browser is given a token of nobody's"


def test_where_nobody_signs_in_there_is_no_way_out_and_no_page_about_people(as_admin: Services) -> None:
    tab = AppTest.from_string(SCRIPT).run()
    with_people = {spec.name for spec in PAGES if "Sign-in is turned off" in opened(tab, spec.name)}

    assert as_admin.settings.auth == "none"
    assert entries(tab) == ["Preferences", "Devices", "My data"]
    assert {page for page in with_people if page.startswith("admin")} == {"admin", "admin-roles"}
    assert not with_people & {spec.name for spec in PAGES if is_offered(spec)}, "the navigation leads nowhere"
