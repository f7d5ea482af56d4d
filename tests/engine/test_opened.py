"""Tabs and expanders are open again as they were left, each browser tab with its own."""

from __future__ import annotations

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from core.services import Services, get_services
from core.session import Change

ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture(autouse=True)
def once_loaded(as_one_person: Services) -> None:
    load(ONE)


def page() -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    manager = get_session_manager()
    if tab := st.session_state.get("tab"):
        manager.session.attach_tab(tab)
    manager.observe_page(st.session_state.get("page", "report"))
    ui.tabs(st.session_state.get("labels", ["Figures", "Notes"]), key="parts")
    ui.expander("More", key="more")
    st.session_state["seen"] = (st.session_state["parts"], st.session_state["more"])


def load(tab: str | None = None, **state: object) -> AppTest:
    app = AppTest.from_function(page)
    for name, value in {"tab": tab, **state}.items():
        app.session_state[name] = value
    return app.run()


def seen(app: AppTest) -> tuple[str, bool]:
    assert not app.exception, app.exception[0].message
    found: tuple[str, bool] = app.session_state["seen"]
    return found


def was_left(tab: str, label: str, more: object, page: str = "report") -> None:
    """Note what a click notes; a browser test clicks."""
    user = get_services().accounts.users.find("local")
    assert user is not None
    session = get_services().engine.open(user.session_id)
    paths = {"parts": label, "more": more}
    session.commit([Change(f"tab/{tab}/open/{page}/{key}", value) for key, value in paths.items()])


def test_by_default_they_are_as_streamlit_has_them() -> None:
    assert seen(load(ONE)) == ("Figures", False)


def test_a_tab_loaded_anew_has_them_as_they_were() -> None:
    was_left(ONE, "Notes", True)
    was_left(TWO, "Figures", False)
    assert seen(load(ONE)) == ("Notes", True)
    assert seen(load(TWO)) == ("Figures", False)


def test_until_the_browser_has_spoken_the_latest_of_all_tabs_stands_in() -> None:
    was_left(ONE, "Notes", True)
    was_left(TWO, "Figures", False)
    was_left(ONE, "Notes", True)
    app = load()
    assert seen(app) == ("Notes", True)
    app.session_state["tab"] = TWO
    assert seen(app.run()) == ("Figures", False)


@pytest.mark.parametrize("left", [True, False])
def test_what_is_clicked_before_the_browser_has_spoken_stays_and_is_kept(left: bool) -> None:
    was_left(ONE, "Notes", left)
    app = load()
    click_expander(app, not left)
    app.session_state["tab"] = ONE
    assert seen(app.run()) == ("Notes", not left)
    assert seen(load(ONE)) == ("Notes", not left)


def click_expander(app: AppTest, is_open: bool) -> None:
    """What a click sends; AppTest has none for expanders."""
    app._run(WidgetStates(widgets=[WidgetState(id=app.expander[0].proto.id, bool_value=is_open)]))
    assert seen(app)[1] is is_open


def test_a_new_tab_keeps_what_stood_in() -> None:
    was_left(ONE, "Notes", True)
    app = load()
    app.session_state["tab"] = TWO
    assert seen(app.run()) == ("Notes", True)


def test_each_page_has_its_own() -> None:
    was_left(ONE, "Notes", True, page="another")
    assert seen(load(ONE)) == ("Figures", False)


@pytest.mark.parametrize(("label", "more"), [("Gone", 1), (None, "yes"), (3, None)])
def test_what_no_longer_fits_is_passed_over(label: str, more: object) -> None:
    was_left(ONE, label, more)
    assert seen(load(ONE)) == ("Figures", False)
