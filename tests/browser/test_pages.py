"""Every page of every app, as every role: shown or not allowed, on a wide and a narrow screen, in light and dark."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import SETTLE_MS, Visitor

pytestmark = pytest.mark.xdist_group("pages")  # one worker, one server

EVERYBODY = ["", "home-preferences"]
MEMBERS = ["intake", "intake-submitted", "insights"]
ADMINISTRATORS = ["admin", "admin-roles", "admin-sessions", "admin-metrics"]
SCREENS = [(1280, 800, "light"), (390, 844, "dark")]


def is_well(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible(timeout=SETTLE_MS)
    assert "Traceback" not in page.content()
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{page.url} is {too_wide} px wider than the screen"


def is_refused(page: Page) -> bool:
    return page.get_by_text(re.compile("not allowed", re.IGNORECASE)).count() > 0


def look_at_all(visitor: Visitor, allowed: list[str], refused: list[str]) -> None:
    for width, height, scheme in SCREENS:
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for path in [*allowed, *refused]:
            visitor.open(path)
            is_well(visitor.page)
            assert is_refused(visitor.page) == (path in refused), f"/{path} at {width} px, {scheme}"


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        ("admin", [*EVERYBODY, *MEMBERS, *ADMINISTRATORS], []),
        ("member", [*EVERYBODY, *MEMBERS], ADMINISTRATORS),
    ],
)
def test_every_page_is_shown_or_not_allowed(
    visit: NewTab, new_person: NewPerson, role: str, allowed: list[str], refused: list[str]
) -> None:
    visitor = visit().open()
    visitor.sign_in(new_person(role))
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible(timeout=SETTLE_MS)
    look_at_all(visitor, allowed, refused)


def test_an_unknown_address_leads_home(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open("no-such-page")
    visitor.sign_in(new_person())
    expect(visitor.page.get_by_text("There is no page here")).to_be_visible(timeout=SETTLE_MS)
    visitor.settled()
    visitor.page.get_by_test_id("stMain").get_by_role("button").first.click()
    expect(visitor.page).to_have_url(f"{visitor.server.url}/", timeout=SETTLE_MS)


def test_the_browser_s_back_and_forward_follow_the_pages(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open()
    visitor.sign_in(new_person())
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible(timeout=SETTLE_MS)
    visitor.settled()
    visitor.page.get_by_role("link", name="New request").click()
    visitor.arrived("New request")
    visitor.page.get_by_role("link", name="Insights").click()
    visitor.arrived("Insights")
    visitor.page.go_back()
    visitor.arrived("New request")
    visitor.reload()
    visitor.arrived("New request")
    visitor.page.go_forward()
    visitor.arrived("Insights")
    visitor.page.go_back()
    visitor.page.go_back()
    expect(visitor.page).to_have_url(f"{visitor.server.url}/", timeout=SETTLE_MS)


def test_filters_survive_a_refresh(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open("insights")
    visitor.sign_in(new_person()).arrived("Insights")
    visitor.pick("Month")
    visitor.reload()
    chosen = visitor.page.get_by_test_id("stButtonGroup").get_by_role("radio", name="Month")
    expect(chosen).to_be_checked(timeout=SETTLE_MS)


def test_nothing_is_asked_of_other_hosts(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit()
    foreign: list[str] = []
    visitor.page.on(
        "request", lambda request: None if request.url.startswith(visitor.server.url) else foreign.append(request.url)
    )
    visitor.open("insights").sign_in(new_person()).arrived("Insights")
    assert [url for url in foreign if not url.startswith(("data:", "blob:"))] == []
