"""A real Chromium and a real server for the browser tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.browser.visitor import PASSWORD, SETTLE_MS, Visitor
from tests.support.bake import BakedProject
from tests.support.browser import ARGUMENTS
from tests.support.server import Server, serving

NewPerson = Callable[..., str]
NewTab = Callable[..., Visitor]

# Other tests run beside these, so a page may take its time; whoever waits for a state waits this long.
expect.set_options(timeout=SETTLE_MS)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module; each test has a person of its own."""
    with serving(baked_default, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def number() -> Iterator[int]:
    return itertools.count(1)  # type: ignore[return-value]


@pytest.fixture
def new_person(server: Server, number: Iterator[int]) -> NewPerson:
    """Create a person who may sign in; returns the username."""

    def create(*roles: str) -> str:
        username = f"person{next(number)}"
        options = [option for role in roles or ("member",) for option in ("--role", role)]
        server.manage("createuser", username, "--keep-password", "--password", PASSWORD, *options)
        return username

    return create


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[NewTab]:
    """Open a new browser (with cookies and storage of its own) with one tab."""
    contexts = []

    def open_browser(locale: str = "en-US") -> Visitor:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 720}, locale=locale))
        return Visitor(contexts[-1].new_page(), server)

    yield open_browser
    for context in contexts:
        context.close()


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
