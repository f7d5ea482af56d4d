"""A field shown again shows what is saved: after Back and Forward, in a dialog, in a fragment, as another one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.test_kinds import choose, enter, turn
from tests.browser.visitor import Visitor
from tests.support.bake import BakedProject
from tests.support.server import Server, serving

pytestmark = pytest.mark.xdist_group("shown")  # one worker, one server

APP = Path(__file__).with_name("shown_app")
SENT = "() => window.__keepStatus.outbox.lastMessage.number"


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {"AUTH": "none", "PYTHONPATH": str(baked_default.path)}
    with serving(baked_default, tmp_path_factory.mktemp("shown"), app=str(APP / "app.py"), **environment) as running:
        yield running


@pytest.fixture
def visitor(visitor_in_used_tab: Visitor) -> Visitor:
    visitor_in_used_tab.page.set_viewport_size({"width": 1280, "height": 1800})
    return visitor_in_used_tab


def go(visitor: Visitor, title: str) -> None:
    visitor.page.get_by_role("link", name=title, exact=True).last.click()
    visitor.arrived(title)


def type_on(visitor: Visitor, label: str, start: str, more: str) -> None:
    """Enter something, and type on without leaving the field, until that is saved, too."""
    visitor.write(label, start)
    with visitor.page.expect_response("**/keep/drafts") as posted:
        visitor.type(label, more)
    assert posted.value.status == 204
    visitor.says(re.compile("Saved"))


def by_back_and_forward(visitor: Visitor) -> None:
    visitor.page.go_back()
    visitor.arrived("Elsewhere")
    visitor.page.go_forward()
    visitor.arrived("Fields")


def by_escape(visitor: Visitor) -> None:
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)
    visitor.button("Edit").click()
    visitor.settled()


def by_a_fragment(visitor: Visitor) -> None:
    tick = visitor.button("Tick")
    tick.evaluate("button => button.click()")  # nothing leaves the field but the fragment's own run
    expect(visitor.text("In the fragment")).to_have_count(0)
    visitor.settled()
    tick.evaluate("button => button.click()")
    expect(visitor.text("In the fragment")).to_have_count(1)
    visitor.settled()


@pytest.mark.parametrize(
    ("label", "shown_again"),
    [("Name", by_back_and_forward), ("In the dialog", by_escape), ("In the fragment", by_a_fragment)],
)
def test_what_was_typed_and_saved_is_shown_again(
    visitor: Visitor, label: str, shown_again: Callable[[Visitor], None]
) -> None:
    visitor.open("elsewhere")
    go(visitor, "Fields")
    if label == "In the dialog":
        visitor.button("Edit").click()
        visitor.settled()
    type_on(visitor, label, f"start {label}", " more")
    shown_again(visitor)
    expect(visitor.text(label)).to_have_value(f"start {label} more")
    visitor.type(label, " yet")
    with visitor.kept():
        visitor.text(label).press("Tab")
    expect(visitor.text(label)).to_have_value(f"start {label} more yet")
    shown_again(visitor)
    expect(visitor.text(label)).to_have_value(f"start {label} more yet")


def test_a_dialog_stays_open_while_another_tab_edits(visitor: Visitor) -> None:
    visitor.open("followed")
    visitor.button("Edit").click()
    visitor.settled()
    visitor.type("In the dialog", "half a")
    other = Visitor(visitor.page.context.new_page(), visitor.server).open("followed")
    other.write("Name", "from elsewhere")
    visitor.until("sent => window.__keepStatus.outbox.lastMessage.number > sent + 2", visitor.page.evaluate(SENT))
    visitor.type("In the dialog", " word")
    expect(visitor.text("In the dialog")).to_have_value(re.compile("half a word$"))

    visitor.page.keyboard.press("Escape")
    expect(visitor.text("Name")).to_have_value("from elsewhere")


def test_what_the_app_assigns_is_there_after_a_reload_and_its_reset_is_too(visitor: Visitor) -> None:
    visitor.open("fields")
    for button, value in (("Sample", "a sample"), ("Reset", ""), ("Sample", "a sample"), ("Reset", "")):
        visitor.button(button).click()
        expect(visitor.text("Name")).to_have_value(value)
        visitor.settled()
        visitor.reload()
        expect(visitor.text("Name")).to_have_value(value)


WANTED = {
    "text": "'first'",
    "area": "'first'",
    "slider": "12",
    "select": "'blue'",
    "multi": "['blue', 'red']",
    "time": "datetime.time(10, 0)",
    "date": "datetime.date(2026, 5, 2)",
    "moment": "datetime.datetime(2026, 5, 2, 12, 0)",
    "feedback": "3",
}


def test_a_field_that_becomes_another_element_shows_and_keeps_what_was_entered(visitor: Visitor) -> None:
    page = visitor.open("elements").page

    def returned() -> dict[str, object]:
        told: dict[str, object] = json.loads(page.get_by_test_id("stCode").inner_text())
        return told

    def field(name: str) -> Locator:
        return page.locator(f".st-key-elements-{name}")

    def narrow() -> None:
        page.get_by_text("Narrow", exact=True).click()
        visitor.settled()

    initial = returned()
    narrow()
    visitor.write("Another", "untouched fields stay untouched")
    assert returned() == {**initial, "kept": ["another"]}
    narrow()
    acts: dict[str, Callable[[Locator], object]] = {
        "text": lambda found: enter(found.get_by_role("textbox"), "first"),
        "area": lambda found: enter(found.get_by_role("textbox"), "first"),
        "slider": lambda found: [found.get_by_role("slider").press("ArrowRight") for _ in range(2)],
        "select": lambda found: choose(found, "blue"),
        "multi": lambda found: choose(found, "blue", "red"),
        "time": lambda found: turn(found, "hour"),
        "date": lambda found: turn(found, "day"),
        "moment": lambda found: turn(found, "day"),
        "feedback": lambda found: found.get_by_role("radio").nth(3).click(),
    }
    for name, act in acts.items():
        act(field(name))
        expect(page.get_by_test_id("stCode")).to_contain_text(json.dumps({name: WANTED[name]})[1:-1])
        visitor.settled()
    for number in range(3):
        narrow()
        assert {name: returned()[name] for name in WANTED} == WANTED
        visitor.write("Another", f"edit {number}")
        assert {name: returned()[name] for name in WANTED} == WANTED
        expect(field("text").get_by_role("textbox")).to_have_value("first")
        expect(field("slider").get_by_role("slider")).to_have_value("12")
