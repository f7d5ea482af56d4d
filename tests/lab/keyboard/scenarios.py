"""What hands do. Each scenario is tried many times, several people side by side, and says what was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page, expect

from tests.lab.keyboard.chromium import own_browser
from tests.lab.keyboard.desk import PATIENCE_MS, TYPED, Desk, Sheet, a_moment, some_text
from tests.lab.keyboard.gate import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing hands do. `play` does it once; `full` and `short` say how often."""

    name: str
    says: str
    full: int
    short: int
    play: Callable[[Desk, int], Awaitable[None]]
    side_by_side: int = 4
    alone: bool = False
    """It needs the server for itself, such as to kill it; all tries happen at once then, in rounds."""


async def typed_then_f5(desk: Desk, number: int) -> None:
    label = TYPED[number % len(TYPED)]
    async with desk.seat() as sheet:
        text = some_text(label)
        await sheet.type(label, text)
        await a_moment(0, 2)
        await sheet.reload()
        await desk.look(sheet, label, text, "typed, then F5")


async def typed_then_closed(desk: Desk, number: int) -> None:
    label = TYPED[number % len(TYPED)]
    async with desk.seat() as sheet:
        text = some_text(label)
        await sheet.type(label, text)
        await a_moment(0, 0.5)
        await sheet.open_again(desk.url)
        await desk.look(sheet, label, text, "typed, tab closed, opened again")


async def typed_then_browser_killed(desk: Desk, number: int) -> None:
    label, text = TYPED[number % len(TYPED)], some_text(TYPED[number % len(TYPED)])
    async with own_browser(desk.browser) as start:
        running = await start()  # for the cookie: a browser killed within half a minute of getting it has it no more
        await Sheet(await running.context.new_page(), desk.tells).open(desk.url)
        await running.close()
        running = await start()
        sheet = Sheet(await running.context.new_page(), desk.tells)
        await sheet.open(desk.url)
        await sheet.type(label, text)
        await a_moment(1.5, 1.5)
        await running.kill()
        again = Sheet(await (await start()).context.new_page(), desk.tells)
        await again.open(desk.url)
        await desk.look(again, label, text, "typed, browser killed, opened again")


async def left_then_f5(desk: Desk, number: int) -> None:
    """Enter, blur, select, slide or tick, and F5 within 0-50 ms of it."""
    way = tuple(LEAVING)[number % len(LEAVING)]
    async with desk.seat() as sheet:
        await LEAVING[way](desk, sheet)


async def _entered(desk: Desk, sheet: Sheet) -> None:
    text = some_text("One")
    await sheet.type("One", text)
    await sheet.reload_after("keydown", lambda: sheet.page.keyboard.press("Enter"))
    await desk.look(sheet, "One", text, "Enter, then F5")


async def _left(desk: Desk, sheet: Sheet) -> None:
    text = some_text("Two")
    await sheet.type("Two", text)
    await sheet.reload_after("focusout", lambda: sheet.page.keyboard.press("Tab"))
    await desk.look(sheet, "Two", text, "left, then F5")


async def _selected(desk: Desk, sheet: Sheet) -> None:
    box = sheet.page.get_by_role("combobox")
    wanted = "choice 3" if await box.input_value() != "choice 3" else "choice 4"
    await box.click()
    option = sheet.page.get_by_role("option", name=wanted, exact=True)
    await sheet.reload_after("sent", option.click)
    await desk.see(box, wanted, "selected, then F5")


async def _slid(desk: Desk, sheet: Sheet) -> None:
    slider = sheet.page.get_by_role("slider")
    wanted = str((int(await slider.input_value()) + 1) % 100)
    await slider.focus()
    key = "ArrowRight" if wanted != "0" else "Home"
    await sheet.reload_after("sent", lambda: sheet.page.keyboard.press(key))
    await desk.see(slider, wanted, "slid, then F5")


async def _ticked(desk: Desk, sheet: Sheet) -> None:
    box = sheet.page.get_by_role("checkbox")
    wanted = not await box.is_checked()
    await sheet.reload_after("sent", sheet.page.get_by_text("Tick", exact=True).click)
    await desk.see_ticked(box, wanted, "ticked, then F5")


LEAVING = {"enter": _entered, "blur": _left, "select": _selected, "slide": _slid, "tick": _ticked}


async def server_killed_while_typing(desk: Desk, number: int) -> None:
    """Everybody types, the server dies and is back after 10 s, and nobody touches their page."""
    people = [desk.person() for _ in range(number)]
    sheets = [await person.__aenter__() for person in people]
    try:
        labels = [TYPED[place % len(TYPED)] for place in range(number)]
        before: dict[Page, str] = {}
        texts = [some_text(label) for label in labels]

        async def at_work(sheet: Sheet, label: str, text: str) -> None:
            before[sheet.page] = await sheet.connection()
            await sheet.type(label, text[: len(text) // 2])
            await a_moment(0, 0.5)
            await sheet.page.keyboard.type(text[len(text) // 2 :], delay=50)

        typing = [asyncio.create_task(at_work(*each)) for each in zip(sheets, labels, texts, strict=True)]
        await a_moment(0.2, 1.5)
        desk.server.kill()
        await asyncio.gather(*typing)
        await a_moment(10, 10)
        await asyncio.to_thread(desk.server.start)

        async def looks(sheet: Sheet, label: str, text: str) -> None:
            await sheet.goes_on_after(before[sheet.page])
            began = time.monotonic()
            await desk.look(sheet, label, text, "typed, server killed, back after 10 s")
            await sheet.ready()
            desk.slowest = max(desk.slowest, time.monotonic() - began)

        await asyncio.gather(*(looks(*each) for each in zip(sheets, labels, texts, strict=True)))
    finally:
        for person in people:
            await person.__aexit__(None, None, None)


async def offline_while_typing(desk: Desk, number: int) -> None:
    label = TYPED[number % len(TYPED)]
    text = some_text(label)
    gate = Gate(desk.server.port)
    await gate.open()
    try:
        async with desk.person(f"http://127.0.0.1:{gate.port}") as sheet:
            await sheet.type(label, text[:1])
            await gate.shut()
            await sheet.page.keyboard.type(text[1:], delay=20)
            if desk.tells:
                await expect(sheet.status).to_contain_text("Offline", timeout=PATIENCE_MS)
            await a_moment(desk.offline_seconds, desk.offline_seconds)
            await gate.open()
            if desk.tells:
                await expect(sheet.status).to_contain_text("Saved", timeout=PATIENCE_MS)
                await desk.look(sheet, label, text, "typed offline")
            await sheet.reload()
            await desk.look(sheet, label, text, "typed offline, then F5")
    finally:
        await gate.shut()


SCENARIOS = (
    Scenario(name="f5", says="type, F5 after 0-2 s", full=200, short=5, play=typed_then_f5),
    Scenario(name="closed", says="type, close the tab, open it again", full=100, short=3, play=typed_then_closed),
    Scenario(
        name="browser",
        says="type, kill -9 the browser 1.5 s later, open it again",
        full=30,
        short=1,
        play=typed_then_browser_killed,
        side_by_side=2,
    ),
    Scenario(name="left", says="leave a field, be gone within 50 ms", full=300, short=5, play=left_then_f5),
    Scenario(
        name="server",
        says="type, kill -9 the server, start it 10 s later",
        full=50,
        short=3,
        play=server_killed_while_typing,
        alone=True,
    ),
    Scenario(
        name="offline",
        says="offline for a minute, typing on",
        full=20,
        short=2,
        play=offline_while_typing,
        side_by_side=5,
    ),
)
