"""After a reload the page says once what is back, and it can be kept, or discarded and undone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import Visitor


def notice(visitor: Visitor) -> Locator:
    return visitor.page.locator(".st-key-keep-restored")


def begun(visitor: Visitor, username: str) -> Visitor:
    visitor.open("intake").sign_in(username).arrived("New request")
    expect(notice(visitor)).to_have_count(0)
    visitor.write("Name", "Ada")
    visitor.pick("Harbour")
    visitor.reload()
    return visitor.arrived("New request")


def test_the_notice_is_said_once_and_is_a_status(visit: NewTab, new_person: NewPerson) -> None:
    visitor = begun(visit(), new_person())
    expect(notice(visitor).get_by_role("status")).to_contain_text("2 entries from")
    expect(notice(visitor).get_by_role("status")).to_contain_text("in “New request”")
    visitor.button("Keep").click()
    expect(notice(visitor)).to_have_count(0)
    expect(visitor.text("Name")).to_have_value("Ada")
    visitor.reload()
    visitor.arrived("New request")
    expect(notice(visitor)).to_have_count(0)
    visitor.write("Email", "ada@example.org")
    visitor.reload()
    expect(notice(visitor).get_by_role("status")).to_contain_text("3 entries")


def test_a_discard_is_undone_by_the_keyboard_alone(visit: NewTab, new_person: NewPerson) -> None:
    visitor = begun(visit(), new_person())
    visitor.button("Discard").focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.text("Name")).to_have_value("")
    expect(notice(visitor).get_by_role("status")).to_have_text("Discarded.")
    notice(visitor).get_by_role("button", name="Undo").focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.text("Name")).to_have_value("Ada")
    expect(visitor.page.get_by_test_id("stButtonGroup").get_by_role("radio", name="Harbour")).to_be_checked()
    expect(notice(visitor)).to_have_count(0)


def test_what_was_only_typed_is_announced_too_and_the_cursor_is_back_in_it(
    visit: NewTab, new_person: NewPerson
) -> None:
    visitor = visit().open("intake").sign_in(new_person()).arrived("New request")
    visitor.text("Name").click()
    visitor.page.keyboard.type("Half a na")
    visitor.page.reload()
    expect(notice(visitor).get_by_role("status")).to_contain_text("1 entry from")
    expect(visitor.text("Name")).to_have_value("Half a na")
    expect(visitor.text("Name")).to_be_focused()
    visitor.settled()
    visitor.button("Discard").click()
    expect(visitor.text("Name")).to_have_value("")
    notice(visitor).get_by_role("button", name="Undo").click()
    expect(visitor.text("Name")).to_have_value("Half a na")


def test_another_device_is_told_although_its_page_is_loaded_again_for_the_theme(
    visit: NewTab, new_person: NewPerson
) -> None:
    username = new_person()
    visitor = visit().open("intake").sign_in(username).arrived("New request")
    visitor.write("Name", "Ada")
    visitor.open("home-preferences").arrived("Preferences")
    visitor.page.get_by_test_id("stButtonGroup").get_by_text("Dark", exact=True).click()
    expect(visitor.page.get_by_test_id("stApp")).to_have_css("background-color", "rgb(20, 25, 23)")
    phone = visit().open("intake").sign_in(username)
    expect(phone.page.get_by_test_id("stApp")).to_have_css("background-color", "rgb(20, 25, 23)")
    expect(notice(phone).get_by_role("status")).to_contain_text("1 entry from")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_notice_moves_nothing_and_fits_the_screen(visit: NewTab, new_person: NewPerson, width: int) -> None:
    visitor = visit()
    visitor.page.set_viewport_size({"width": width, "height": 844})
    begun(visitor, new_person())
    expect(notice(visitor)).to_be_visible()
    visitor.settled()
    box = notice(visitor).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 844
    step = visitor.page.locator(".st-key-keep-form-intake")
    before = step.bounding_box()
    visitor.button("Keep").click()
    expect(notice(visitor)).to_have_count(0)
    assert step.bounding_box() == before
