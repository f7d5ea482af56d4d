"""No shipped page is seriously wrong for people with disabilities, or wider than the window: in light and dark."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import SETTLE_MS, Visitor
from tests.conftest import INSTALLED, one_at_a_time
from tests.support.axe import fetch_axe, findings
from tests.support.server import Server

_WIDER = """() => {
    const main = document.querySelector('[data-testid="stMain"]');
    return main.scrollWidth - main.clientWidth;
}"""
_FIND = """
import json
from core.discovery import discover
print(json.dumps([spec.name for spec in discover()]))
"""


@pytest.fixture(scope="module")
def axe() -> str:
    with one_at_a_time("axe"):
        return fetch_axe(INSTALLED)


def look(visitor: Visitor, axe: str, where: str) -> list[str]:
    """Return what is wrong with a page in each of its four shapes: what axe finds, and that it scrolls sideways."""
    found = []
    for width, height in ((1280, 800), (390, 844)):
        for scheme in ("light", "dark"):
            visitor.page.set_viewport_size({"width": width, "height": height})
            visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            visitor.settled()
            found += [f"{where} {width} {scheme}: {json.dumps(each)}" for each in findings(visitor.page, axe)]
            if wider := visitor.page.evaluate(_WIDER):
                found.append(f"{where} {width} {scheme}: {wider} px wider than the window")
    return found


def go_through_popover(visitor: Visitor) -> None:
    """Go by the keyboard into what a popover shows and back, and through it to what follows its button."""
    button, name = visitor.page.get_by_test_id("stPopoverButton").first, visitor.text("Name")
    button.press("Space")
    expect(name).to_be_visible()
    visitor.page.keyboard.press("Tab")
    expect(name).to_be_focused()
    visitor.page.keyboard.press("Shift+Tab")
    expect(button).to_be_focused()
    visitor.button("Create reset link").focus()
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_test_id("stPopoverBody").locator(":focus")).to_have_count(0)
    visitor.page.keyboard.press("Escape")


def test_no_page_has_a_serious_fault(visit: NewTab, new_person: NewPerson, server: Server, axe: str) -> None:
    visitor = visit().open()
    expect(visitor.text("Username")).to_be_visible(timeout=SETTLE_MS)
    found = look(visitor, axe, "sign-in")
    visitor.sign_in(new_person("admin"))
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible(timeout=SETTLE_MS)
    result = server.project.run(".venv/bin/python", "-c", _FIND, **server.settings)
    for name in json.loads(result.stdout.splitlines()[-1]):
        visitor.page.set_viewport_size({"width": 1280, "height": 800})
        visitor.open(name)
        if name == "admin":
            go_through_popover(visitor)
        found += look(visitor, axe, name)
    assert not found, "\n".join(found)
