"""The corner, and a form's own foot, say "Saved" of what is kept and of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewTab
from tests.browser.visitor import Visitor
from tests.support.bake import BakedProject
from tests.support.server import Server, serving

pytestmark = pytest.mark.xdist_group("corner")  # one worker, one server

APP = Path(__file__).with_name("corner_app")
SAVED = re.compile(r"^Saved \d\d:\d\d$")


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves the pages of `corner_app` with the project's core."""
    environment = {"AUTH": "none", "PYTHONPATH": str(baked_default.path)}
    with serving(baked_default, tmp_path_factory.mktemp("corner"), app=str(APP / "app.py"), **environment) as running:
        yield running


@pytest.fixture
def visitor(visit: NewTab) -> Visitor:
    return visit()


def number(visitor: Visitor, label: str) -> Locator:
    return visitor.page.get_by_role("spinbutton", name=label, exact=True)


class TestSave:
    """A form that is saved holds what its page shows, or isn't saved."""

    @pytest.fixture
    def visitor(self, visitor: Visitor, request: pytest.FixtureRequest) -> Visitor:
        visitor.open(f"order?form={request.node.name}").says(re.compile("All saved|Saved"))
        return visitor

    @staticmethod
    def saved(visitor: Visitor, **values: object) -> None:
        """Wait until this is what the form holds as saved."""
        expect(visitor.page.get_by_test_id("stCode")).to_have_text(json.dumps(values))

    @staticmethod
    def refused(visitor: Visitor, message: str) -> None:
        expect(visitor.page.get_by_test_id("stAlert")).to_have_text(f"Not saved: {message}")
        expect(visitor.page.locator("[class*=st-key-keep-saving-]")).to_contain_text("Check these fields: Many.")

    def test_what_its_field_refuses_is_named_and_nothing_else_is_saved_in_its_place(self, visitor: Visitor) -> None:
        number(visitor, "Many").fill("99")
        visitor.button("Save").click()

        self.refused(visitor, "Many: 99 is too large. Enter at most 9.")
        expect(number(visitor, "Many")).to_have_value("99")
        visitor.says("Not saved: Many: 99 is too large. Enter at most 9.")
        self.saved(visitor)

        number(visitor, "Many").fill("7")
        visitor.button("Save").click()
        self.saved(visitor, many=7, name="")
        expect(visitor.page.get_by_test_id("stAlert")).to_have_count(0)

    def test_what_was_refused_before_is_not_forgotten_with_the_next_edit(self, visitor: Visitor) -> None:
        number(visitor, "Many").fill("99")
        visitor.says(re.compile("^Not saved"))
        visitor.text("Name").fill("Ada")
        visitor.text("Name").press("Enter")
        visitor.settled()
        visitor.button("Save").click()

        self.refused(visitor, "Many: 99 is too large. Enter at most 9.")
        self.saved(visitor)

    def test_a_key_that_saves_leaves_no_field_and_saves_what_is_typed_there(self, visitor: Visitor) -> None:
        number(visitor, "Many").fill("7")
        visitor.text("Name").press_sequentially("Ada")
        visitor.page.keyboard.press("Control+s")

        self.saved(visitor, many=7, name="Ada")
