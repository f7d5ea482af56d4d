"""Half a form filled in comes back as it was: after F5, a closed browser, and `kill -9` of the server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import SETTLE_MS, Visitor
from tests.support.server import Server


def fill_half(visitor: Visitor) -> None:
    """Two steps of the intake form, with every kind of widget they have, and the page scrolled down."""
    visitor.write("Name", "Zoë 😀")
    visitor.pick("Northside")
    visitor.tick("Tell me by email when something changes")
    visitor.next("need")
    visitor.pick("New equipment")
    visitor.choose("Category", "Lab instrument")
    with visitor.kept():
        visitor.page.get_by_role("spinbutton", name="How many").fill("7")
        visitor.page.get_by_role("spinbutton", name="How many").press("Tab")
    visitor.write("What is it for?", "Line one\nline two")
    visitor.choose("Extras", "Headset")
    visitor.choose("Extras", "Training")
    visitor.page.keyboard.press("Escape")
    with visitor.kept():
        visitor.page.get_by_role("slider").first.press("ArrowRight")
    visitor.scroll_to(150)


def assert_half_is_back(visitor: Visitor) -> None:
    page = visitor.page
    expect(page).to_have_url(re.compile(r"/intake\?step=need$"), timeout=SETTLE_MS)
    visitor.settled()
    checked = page.get_by_test_id("stButtonGroup").get_by_role("radio", name="New equipment")
    expect(checked).to_be_checked()
    expect(page.get_by_role("combobox", name=re.compile("Category"))).to_have_value("Lab instrument")
    expect(page.get_by_role("spinbutton", name="How many")).to_have_value("7")
    expect(visitor.text("What is it for?")).to_have_value("Line one\nline two")
    expect(page.get_by_test_id("stMultiSelect")).to_contain_text(re.compile("Headset.*Training"))
    expect(page.get_by_role("slider").first).to_have_value("250")
    visitor.scrolled_to(150)
    expect(page.locator(".st-key-keep-user")).to_be_visible()


def assert_first_step_is_back(visitor: Visitor) -> None:
    expect(visitor.text("Name")).to_have_value("Zoë 😀", timeout=SETTLE_MS)
    expect(visitor.page.get_by_test_id("stButtonGroup").get_by_role("radio", name="Northside")).to_be_checked()
    expect(visitor.page.get_by_role("switch")).to_be_checked()


@pytest.fixture
def username(new_person: NewPerson) -> str:
    return new_person()


def half_filled(visitor: Visitor, username: str) -> Visitor:
    visitor.open("intake").sign_in(username).arrived("New request")
    fill_half(visitor)
    return visitor


def test_after_f5(visit: NewTab, username: str) -> None:
    visitor = half_filled(visit(), username)
    visitor.reload()
    assert_half_is_back(visitor)
    visitor.page.go_back()
    visitor.page.wait_for_url(re.compile(r"/intake$"))
    assert_first_step_is_back(visitor)
    visitor.page.go_forward()
    assert_half_is_back(visitor)


def test_after_the_browser_was_closed(reopen: NewTab, username: str) -> None:
    half_filled(reopen(), username)
    visitor = reopen()
    visitor.open()
    assert_half_is_back(visitor)
    visitor.button("Back").click()
    assert_first_step_is_back(visitor)


def test_after_the_server_was_killed_while_the_tab_stayed_open(visit: NewTab, username: str, server: Server) -> None:
    visitor = half_filled(visit(), username)
    visitor.meets_another_server()
    assert_half_is_back(visitor)
    visitor.write("What is it for?", "Written to the new server")
    visitor.reload()
    expect(visitor.text("What is it for?")).to_have_value("Written to the new server")
    visitor.page.go_back()
    assert_first_step_is_back(visitor)


def test_on_another_device(visit: NewTab, username: str) -> None:
    half_filled(visit(), username)
    phone = visit().open("intake")
    phone.sign_in(username).arrived("New request")
    assert_first_step_is_back(phone)


def test_the_submitted_request_is_there_after_a_restart(visit: NewTab, username: str, server: Server) -> None:
    visitor = half_filled(visit(), username)
    plan = {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"a plan"}
    with visitor.kept():
        visitor.page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files([plan])
    visitor.next("schedule")
    visitor.tick("The budget is agreed with my lead")
    visitor.next("review")
    visitor.button("Submit").click()
    visitor.arrived("My requests")
    expect(visitor.page.get_by_text(re.compile(r"Request R-[0-9A-F]{8} is saved\."))).to_be_visible()
    visitor.meets_another_server()
    visitor.arrived("My requests")
    expect(visitor.page.get_by_text("Northside")).to_be_visible()
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name=re.compile(r"Download plan\.txt")).click()
    assert Path(download.value.path()).read_bytes() == b"a plan"
