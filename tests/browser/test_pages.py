"""Every page of every app in a browser: shown or not allowed, on a wide and a narrow screen, in light and dark.

Which pages there are is asked of the project; `test_every_page` of its own tests opens them as each role.
"""

from __future__ import annotations

import json
import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import SETTLE_MS
from tests.support.server import Server

ADMIN = "admin"
"""The app that is for administrators."""
_FIND = """
import json
from core.discovery import discover
print(json.dumps({spec.name: spec.app_name for spec in discover()}))
"""
Scheme = Literal["light", "dark"]
WIDE: tuple[int, int, Scheme] = (1280, 800, "light")
NARROW: tuple[int, int, Scheme] = (390, 844, "dark")


def is_well(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible(timeout=SETTLE_MS)
    assert "Traceback" not in page.content()
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{page.url} is {too_wide} px wider than the screen"


def has_drawn(page: Page) -> None:
    """Its charts are there: an expression in one must need no more than the page's policy allows."""
    for chart in page.get_by_test_id("stVegaLiteChart").all():
        expect(chart.locator("canvas, svg").first).to_be_visible(timeout=SETTLE_MS)


def is_refused(page: Page) -> bool:
    return page.get_by_text(re.compile("not allowed", re.IGNORECASE)).count() > 0


@pytest.fixture(scope="module")
def apps(server: Server) -> dict[str, str]:
    """Every page there is, and the app it belongs to."""
    result = server.project.run(".venv/bin/python", "-c", _FIND, **server.settings)
    found: dict[str, str] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("role", "refused", "screens"),
    [("admin", set(), [WIDE, NARROW]), ("member", {ADMIN}, [WIDE])],
    ids=["admin", "member"],
)
def test_every_page_is_shown_or_not_allowed(
    visit: NewTab,
    new_person: NewPerson,
    apps: dict[str, str],
    role: str,
    refused: set[str],
    screens: list[tuple[int, int, Scheme]],
) -> None:
    visitor = visit().open()
    visitor.sign_in(new_person(role))
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible(timeout=SETTLE_MS)
    for path, app in apps.items():
        visitor.open(path)
        for width, height, scheme in screens:
            visitor.page.set_viewport_size({"width": width, "height": height})
            visitor.page.emulate_media(color_scheme=scheme)
            visitor.settled()
            is_well(visitor.page)
            has_drawn(visitor.page)
            assert is_refused(visitor.page) == (app in refused), f"/{path} at {width} px, {scheme}"


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


def test_the_person_s_menu_is_out_of_the_way_once_something_was_chosen(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open()
    page = visitor.page
    visitor.sign_in(new_person()).settled()
    link = page.get_by_role("link", name="Insights")
    link.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert link.evaluate("link => getComputedStyle(link).outlineStyle") == "solid", "the keyboard's place is seen"
    for width, height, _ in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": height})
        if width == NARROW[0]:
            page.get_by_test_id("stExpandSidebarButton").click()
        visitor.choose_from_menu("Preferences" if width == WIDE[0] else "Devices")
        visitor.arrived("Preferences" if width == WIDE[0] else "Devices")
        expect(page.get_by_role("menu")).to_have_count(0)
        visitor.until(f"() => document.elementFromPoint(60, 100).closest('[data-testid=stMain]') || {width} > 640")


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
