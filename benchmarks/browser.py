"""What the outbox costs the person who types: in a real browser, beside the same page without it; part of `make bench`.

Each page types into a text area of 2,000 characters. A round is one character: what the page's listeners take for its
input event, and how long until the next frame is drawn. The two pages take turns, round by round.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from benchmarks.measuring import milli, row, title
from tests.lab import sheet
from tests.lab.keyboard.desk import Sheet
from tests.support.bake import BakedProject
from tests.support.browser import ARGUMENTS, find_chromium
from tests.support.server import Server, serving

CHARACTERS, ROUNDS, LOADS = 2_000, 300, 9
NOISE = 1.2
"""Within this factor two pages count as equally fast: the same page against itself differs as much."""
_TYPE = """async (text) => {
  const area = document.querySelector("textarea");
  const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
  set.call(area, text);
  const began = performance.now();
  area.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText" }));
  const listeners = performance.now() - began;
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return [listeners, performance.now() - began];
}"""
_SHIFTS = """new Promise((resolve) => {
  let total = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => (total += entry.value)))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(total), 500);
})"""


async def _opened(browser: Browser, server: Server, *, tells: bool) -> Page:
    """Return a page with the sheet in a browser that has loaded nothing yet."""
    opened = Sheet(await (await browser.new_context()).new_page(), tells)
    await opened.open(server.url)
    await opened.type("Long", "x")
    return opened.page


async def measure(with_outbox: Server, without: Server) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        sides = ((with_outbox, True), (without, False))
        shifts: list[list[float]] = [[], []]
        for _ in range(LOADS):
            for place, (server, tells) in enumerate(sides):
                page = await _opened(browser, server, tells=tells)
                shifts[place].append(float(await page.evaluate(_SHIFTS)))
                await page.context.close()
        pages = [await _opened(browser, server, tells=tells) for server, tells in sides]
        took: list[list[Any]] = [[], []]
        for number in range(ROUNDS):
            for place, page in enumerate(pages):
                took[place].append(await page.evaluate(_TYPE, "x" * CHARACTERS + str(number)))
        await browser.close()
    for name, part in (("the listeners of one key", 0), ("from one key to the next frame", 1)):
        one, other = (statistics.median(times[part] for times in side) / 1000 for side in took)
        measured = f"{milli(one)} beside {milli(other)}: {one / other:.2f}x"
        row(f"{name}, at {CHARACTERS:,} characters", measured, target=f"at most {NOISE}x", met=one <= NOISE * other)
    one, other = map(statistics.median, shifts)
    measured = f"{one:.3f} beside {other:.3f}"
    row("layout shift of a page load", measured, target=f"at most {NOISE}x", met=one <= NOISE * other)


def main() -> None:
    title("Typing with the outbox, beside the same page without it")
    find_chromium()
    project = BakedProject(path=Path(sys.argv[1]).resolve(), answers={}, output="")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = [
            stack.enter_context(
                serving(
                    project,
                    Path(folder) / (without or "all"),
                    app=str(sheet.APP),
                    PYTHONPATH=str(project.path),
                    SHEET_WITHOUT=without,
                )
            )
            for without in ("", "outbox")
        ]
        asyncio.run(measure(*servers))


if __name__ == "__main__":
    main()
