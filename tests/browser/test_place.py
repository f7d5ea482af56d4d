"""Where one was is where one is after a reload: the cursor, what is open, and Back and Forward beside it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import SETTLE_MS, Visitor


@pytest.fixture
def visitor(visit: NewTab, new_person: NewPerson) -> Visitor:
    return visit().open("intake").sign_in(new_person()).arrived("New request")


def cursor_at(visitor: Visitor, start: int, end: int) -> None:
    visitor.until(
        "([start, end]) => [document.activeElement].every(f => f.selectionStart === start && f.selectionEnd === end)",
        [start, end],
    )


def test_the_cursor_is_back_in_its_field_at_its_place(visitor: Visitor) -> None:
    visitor.write("Name", "Ada Lovelace")
    visitor.text("Name").click()
    for key in ("Home", "ArrowRight", "ArrowRight", "Shift+ArrowRight"):
        visitor.page.keyboard.press(key)
    visitor.reload()
    expect(visitor.text("Name")).to_be_focused()
    cursor_at(visitor, 2, 3)
    visitor.page.keyboard.type("A")
    expect(visitor.text("Name")).to_have_value("AdA Lovelace")


def test_the_cursor_is_back_in_a_text_of_several_lines_without_scrolling(visitor: Visitor) -> None:
    visitor.open("intake?step=need").arrived("New request")
    visitor.write("What is it for?", "One\nTwo")
    visitor.text("What is it for?").click()
    visitor.page.keyboard.press("Control+End")
    visitor.page.keyboard.press("ArrowLeft")
    before = visitor.scroll
    visitor.reload()
    expect(visitor.text("What is it for?")).to_be_focused()
    cursor_at(visitor, 6, 6)
    visitor.scrolled_to(before)


def test_who_left_the_field_or_goes_elsewhere_is_left_alone(visitor: Visitor) -> None:
    visitor.text("Name").click()
    visitor.page.get_by_role("heading", name="New request").click()
    expect(visitor.text("Name")).not_to_be_focused()
    visitor.reload()
    expect(visitor.text("Name")).not_to_be_focused()
    visitor.text("Name").click()
    visitor.open("intake?step=need").arrived("New request")
    expect(visitor.page.locator("input:focus, textarea:focus")).to_have_count(0)


def test_what_was_opened_is_open_again(visitor: Visitor) -> None:
    versions = visitor.page.get_by_test_id("stExpander").locator("details")
    expect(versions).not_to_have_attribute("open", "")
    visitor.page.get_by_text("Versions", exact=True).click()
    expect(versions).to_have_attribute("open", "")
    visitor.settled()
    visitor.reload()
    expect(versions).to_have_attribute("open", "")
    visitor.page.get_by_text("Versions", exact=True).click()
    expect(versions).not_to_have_attribute("open", "")
    visitor.settled()
    visitor.reload()
    expect(visitor.text("Name").first).to_be_visible()
    expect(versions).not_to_have_attribute("open", "")


def test_a_deep_link_is_kept_through_signing_in_with_back_and_forward(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open("intake?step=need")
    visitor.sign_in(new_person())
    expect(visitor.page.get_by_role("heading", name="Need")).to_be_visible(timeout=SETTLE_MS)
    visitor.settled()
    visitor.button("Back").click()
    expect(visitor.page).to_have_url(re.compile(r"/intake\?step=contact$"))
    visitor.settled()
    visitor.page.go_back()
    expect(visitor.page.get_by_role("heading", name="Need")).to_be_visible()
    visitor.reload()
    visitor.page.go_forward()
    expect(visitor.page.get_by_role("heading", name="Contact")).to_be_visible()


def test_a_position_that_could_not_be_kept_is_sent_again(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 1280, "height": 300})
    visitor.page.route("**/keep/position", lambda route: route.fulfill(status=503), times=1)
    with visitor.page.expect_response(lambda answer: answer.url.endswith("/keep/position") and answer.status == 204):
        visitor.page.get_by_test_id("stMain").evaluate("main => { main.scrollTop = 40 }")
