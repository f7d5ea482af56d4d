"""A real Chromium and a real server for the browser tests."""

from __future__ import annotations

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from tests.browser.visitor import PASSWORD, SETTLE_MS, Visitor
from tests.support.bake import BakedProject
from tests.support.browser import ARGUMENTS
from tests.support.server import Server, serving

NewPerson = Callable[..., str]
NewTab = Callable[..., Visitor]

_AT_ONCE = 8
_CREATE = """
import sys
from functools import partial
from core import services
from core.services import close_services, get_services
services.Accounts = partial(services.Accounts, password_rounds=4)  # each sign-in is as quick as this
for name in sys.argv[2:]:
    accounts = get_services().accounts
    accounts.users.create(name, name, password=sys.argv[1], roles=["member"], must_change_password=False)
close_services()
"""

# Other tests run beside these, so a page may take its time; whoever waits for a state waits this long.
expect.set_options(timeout=SETTLE_MS)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright, windowless: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=windowless, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all the tests of a worker; each test has a person of its own."""
    with serving(baked_default, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def number() -> Iterator[int]:
    return itertools.count(1)  # type: ignore[return-value]


@pytest.fixture(scope="session")
def members() -> dict[Path, list[str]]:
    """Usernames of members whom no test has had yet, by the data folder of their server."""
    return defaultdict(list)


@pytest.fixture
def new_person(server: Server, number: Iterator[int], members: dict[Path, list[str]]) -> NewPerson:
    """Create a person who may sign in; returns the username. Several at once: a process takes a second."""

    def create(*roles: str) -> str:
        if not roles:
            free = members[server.data]
            if not free:
                free += [f"person{next(number)}" for _ in range(_AT_ONCE)]
                result = server.project.run(".venv/bin/python", "-c", _CREATE, PASSWORD, *free, **server.settings)
                assert result.returncode == 0, result.stdout
            return free.pop(0)
        username = f"person{next(number)}"
        options = [option for role in roles for option in ("--role", role)]
        server.manage("createuser", username, "--keep-password", "--password", PASSWORD, *options)
        return username

    return create


def hears_what_is_forbidden(context: BrowserContext) -> list[str]:
    """Return a list that gets what the pages try to do against their content security policy, or their permissions."""
    found: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if re.search("Content Security Policy|Permissions.Policy", message.text, re.IGNORECASE):
            found.append(f"{message.page.url if message.page else ''}: {message.text}")

    context.on("console", listen)
    return found


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[NewTab]:
    """Open a new browser (with cookies and storage of its own) with one tab. Its pages do nothing that is forbidden."""
    contexts, forbidden = [], []

    def open_browser(locale: str = "en-US") -> Visitor:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 720}, locale=locale))
        forbidden.append(hears_what_is_forbidden(contexts[-1]))
        return Visitor(contexts[-1].new_page(), server)

    yield open_browser
    for context in contexts:
        context.close()
    assert [what for each in forbidden for what in each] == []


@pytest.fixture(scope="module")
def used_tab(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """One tab for all tests of a module, and what its pages do that is forbidden.

    A tab that had a page before takes half of the processor's time to load another one.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    yield context.new_page(), hears_what_is_forbidden(context)
    context.close()


@pytest.fixture
def visitor_in_used_tab(used_tab: tuple[Page, list[str]], server: Server) -> Iterator[Visitor]:
    """Somebody whom the server doesn't know, in a tab with nothing stored, for a test that does nothing lasting to it.

    What lasts is an init script, a clock, a listener: who needs one takes `visit`.
    """
    tab, forbidden = used_tab
    yield Visitor(tab, server)
    for other in tab.context.pages[1:]:
        other.close()
    tab.unroute_all(behavior="ignoreErrors")
    nothing = f"{server.url}/nothing"  # a page of the same origin, which writes nothing while it goes
    tab.route(nothing, lambda route: route.fulfill(body="", content_type="text/html"), times=1)
    tab.goto(nothing)
    tab.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    tab.context.clear_cookies()
    found = [*forbidden]
    forbidden.clear()
    assert found == []


@pytest.fixture
def reopen(playwright: Playwright, chromium: str, server: Server, tmp_path: Path) -> Iterator[NewTab]:
    """Open one and the same browser, with the profile it had; what was open before is closed."""
    opened = []

    def open_again() -> Visitor:
        if opened:
            opened.pop().close()
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=ARGUMENTS, viewport={"width": 1280, "height": 720}
        )
        opened.append(context)
        page: Page = context.pages[0] if context.pages else context.new_page()
        return Visitor(page, server)

    yield open_again
    for context in opened:
        context.close()


@pytest.fixture
def cookieless(playwright: Playwright, chromium: str, tmp_path: Path) -> Iterator[Page]:
    """A browser that was told to block all cookies, and with them its storage and its locks."""
    preferences = tmp_path / "profile/Default/Preferences"
    preferences.parent.mkdir(parents=True)
    preferences.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}))
    context = playwright.chromium.launch_persistent_context(
        tmp_path / "profile", executable_path=chromium, args=ARGUMENTS, locale="en-US"
    )
    yield context.pages[0]
    context.close()
