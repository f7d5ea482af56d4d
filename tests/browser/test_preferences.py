"""Each preference does what it says at once, and on every device from then on."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import PASSWORD, SETTLE_MS, Visitor

DARK, LIGHT = "rgb(20, 25, 23)", "rgb(251, 250, 246)"


def opened(visitor: Visitor, username: str) -> Visitor:
    return visitor.open("home-preferences").sign_in(username).arrived("Preferences")


def wears(page: Page, colour: str) -> None:
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", colour, timeout=SETTLE_MS)


def choose(visitor: Visitor, label: str, option: str) -> None:
    visitor.page.get_by_role("combobox", name=re.compile(re.escape(label))).click()
    visitor.page.get_by_role("option", name=option, exact=True).click()
    visitor.settled()


def wear(visitor: Visitor, theme: str, colour: str) -> None:
    visitor.page.get_by_test_id("stButtonGroup").get_by_text(theme, exact=True).click()
    wears(visitor.page, colour)
    visitor.settled()


def test_the_theme_is_worn_at_once_on_every_page_and_device(visit: NewTab, new_person: NewPerson) -> None:
    username = new_person()
    visitor = opened(visit(), username)
    wears(visitor.page, LIGHT)
    wear(visitor, "Dark", DARK)
    checked = visitor.page.get_by_test_id("stButtonGroup").get_by_role("radio", name="Dark")
    expect(checked).to_be_checked()

    loads: list[str] = []
    visitor.page.on("load", lambda page: loads.append(page.url))
    visitor.open("insights").arrived("Insights")
    wears(visitor.page, DARK)
    visitor.reload()
    wears(visitor.page, DARK)
    assert len(loads) == 2, f"no page is loaded twice: {loads}"

    phone = visit().open("intake").sign_in(username).arrived("New request")
    wears(phone.page, DARK)
    visitor.meets_another_server()
    wears(visitor.page, DARK)
    opened_again = visitor.open("home-preferences").arrived("Preferences")
    wear(opened_again, "System", LIGHT)
    visitor.page.emulate_media(color_scheme="dark")
    wears(visitor.page, DARK)


def test_the_next_person_wears_their_own_theme(visit: NewTab, new_person: NewPerson) -> None:
    visitor = opened(visit(), new_person())
    wear(visitor, "Dark", DARK)
    visitor.sign_out()
    visitor.sign_in(new_person())
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible(timeout=SETTLE_MS)
    wears(visitor.page, LIGHT)


def test_the_language_is_spoken_at_once_and_on_every_device(visit: NewTab, new_person: NewPerson) -> None:
    username = new_person()
    visitor = opened(visit(), username)
    choose(visitor, "Language", "Deutsch")
    visitor.arrived("Einstellungen")
    expect(visitor.page.locator("html")).to_have_attribute("lang", "de")
    expect(visitor.page.get_by_role("link", name="Start")).to_be_visible()
    visitor.reload()
    visitor.arrived("Einstellungen")
    phone = visit().open("home-preferences").sign_in(username).arrived("Einstellungen")
    choose(phone, "Sprache", "English")
    phone.arrived("Preferences")
    expect(phone.page.locator("html")).to_have_attribute("lang", "en")


def test_before_signing_in_it_is_the_browser_s_language(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit(locale="de-AT").open("home-preferences")
    expect(visitor.page.locator("html")).to_have_attribute("lang", "de", timeout=SETTLE_MS)
    visitor.text("Benutzername").fill(new_person())
    visitor.text("Passwort").fill(PASSWORD)
    visitor.button("Anmelden").click()
    visitor.arrived("Einstellungen")


def test_the_time_zone_is_that_of_all_times(visit: NewTab, new_person: NewPerson) -> None:
    visitor = opened(visit(), new_person())
    box = visitor.page.get_by_role("combobox", name=re.compile("Time zone"))
    box.fill("Asia/Tokyo")
    visitor.page.get_by_role("option", name="Asia/Tokyo", exact=True).click()
    visitor.settled()
    now = visitor.page.locator(".st-key-preferences strong")
    expect(now).to_contain_text(datetime.now(ZoneInfo("Asia/Tokyo")).strftime(" %H:"))  # a minute may pass meanwhile
    visitor.reload()
    expect(visitor.page.get_by_role("combobox", name=re.compile("Time zone"))).to_have_value("Asia/Tokyo")


def test_without_auto_save_a_draft_is_kept_until_it_is_saved_or_discarded(visit: NewTab, new_person: NewPerson) -> None:
    visitor = opened(visit(), new_person())
    visitor.page.get_by_text("Save automatically").click()
    visitor.settled()
    visitor.open("intake").arrived("New request")
    bar = visitor.page.locator(".st-key-keep-saving-intake")
    expect(bar).to_contain_text("All changes are saved")
    visitor.text("Name").fill("Ada")
    visitor.text("Name").press("Tab")
    expect(bar).to_contain_text("1 change not saved")
    expect(visitor.status).to_contain_text("Draft saved")
    visitor.settled()
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Ada")
    expect(bar).to_contain_text("1 change not saved")
    visitor.open().settled()
    expect(visitor.page.locator(".st-key-card-continue")).to_contain_text("Unsaved changes: Intake")
    visitor.open("intake").arrived("New request")
    bar.get_by_role("button", name="Discard changes").click()
    expect(visitor.text("Name")).to_have_value("")
    expect(bar).to_contain_text("All changes are saved")
