"""A field shown again shows what is saved: after Back and Forward, in a dialog, in a fragment, as another one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import hears_what_is_forbidden
from tests.browser.visitor import Visitor
from tests.support.bake import BakedProject
from tests.support.server import Server, serving

pytestmark = pytest.mark.xdist_group("shown")  # one worker, one server

APP = Path(__file__).with_name("shown_app")


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {"AUTH": "none", "PYTHONPATH": str(baked_default.path)}
    with serving(baked_default, tmp_path_factory.mktemp("shown"), app=str(APP / "app.py"), **environment) as running:
        yield running


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1280, "height": 1800}, locale="en-US")
    forbidden = hears_what_is_forbidden(context)
    yield Visitor(context.new_page(), server)
    context.close()
    assert forbidden == []


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


@pytest.mark.parametrize(
    ("label", "shown_again"),
    [("Name", by_back_and_forward), ("In the dialog", by_escape)],
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
