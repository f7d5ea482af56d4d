"""The browser's position is kept for the browser that sent it, and for nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.rate import RateLimit
from core.services import Services
from core.session import NavigationEntry
from core.state.navigation import History
from core.web import routes
from core.web.position import BODY_LIMIT, get_page_names
from core.web.token import new_token, token_hash
from tests.engine.writing import put

TAB = "0123456789abcdef" * 2
OURS = {"Sec-Fetch-Site": "same-origin"}
HISTORY: dict[str, Any] = {
    "index": 1,
    "entries": [{"page": "home", "params": {}}, {"page": "orders", "params": {"id": "7"}}],
}
BODY: dict[str, Any] = {"tab": TAB, "page": "orders", "y": 420, "history": HISTORY}


@pytest.fixture
def browser(services: Services) -> Iterator[TestClient]:
    """A browser whose anonymous session exists, with one tab."""
    with TestClient(Starlette(routes=routes()), headers=OURS) as client:
        token = new_token(services.settings.secret_key.get_secret_value())
        services.accounts.tokens.register(token_hash(token), "anon-1", "Test")
        session = services.engine.open("anon-1")
        session.attach_tab(TAB)
        session.visit("home")
        get_page_names().update({"home", "orders"})
        client.cookies.set(services.settings.cookie_name, token)
        yield client


def test_a_position_is_back_when_the_session_is_opened_again(services: Services, browser: TestClient) -> None:
    assert browser.post("/keep/position", json=BODY).status_code == 204

    session = services.engine.open("anon-1")
    session.attach_tab(TAB)
    assert session.scroll_position("orders") == 420
    assert [(entry.page, entry.params) for entry in session.navigation_history] == [
        ("home", {}),
        ("orders", {"id": "7"}),
    ]
    assert session.navigation_index == 1


def test_without_a_history_only_the_scroll_position_is_kept(services: Services, browser: TestClient) -> None:
    assert browser.post("/keep/position", json={**BODY, "history": None}).status_code == 204

    session = services.engine.open("anon-1")
    session.attach_tab(TAB)
    assert session.scroll_position("orders") == 420
    assert [entry.page for entry in session.navigation_history] == ["home"]


def test_a_tab_the_session_does_not_have_gets_nothing_kept(services: Services, browser: TestClient) -> None:
    before = len(services.engine.open("anon-1").values)
    for tab in ("1" * 32, TAB[::-1]):
        assert browser.post("/keep/position", json={**BODY, "tab": tab}).status_code == 404
    assert len(services.engine.open("anon-1").values) == before


@pytest.mark.usefixtures("services")
def test_of_invented_pages_nothing_is_kept(browser: TestClient) -> None:
    pages = ("orders", "invented", "another", "home")
    answers = [browser.post("/keep/position", json={**BODY, "page": page}).status_code for page in pages]
    assert answers == [204, 404, 404, 204]


def test_a_visit_keeps_its_time(services: Services, browser: TestClient) -> None:
    start = services.clock.now() - timedelta(hours=1)
    before = [
        NavigationEntry(page=page, timestamp=start + timedelta(minutes=number))
        for number, page in enumerate(("home", "orders", "customers"))
    ]
    history = History(entries=tuple(before), index=2)
    put(services.engine, "anon-1", {f"tab/{TAB}/history": history.stored(), f"tab/{TAB}/scroll/customers": 7.0})

    # The browser has let go of the oldest, and been to one page more.
    entries = [{"page": page, "params": {}} for page in ("orders", "customers", "home")]
    posted = {**BODY, "history": {"index": 2, "entries": entries}}
    assert browser.post("/keep/position", json=posted).status_code == 204
    session = services.engine.open("anon-1")
    session.attach_tab(TAB)
    visits = session.navigation_history
    assert [visit.timestamp for visit in visits[:2]] == [visit.timestamp for visit in before[1:]]
    assert [visit.scroll_position for visit in visits] == [BODY["y"], 7.0, 0.0]
    assert visits[2].timestamp > before[2].timestamp


def test_a_history_that_is_the_same_is_not_written_again(services: Services, browser: TestClient) -> None:
    def stamps() -> list[str]:
        kept = services.engine.open("anon-1").stamps
        return [kept[f"tab/{TAB}/history"], kept[f"tab/{TAB}/scroll/orders"]]

    browser.post("/keep/position", json=BODY)
    before = stamps()
    browser.post("/keep/position", json={**BODY, "y": 430})
    after = stamps()
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_a_browser_gone_wild_is_told_to_wait(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = RateLimit(per_second=10, burst=2, monotonic=lambda: 0.0)
    monkeypatch.setattr(import_module("core.web.position"), "RATE", stopped)
    answers = [browser.post("/keep/position", json=BODY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_an_anonymous_browser_leaves_no_trace_before_its_first_edit(services: Services) -> None:
    with TestClient(Starlette(routes=routes()), headers=OURS) as stranger:
        stranger.cookies.set(services.settings.cookie_name, new_token(services.settings.secret_key.get_secret_value()))
        assert stranger.post("/keep/position", json=BODY).status_code == 204

    services.engine.flush()
    assert services.store.count() == 0


def test_a_revoked_browser_is_refused(services: Services, browser: TestClient) -> None:
    services.accounts.browsers.revoke_session("anon-1")

    assert browser.post("/keep/position", json=BODY).status_code == 401


@pytest.mark.parametrize(
    "cookie",
    [None, "", "forged", new_token("another secret, of another project")],
    ids=["none", "empty", "forged", "another project's"],
)
def test_no_valid_cookie_no_entry(services: Services, browser: TestClient, cookie: str | None) -> None:
    browser.cookies.clear()
    if cookie is not None:
        browser.cookies.set(services.settings.cookie_name, cookie)

    assert browser.post("/keep/position", json=BODY).status_code == 401


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}])
def test_other_sites_are_refused(browser: TestClient, headers: dict[str, str]) -> None:
    assert browser.post("/keep/position", json=BODY, headers=headers).status_code == 403


def test_a_body_over_the_limit_is_refused(browser: TestClient) -> None:
    body = json.dumps({**BODY, "filler": "x" * BODY_LIMIT})

    assert browser.post("/keep/position", content=body).status_code == 413


def test_only_post(browser: TestClient) -> None:
    assert browser.get("/keep/position").status_code == 405


WRONG: list[dict[str, Any]] = [
    {"tab": "x"},
    {"tab": TAB + "0"},
    {"tab": None},
    {"page": ""},
    {"page": "a/b"},
    {"page": "x" * 101},
    {"page": "a\nb"},
    {"y": -1},
    {"y": 1e12},
    {"y": True},
    {"y": "3"},
    {"y": None},
    {"history": []},
    {"history": {"index": 2, "entries": HISTORY["entries"]}},
    {"history": {"index": -1, "entries": HISTORY["entries"]}},
    {"history": {"index": 0, "entries": []}},
    {"history": {"index": 0, "entries": HISTORY["entries"] * 26}},
    {"history": {"index": 0, "entries": [{"page": "home", "params": {"id": 7}}]}},
    {"history": {"index": 0, "entries": [{"page": "home", "params": {"id": "x" * 2_001}}]}},
    {"history": {"index": 0, "entries": [{"page": "../x", "params": {}}]}},
    {"history": {"index": 0, "entries": ["home"]}},
]


@pytest.mark.parametrize("change", WRONG, ids=repr)
def test_a_malformed_body_gets_a_clear_answer_and_nothing_is_kept(
    services: Services, browser: TestClient, change: dict[str, Any]
) -> None:
    answer = browser.post("/keep/position", json={**BODY, **change})

    assert answer.status_code == 400
    assert answer.text.strip()
    session = services.engine.open("anon-1")
    session.attach_tab(TAB)
    assert session.scroll_position("orders") == 0


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"[]", b"\xff", b'{"y": NaN}', pytest.param(b"[" * 30_000, id="nested")]
)
def test_what_is_no_json_object_of_ours_is_refused(browser: TestClient, content: bytes) -> None:
    assert browser.post("/keep/position", content=content).status_code == 400
