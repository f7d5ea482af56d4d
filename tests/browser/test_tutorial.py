"""The tutorial, from a fresh project to the deployment: a reader at a browser sees what each step says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visitor import PASSWORD, SETTLE_MS, Visitor
from tests.support.bake import TEMPLATE, BakedProject, bake
from tests.support.documents import steps
from tests.support.server import Server, serving
from tests.template.test_generated_project import with_tools_of
from tests.template.test_how_to import assert_is_well_written, carry_out

TUTORIAL = TEMPLATE / "docs" / "tutorial" / "first-app.md"
GRACE = "three unrelated words"


@pytest.fixture
def server(baked_default: BakedProject, tmp_path: Path) -> Iterator[Server]:
    project = with_tools_of(baked_default, bake(tmp_path / "bake"))
    assert project.run("make", "--dry-run", "run").returncode == 0
    with serving(project, tmp_path / "data") as running:
        yield running


def menu(visitor: Visitor) -> list[str]:
    return visitor.page.get_by_test_id("stSidebarNavLink").all_inner_texts()


def go(visitor: Visitor, name: str, title: str) -> None:
    """Click on a page in the sidebar, once it is there: an open page runs again when a file was saved."""
    visitor.page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click(timeout=SETTLE_MS)
    visitor.arrived(title)


def add_apples(visitor: Visitor) -> None:
    for label, value in (("Number", "A1"), ("Name", "Apples")):
        visitor.write(label, value)
    with visitor.kept():
        visitor.page.get_by_role("spinbutton", name="How many").fill("12")
        visitor.page.get_by_role("spinbutton", name="How many").press("Tab")


def write_into_last_cell(visitor: Visitor, text: str) -> None:
    """Write into the first row's last cell of the table on the page."""
    table, box = visitor.page.get_by_test_id("stDataFrame"), visitor.page.locator(".gdg-input")
    width = table.locator(".dvn-scroller").bounding_box()["width"]  # type: ignore[index]
    for _ in range(10):  # a table that is being drawn again takes no click
        table.locator(".dvn-scroller").dblclick(position={"x": width - 60, "y": 52})
        with suppress(AssertionError):
            expect(box).to_be_visible(timeout=2_000)
            break
    box.fill(text)
    box.press("Enter")


def shows_in_table(visitor: Visitor, text: str) -> None:
    cell = visitor.page.get_by_test_id("stDataFrame").locator("td", has_text=re.compile(rf"^{text}$"))
    cell.first.wait_for(state="attached")


class Reader:
    """Somebody who reads the tutorial: the administrator at one browser, and later Grace at another."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self._browser, self.server = browser, server
        self.admin, self.grace = self._tab(), self._tab()

    def _tab(self) -> Visitor:
        return Visitor(self._browser.new_context(viewport={"width": 1280, "height": 900}).new_page(), self.server)

    @property
    def checks(self) -> dict[str, Callable[[], object]]:
        return {
            "1. Make a project and start it": self.start,
            "2. Add an app": self.app,
            "3. Read a table": self.table,
            "4. Add rows with a form": self.form,
            "5. Correct rows that exist": self.rows,
            "6. Draw a chart": self.chart,
            "7. Ask for a permission": self.permission,
            "8. Give a role another permission": self.role,
            "9. Test it": lambda: None,  # `make test` was a command of the step
            "10. Deploy it": self.deploy,
            "What next": lambda: None,
        }

    def start(self) -> None:
        password = self.server.project.secrets()["ADMIN_INITIAL_PASSWORD"]
        self.admin.open().sign_in("admin", password).choose_password(PASSWORD)
        for name in ("Intake", "Insights"):
            expect(self.admin.page.get_by_role("heading", name=name)).to_be_visible()

    def app(self) -> None:
        go(self.admin, "Storeroom", "Stock")
        self.admin.write("Title", "A first note")
        self.admin.reload()
        expect(self.admin.text("Title")).to_have_value("A first note")

    def table(self) -> None:
        self.admin.reload()
        expect(self.admin.page.get_by_text("Nothing in stock yet")).to_be_visible()

    def form(self) -> None:
        go(self.admin, "Add an item", "Add an item")
        add_apples(self.admin)
        self.admin.reload()
        expect(self.admin.text("Name")).to_have_value("Apples")
        self.admin.button("Save").click()
        self.admin.arrived("Storeroom")
        shows_in_table(self.admin, "Apples")
        go(self.admin, "Add an item", "Add an item")
        add_apples(self.admin)
        self.admin.button("Save").click()
        expect(self.admin.page.get_by_text("A1 is in stock already.")).to_be_visible()

    def rows(self) -> None:
        go(self.admin, "Count", "Count")
        with self.admin.kept():
            write_into_last_cell(self.admin, "7")
        self.admin.reload()
        shows_in_table(self.admin, "7")
        self.admin.button("Save").click()
        self.admin.settled()
        go(self.admin, "Overview", "Storeroom")
        shows_in_table(self.admin, "7")

    def chart(self) -> None:  # the page is open: what was saved runs in it at once
        expect(self.admin.page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first).to_be_visible()

    def permission(self) -> None:
        self.grace.open("stock-count").sign_in("grace", GRACE)
        expect(self.grace.page.get_by_text("Not allowed")).to_be_visible()
        self.grace.settled()  # the page has said which tab it is: with that Streamlit names the page of before a click
        go(self.grace, "Overview", "Storeroom")
        assert not [name for name in menu(self.grace) if "Count" in name]

    def role(self) -> None:
        go(self.grace, "Add an item", "Add an item")
        go(self.grace, "Count", "Count")

    def deploy(self) -> None:
        secrets = self.server.project.path / "deploy" / ".env"
        assert secrets.stat().st_mode & 0o777 == 0o600


def test_every_step_shows_what_it_says(browser: Browser, server: Server) -> None:
    reader = Reader(browser, server)
    sections = [step for step in steps(TUTORIAL) if step.title]
    assert [step.title for step in sections] == list(reader.checks)
    for step in sections:
        for action in step.actions:
            carry_out(server.project, action, **server.settings)
        reader.checks[step.title]()
    assert_is_well_written(server.project)
