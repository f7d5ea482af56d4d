"""A browser of one's own: with a profile on the disk, and a process that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, BrowserContext, Error

from tests.support.browser import ARGUMENTS, find_chromium


@dataclass(frozen=True)
class OwnBrowser:
    """A running Chromium. `context` is its profile."""

    context: BrowserContext
    _browser: Browser
    _process: asyncio.subprocess.Process

    async def kill(self) -> None:
        """`kill -9`, with all processes it has."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def close(self) -> None:
        """End it as a person does: it writes down what it has to, such as cookies."""
        session = await self._browser.new_browser_cdp_session()
        with contextlib.suppress(Error):  # it may be gone before it answers
            await session.send("Browser.close")
        await self._process.wait()


Start = Callable[[], Awaitable[OwnBrowser]]


@asynccontextmanager
async def own_browser(playwright_of: Browser) -> AsyncIterator[Start]:
    """Hand out a way to start Chromium on a profile that stays the same. What runs is killed at the end."""
    started: list[OwnBrowser] = []
    with tempfile.TemporaryDirectory(prefix="profile-", ignore_cleanup_errors=True) as folder:

        async def start() -> OwnBrowser:
            process = await asyncio.create_subprocess_exec(
                find_chromium(),  # known by now: it was looked for before the loop began
                "--headless=new",
                *ARGUMENTS,
                "--no-first-run",
                f"--user-data-dir={folder}",
                "--remote-debugging-port=0",
                "about:blank",
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            address = await asyncio.wait_for(_address(process), 30)
            browser = await playwright_of.browser_type.connect_over_cdp(address)
            running = OwnBrowser(browser.contexts[0], browser, process)
            started.append(running)
            return running

        try:
            yield start
        finally:
            for running in started:
                await running.kill()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Where a browser that has just been started listens; it says so."""
    assert process.stderr is not None
    async for line in process.stderr:
        if b"DevTools listening on " in line:
            return line.split()[-1].decode()
    raise ConnectionError("The browser ended before it listened.")
