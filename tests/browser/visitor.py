"""A person at a browser: signs in, fills in, reloads. Every wait is for a state of the page, never for seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Error, Locator, Page, expect

from tests.support.server import Server

PASSWORD = "three unrelated words 42"
SETTLE_MS = 60_000
_LOOK_MS = 50
_WAITS_FOR = """() => {
    const has = (found) => document.querySelector(found) !== null;
    const known = !has(".st-key-keep-status") || Boolean(window.__keepTab?.data?.tab);
    return Object.entries({
        "the run of what was done last": !window.__keepStatus?.outbox.lastMessage.underway,
        "the end of the run": has('[data-testid="stApp"][data-test-script-state="notRunning"]'),
        "something on the page": has('.stMain [data-testid="stElementContainer"]'),
        "the code of a widget": !has('[data-testid="stSkeleton"]'),
        "what the last run left on it to go": !has('[data-stale="true"]'),
        "the run that knows which tab it is": known,
    }).filter(([, is]) => !is).map(([what]) => what);
}"""
"""A page on which somebody is signed in says once which tab it is, and is drawn again.

The code of each kind of widget is loaded when the first of its kind is shown.
"""


@dataclass
class Visitor:
    """One tab of one browser."""

    page: Page
    server: Server

    def open(self, path: str = "") -> Visitor:
        self.page.goto(f"{self.server.url}/{path}")
        self.settled()
        return self

    def settled(self) -> None:
        """Wait until the script has run to its end, also for what the page tells it once, and nothing else is shown.

        A run that has not begun yet is waited for, too, once Streamlit has sent what it is for: a slider does so late.
        """
        self._until(lambda: self._evaluate(_WAITS_FOR) == [], lambda: f"It waits for {self._evaluate(_WAITS_FOR)}")

    def sign_in(self, username: str, password: str = PASSWORD) -> Visitor:
        self.text("Username").fill(username)
        self.text("Password").fill(password)
        self.button("Sign in").click()
        return self

    def choose_password(self, password: str = PASSWORD) -> Visitor:
        self.text("New password").fill(password)
        self.text("Confirm new password").fill(password)
        self.button("Save password").click()
        return self

    def arrived(self, title: str) -> Visitor:
        """Wait for the page of that title."""
        expect(self.page.get_by_role("heading", name=title, exact=True).first).to_be_visible(timeout=SETTLE_MS)
        self.settled()
        return self

    def choose_from_menu(self, entry: str) -> None:
        """Choose an entry of the menu under the person's name."""
        self.page.locator(".st-key-keep-user button:visible").click()
        self.page.get_by_role("menuitem", name=entry).click()

    def sign_out(self) -> None:
        self.choose_from_menu("Sign out")
        expect(self.text("Username")).to_be_visible(timeout=SETTLE_MS)

    def reload(self) -> None:
        self.page.reload()
        self.settled()

    def meets_another_server(self) -> None:
        """Kill the server and start another, and wait until the open page goes on with it."""
        before = self.connection
        self.server.kill()
        self.server.start()
        self.goes_on_after(before)

    @property
    def connection(self) -> str:
        """The name that the server gave to the page's connection."""
        return str(self.page.evaluate("window.__keepTab.data.connection"))

    def goes_on_after(self, connection: str) -> None:
        """Wait until the page has another connection, and shows what a run over that has brought."""
        self.until("(before) => window.__keepTab?.data?.connection !== before", connection)
        self.settled()

    def until(self, expression: str, argument: object = None) -> None:
        """Wait until a JavaScript function of `argument` says yes. Raises AssertionError after a minute.

        It is asked from outside: `wait_for_function` asks inside the page, where its policy forbids `eval`.
        """
        self._until(
            lambda: bool(self._evaluate(expression, argument)), lambda: f"Never true: {expression} of {argument!r}"
        )

    def _until(self, is_so: Callable[[], bool], why: Callable[[], str]) -> None:
        last = time.monotonic() + SETTLE_MS / 1000
        while not is_so():
            assert time.monotonic() < last, why()
            self.page.wait_for_timeout(_LOOK_MS)

    def _evaluate(self, expression: str, argument: object = None) -> object:
        """Ask a JavaScript function; None while the page is being replaced by another one."""
        try:
            return self.page.evaluate(expression, argument)
        except Error as error:
            if "context was destroyed" not in error.message:
                raise
            return None

    def type(self, label: str, text: str) -> None:
        """Type at the end of a field, key by key, without leaving it."""
        self.text(label).press("End")
        self.text(label).press_sequentially(text)

    def says(self, status: str | re.Pattern[str]) -> None:
        """Wait until the save status says this."""
        expect(self.status).to_have_text(status, timeout=SETTLE_MS)

    @property
    def outbox(self) -> dict[str, str]:
        """What waits in the browser, by the name it is stored under."""
        found: dict[str, str] = self.page.evaluate(
            "Object.fromEntries(Object.entries(localStorage).filter(([key]) => key.startsWith('keep.outbox.')))"
        )
        return found

    def has_in_browser(self, text: str) -> None:
        """Wait until the browser's own storage has this text: a moment after the key."""
        self.until(
            """text => Object.entries(localStorage).some(
                ([key, item]) => key.startsWith('keep.outbox.') && item.includes(text)
            )""",
            text,
        )

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Wait, after the block, until the page has another time at which something was kept."""
        before = self.status.get_attribute("datetime") or ""
        yield
        expect(self.status).not_to_have_attribute("datetime", before, timeout=SETTLE_MS)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Wait, after the block, until the page says that what was entered in it is saved."""
        with self.noted():
            yield
        expect(self.status).to_contain_text("Saved")
        self.settled()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(rf"\b{re.escape(name)}$")).first

    def text(self, label: str) -> Locator:
        return self.page.get_by_role("textbox", name=label, exact=True)

    def write(self, label: str, value: str) -> None:
        """Type into a field and leave it."""
        with self.kept():
            self.text(label).fill(value)
            self.text(label).press("Tab")

    def choose(self, label: str, option: str) -> None:
        """Choose from a select box or multiselect."""
        self.page.get_by_role("combobox", name=re.compile(re.escape(label))).click()
        with self.kept():
            self.page.get_by_role("option", name=option, exact=True).click()

    def pick(self, option: str) -> None:
        """Click a pill, a segment or a radio button."""
        with self.kept():
            self.page.get_by_test_id("stButtonGroup").get_by_text(option, exact=True).click()

    def tick(self, label: str) -> None:
        """Click a checkbox or toggle."""
        with self.kept():
            self.page.get_by_text(label).click()

    def next(self, step: str) -> None:
        """Go to the next step of the form."""
        self.button("Next").click()
        self.page.wait_for_url(f"**/intake?step={step}")
        self.settled()

    @property
    def status(self) -> Locator:
        """The save status. Its `datetime` is when something was last kept."""
        return self.page.locator(".st-key-keep-status time")

    @property
    def scroll(self) -> float:
        position: float = self.page.get_by_test_id("stMain").evaluate("main => main.scrollTop")
        return position

    def scroll_to(self, position: int) -> None:
        """Scroll the page and wait until the server has taken note."""
        with self.page.expect_response("**/keep/position") as noted:
            self.page.get_by_test_id("stMain").evaluate("(main, y) => { main.scrollTop = y }", position)
        assert noted.value.status == 204, noted.value.text()

    def scrolled_to(self, position: float) -> None:
        """Wait until the page is scrolled to a position."""
        self.until("y => Math.abs(document.querySelector('[data-testid=stMain]').scrollTop - y) <= 1", position)
