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
    components = {each.proto.component_name: json.loads(each.proto.json) for each in app.get("bidi_component")}
    assert set(components) <= {"keep_status", "keep_page_end"}
    return {**components["keep_status"], **components.get("keep_page_end", {}), "fields": fields(app)}


def fields(app: AppTest) -> dict[str, Any]:
    """What is said of fields, each in an element of its own, by their widgets' ids."""
    found = [re.search('data-keep-field="(.*?)"', each.proto.body) for each in app.get("html")]
    told = [json.loads(unescape(each[1])) for each in found if each]
    return {field.pop("id"): field for field in told}


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
    assert "run" not in told(app)


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


def test_a_field_alone_in_its_place_stays_there(services: Services, token: str) -> None:
    """In `st.empty()` each element takes the place of the one before it."""

    def script() -> None:
        import streamlit as st

        from core import bootstrap_session, get_session_manager, ui

        bootstrap_session()
        with ui.save_status(get_session_manager()), st.empty():
            ui.text_input("Item", form="order", field="item")

    app = AppTest.from_function(script).run()

    end = next(each for each in app.get("bidi_component") if each.proto.component_name == "keep_page_end")
    assert set(json.loads(end.proto.json)["fields"]) == {app.text_input[0].id}


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
