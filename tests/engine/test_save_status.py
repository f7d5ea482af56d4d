"""The page is told, with each field, what it may post, and what is kept; and a browser may not post too much."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.rate import RateLimit
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.web import routes
from core.web.token import new_token

TAB = "0123456789abcdef" * 2
SCRIPT = """
import streamlit as st
from core import bootstrap_session, get_session_manager, ui
from streamlit.runtime.scriptrunner import get_script_run_ctx

bootstrap_session()
with ui.save_status(get_session_manager()):
    if not st.session_state.get("elsewhere"):
        ui.text_input("Item", form="order", field="item")
        ui.number_input("How many", 1, 9, form="order", field="many")
        ui.checkbox("Gift", form="order", field="gift")
        st.text_input("A note of no form", key="loose")
        st.text_input("Password", type="password", key="secret")
    if st.session_state.get("stop"):
        st.stop()
    if st.session_state.get("overtaken"):
        get_script_run_ctx().script_requests.request_stop()
    if st.session_state.pop("again", False):
        st.rerun()
    st.text("the end")
"""


@pytest.fixture
def token(services: Services, monkeypatch: pytest.MonkeyPatch) -> str:
    """The cookie of the browser, which Streamlit's test runner has no place for."""
    token = new_token(services.settings.secret_key.get_secret_value())
    monkeypatch.setattr(ContextProxy, "cookies", {services.settings.cookie_name: token})
    return token


def load() -> AppTest:
    app = AppTest.from_string(SCRIPT).run()
    assert not app.exception
    return app


def told(app: AppTest) -> dict[str, Any]:
    """What the page's script is told: of the page before it is shown and once it is whole, and beside each field."""
    said = components(app)
    assert set(said) <= {"keep_status", "keep_page_end"}
    return {**said["keep_status"], **said.get("keep_page_end", {}), "fields": fields(app)}


def components(app: AppTest) -> dict[str, Any]:
    return {each.proto.component_name: json.loads(each.proto.json) for each in app.get("bidi_component")}


def fields(app: AppTest) -> dict[str, Any]:
    """What is said of fields, by their widgets' ids: as the run began, or ended, and in an element for what is new."""
    return {**list(components(app).values())[-1]["fields"], **newly_told(app)}


def newly_told(app: AppTest) -> dict[str, Any]:
    found = [re.search('data-keep-field="(.*?)"', each.proto.body) for each in app.get("html")]
    told = [json.loads(unescape(each[1])) for each in found if each]
    return {field.pop("id"): field for field in told if field.pop("run")}


def post(services: Services, token: str, field_token: str, text: str) -> int:
    with TestClient(Starlette(routes=routes()), headers={"Sec-Fetch-Site": "same-origin"}) as client:
        client.cookies.set(services.settings.cookie_name, token)
        body = {"tab": TAB, "number": 1, "token": field_token, "text": text}
        return int(client.post("/keep/drafts", json=body).status_code)


def test_the_page_may_post_what_is_typed_into_its_fields_and_nothing_else(services: Services, token: str) -> None:
    app = load()
    named, item, many = fields(app), app.text_input[0].id, app.number_input[0].id

    assert set(named) == {item, many}
    assert named[item]["label"] == "Item"
    assert post(services, token, named[item]["token"], "a lamp") == 204
    assert post(services, token, named[many]["token"], "10") == 422
    again = load()
    assert again.text_input[0].value == "a lamp"
    assert fields(again)[item]["stamp"] > named[item]["stamp"]


@pytest.mark.parametrize("how", ["stop", "again"])
def test_a_page_that_ends_early_is_told_as_well(services: Services, token: str, how: str) -> None:
    app = load()
    named, run = set(fields(app)), told(app)["run"]
    assert len(named) == 2
    app.session_state[how] = True

    app.run()

    assert set(fields(app)) == named
    assert told(app)["run"] != run
    assert bool(app.text) is (how == "again")


def test_a_run_that_is_overtaken_by_another_touches_nothing_any_more(services: Services, token: str) -> None:
    """What both write into the session's state at once ended the later one, and with it the page."""
    app = load()
    app.session_state["overtaken"] = True

    app.run()

    assert not app.exception
    assert not app.text
    assert "keep_page_end" not in components(app)


@pytest.mark.parametrize("kept", [True, False])
def test_a_page_is_whole_once_its_parallel_fragments_are(services: Services, token: str, kept: bool) -> None:
    def script(kept: bool) -> None:
        import threading

        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        bootstrap_session()
        script_is_done = threading.Event()

        @st.fragment(parallel=True)
        def beside() -> None:
            script_is_done.wait()
            ui.text_input("Beside", form="order", field="beside")
            ui.session_value("count", 0)
            st.session_state["count"] += 1
            if not kept:
                st.text_input("A note of no form", key="loose")

        with ui.save_status(get_session_manager()):
            beside()
            ui.text_input("Item", form="order", field="item")
            script_is_done.set()

    app = AppTest.from_function(script, kwargs={"kept": kept}).run()
    assert not app.exception
    assert {field["label"] for field in fields(app).values()} == {"Item", "Beside"}
    assert told(app)["status"]["complete"] is kept
    again = AppTest.from_function(script, kwargs={"kept": kept}).run()
    assert again.session_state["count"] == 2


def test_fields_of_another_page_are_not_announced(services: Services, token: str) -> None:
    app = load()
    app.session_state["elsewhere"] = True

    assert told(app.run())["fields"] == {}


