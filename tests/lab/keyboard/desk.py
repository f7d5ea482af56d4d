"""A desk: the sheet's server and a browser with people at it, each with a profile and a page of their own."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, Locator, Page, expect

from tests.support.server import Server

PATIENCE_MS = 60_000
SHOWN_MS = 30_000
"""How long after a page was loaded a text may take to be in its field."""
_LOOK_MS = 50
SOON_MS = 3_000
"""The same where nothing can come later, because the outbox is left out."""
TYPED = ("One", "Two", "Long", "Inside", "Number")
"""The fields one types into: text inputs, a text area, one inside a form, a number."""


@dataclass(kw_only=True)
class Desk:
    """Where people sit. `lost` gets a line for everything that was not there again."""

    server: Server
    browser: Browser
    offline_seconds: float
    tells: bool = True
    lost: list[str] = field(default_factory=list)
    slowest: float = 0.0
    """Seconds from the page of the server before being gone to the page of the next one showing all."""
    free: list[Sheet] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    @asynccontextmanager
    async def person(self, url: str | None = None) -> AsyncIterator[Sheet]:
        """Somebody new, with a profile of their own and the sheet before them."""
        context = await self.browser.new_context(viewport={"width": 1280, "height": 900})
        try:
            sheet = Sheet(await context.new_page(), self.tells)
            await sheet.open(url or self.url)
            yield sheet
        finally:
            await context.close()

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[Sheet]:
        """Somebody who may have been here before: whoever gets up leaves their page to the next."""
        if self.free:
            sheet = self.free.pop()
        else:
            context = await self.browser.new_context(viewport={"width": 1280, "height": 900})
            sheet = Sheet(await context.new_page(), self.tells)
            await sheet.open(self.url)
        yield sheet
        self.free.append(sheet)  # not one on which something went wrong

    async def look(self, sheet: Sheet, label: str, text: str, what: str) -> None:
        """See whether a text is in its field, now or a little later."""
        await self.see(sheet.field(label), text, f"{what}: {label}")

    async def see(self, field: Locator, value: str, what: str) -> None:
        """The same of a value that was entered by other means than typing."""
        try:
            await expect(field).to_have_value(value, timeout=self._shown_ms)
        except AssertionError:
            self.lost.append(f"{what} holds {await field.input_value()!r}, entered was {value!r}")

    async def see_ticked(self, box: Locator, ticked: bool, what: str) -> None:
        """The same of a box."""
        try:
            await expect(box).to_be_checked(checked=ticked, timeout=self._shown_ms)
        except AssertionError:
            self.lost.append(f"{what}: the box is {'empty' if ticked else 'ticked'}")

    @property
    def _shown_ms(self) -> int:
        return SHOWN_MS if self.tells else SOON_MS


@dataclass
class Sheet:
    """One page with the sheet."""

    page: Page
    tells: bool = True
    """Whether the page has a save status: not where the outbox is left out."""

    def field(self, label: str) -> Locator:
        role = "spinbutton" if label == "Number" else "textbox"
        return self.page.get_by_role(role, name=label, exact=True)

    async def ready(self) -> None:
        """Wait until the page is as a person expects it: nothing runs, and it says that all is saved, if anything."""
        app = self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
        await expect(app).to_be_visible(timeout=PATIENCE_MS)
        await expect(self.field("One")).to_be_enabled(timeout=PATIENCE_MS)
        if self.tells:
            await expect(self.status).to_contain_text("aved", timeout=PATIENCE_MS)

    @property
    def status(self) -> Locator:
        return self.page.locator(".st-key-keep-status time")

    async def type(self, label: str, text: str) -> None:
        """Type over what a field holds, and stay in it."""
        await self.field(label).click()
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text, delay=random.uniform(0, 25))

    async def connection(self) -> str:
        """Return the name that the server gave to the page's connection."""
        return str(await self.page.evaluate(_CONNECTION))

    async def goes_on_after(self, connection: str) -> None:
        """Wait until the page has another connection, over which a run has brought something."""
        for _ in range(PATIENCE_MS // _LOOK_MS):
            if await self.connection() not in (connection, ""):
                return
            await asyncio.sleep(_LOOK_MS / 1000)
        raise TimeoutError("The page has no other connection.")

    async def open(self, url: str) -> None:
        await self.page.goto(url, timeout=PATIENCE_MS)
        await self.ready()

    async def open_again(self, url: str) -> None:
        """Close the tab and open another one in the same browser."""
        context = self.page.context
        await self.page.close(run_before_unload=True)
        self.page = await context.new_page()
        await self.open(url)

    async def reload(self) -> None:
        await self.page.reload(wait_until="commit")
        await self.ready()

    async def reload_after(self, event: str, action: Callable[[], Awaitable[object]]) -> None:
        """Do something while a script runs, and load the page anew 0-50 ms after its event: faster than any hand.

        The page is left at once, and not, as by F5, when the server has answered: it may take long over that. `sent` is
        the event that Streamlit sends what was done. On a busy machine that may be long after a click.
        """
        url = self.page.url
        await self.page.evaluate(_NOTE_SENDING)
        await self.page.locator(".st-key-work button").dispatch_event("click", timeout=PATIENCE_MS)
        await expect(self.page.locator("html[data-sent]")).to_have_count(1, timeout=PATIENCE_MS)
        await self.page.evaluate(_LEAVE_AFTER, [event, random.uniform(0, 50)])
        await action()
        await self.page.wait_for_url("about:blank", timeout=PATIENCE_MS)
        await self.open(url)


_CONNECTION = "window.__keepTab?.data?.connection ?? ''"
_NOTE_SENDING = """() => {
  const { send } = WebSocket.prototype;
  delete document.documentElement.dataset.sent;
  WebSocket.prototype.send = function (...content) {
    document.documentElement.dataset.sent = "";
    dispatchEvent(new Event("sent"));
    return send.apply(this, content);
  };
}"""
_LEAVE_AFTER = """([event, delay]) => {
  const leave = () => setTimeout(() => location.replace("about:blank"), delay);
  addEventListener(event, leave, { capture: true, once: true });
}"""


def some_text(label: str) -> str:
    """Something to type: a number for the number field, otherwise words of any length."""
    if label == "Number":
        return str(random.randrange(1, 10**9))
    letters = string.ascii_letters + "  äé€" + string.digits
    return "".join(random.choices(letters, k=random.randrange(1, 40))).strip() or "x"


async def a_moment(low: float, high: float) -> None:
    """What a person takes: some seconds between `low` and `high`."""
    await asyncio.sleep(random.uniform(low, high))