def test_a_page_in_the_middle_of_its_run_may_be_typed_into(services: Services, token: str) -> None:
    """A run may take long, and somebody loads the page anew before it ends."""

    def script() -> None:
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from core import bootstrap_session, get_session_manager, ui

        bootstrap_session()
        with ui.save_status(get_session_manager()):
            ui.text_input("Item", form="order", field="item")
            get_script_run_ctx().script_requests.request_stop()  # type: ignore[union-attr]
            st.text("never shown")

    app = AppTest.from_function(script).run()

    assert not app.text
    assert told(app)["connection"] == "", "the outbox is there"
    assert post(services, token, fields(app)[app.text_input[0].id]["token"], "a lamp") == 204


@pytest.mark.parametrize("in_fragment", [False, True])
def test_a_field_alone_in_its_place_stays_there(services: Services, token: str, in_fragment: bool) -> None:
    """In `st.empty()` each element takes the place of the one before it."""

    def script(in_fragment: bool) -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        def alone() -> None:
            with st.empty():
                ui.text_input("Item", form="order", field="item")

        bootstrap_session()
        with ui.save_status(get_session_manager()):
            (st.fragment(alone) if in_fragment else alone)()

    app = AppTest.from_function(script, args=(in_fragment,)).run()

    assert set(fields(app)) == {app.text_input[0].id}


def test_of_fields_that_stay_nothing_is_told_again(services: Services, token: str) -> None:
    app = load()
    named = fields(app)
    assert set(newly_told(app)) == set(named)

    assert newly_told(app.run()) == {}
    assert fields(app) == named

    app.text_input[0].set_value("a lamp").run()
    assert set(newly_told(app)) == {app.text_input[0].id}, "its value has another stamp"
    changed = fields(app)
    assert {name for name in named if changed[name] != named[name]} == {app.text_input[0].id}
    assert newly_told(app.run()) == {}
    assert fields(app) == changed


def test_a_field_that_is_gone_is_told_anew_when_it_comes_back(services: Services, token: str) -> None:
    app = load()
    named = fields(app)
    app.session_state["elsewhere"] = True
    assert fields(app.run()) == {}
    app.session_state["elsewhere"] = False

    assert newly_told(app.run()) == named


def test_what_a_fragment_shows_is_told_with_it_each_time(services: Services, token: str) -> None:
    """A run of the fragment takes all out that it doesn't bring again."""

    def script() -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        bootstrap_session()
        with ui.save_status(get_session_manager()):
            st.fragment(lambda: ui.text_input("Item", form="order", field="item"))()

    app = AppTest.from_function(script).run()
    assert set(newly_told(app.run())) == {app.text_input[0].id}


@pytest.mark.parametrize(
    ("loose", "complete"),
    [("", True), ('st.text_input("Search")', False), ('st.session_state["cart"] = ["a lamp"]', False)],
)
def test_all_is_said_to_be_saved_only_where_all_of_it_is(
    services: Services, token: str, loose: str, complete: bool
) -> None:
    script = SCRIPT.replace('st.text_input("A note of no form", key="loose")', loose or "pass")
    script = script.replace('st.text_input("Password", type="password", key="secret")', 'st.button("Look", key="look")')

    assert told(AppTest.from_string(script).run())["status"]["complete"] is complete


def test_a_page_of_nothing_that_is_kept_says_nothing(services: Services, token: str) -> None:
    app = load()
    app.session_state["elsewhere"] = True

    assert told(app.run())["status"]["complete"] is False


def test_another_person_has_another_tag_and_a_page_loaded_again_the_same(
    services: Services, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = told(load())["who"]
    assert told(load())["who"] == mine

    other = new_token(services.settings.secret_key.get_secret_value())
    monkeypatch.setattr(ContextProxy, "cookies", {services.settings.cookie_name: other})

    assert told(load())["who"] != mine


def test_without_a_cookie_nothing_can_be_posted_and_the_page_knows(services: Services) -> None:
    data = told(load())

    assert data["cookie"] is False
    assert data["fields"] == {}
    assert "lost when you close or reload" in data["words"]["no_cookie"]


def test_without_a_cookie_a_field_of_somebody_known_is_kept_when_it_is_left(
    make_settings: Callable[..., Settings],
) -> None:
    services = build_services(make_settings(auth="none"))
    Base.metadata.create_all(services.database)
    with use_services(services):
        app = load()
        assert "saved when you leave it" in told(app)["words"]["no_cookie"]
        app.text_input[0].input("a lamp").run()

        assert load().text_input[0].value == "a lamp"


def test_what_was_refused_is_named_by_its_label(services: Services, token: str) -> None:
    app = load()
    app.text_input[0].input("x" * 300_000).run()

    refused = told(app)["status"]["not_kept"]

    assert [entry["label"] for entry in refused] == ["Item"]
    assert "256 KB" in refused[0]["reason"]


class Watch:
    """A clock for the rate limit."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    watch = Watch()
    limit = RateLimit(per_second=2, burst=3, monotonic=watch)

    assert [limit.wait("a") for _ in range(3)] == [0, 0, 0]
    assert limit.wait("a") == pytest.approx(0.5)
    assert limit.wait("b") == 0, "each browser has a bucket of its own"
    watch.now = 0.5
    assert limit.wait("a") == 0
    assert limit.wait("a") > 0
    watch.now = 100
    assert [limit.wait("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_typing_in_many_tabs_never_meets_the_limit_of_drafts() -> None:
    watch = Watch()
    limit = RateLimit(per_second=20, burst=200, monotonic=watch)
    for _ in range(600):
        watch.now += 0.3
        assert all(limit.wait("a") == 0 for _ in range(5)), "five tabs, each after every pause"


def test_browsers_long_unseen_are_forgotten() -> None:
    limit = RateLimit(per_second=1, burst=1, monotonic=Watch(), maximum=2)
    for browser in "abc":
        limit.wait(browser)

    assert limit.wait("a") == 0
    assert limit.wait("c") > 0
