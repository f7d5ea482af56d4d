"""Besides keeping what is entered, a widget of `ui` does what Streamlit's own does.

One script a kind runs with both side by side; ten interactions with each, one after the other, give the same returned
values and the same calls of callbacks, in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.test_kinds import record, take_photo
from tests.browser.visitor import Visitor
from tests.support.bake import BakedProject
from tests.support.server import Server, serving

APP = Path(__file__).with_name("parity_app")
Step = Callable[[Locator], object]


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {"AUTH": "none", "PYTHONPATH": str(baked_default.path)}
    with serving(baked_default, tmp_path_factory.mktemp("parity"), app=str(APP / "app.py"), **environment) as server:
        yield server


def enter(label: str, text: str, key: str = "Tab", role: str = "textbox") -> Step:
    def step(side: Locator) -> None:
        box = side.get_by_role(role, name=label)  # type: ignore[arg-type]
        box.fill(text)
        box.press(key)

    return step


def texts(label: str, *entered: str, role: str = "textbox", key: str = "Tab") -> Sequence[Step]:
    """Type one after the other and leave the field each time, every other time by a key that submits it."""
    return [enter(label, text, "Tab" if number % 2 else key, role) for number, text in enumerate(entered)]


def keys(*pressed: str, role: str = "slider", place: int = 0) -> Sequence[Step]:
    def step(key: str) -> Step:
        return lambda side: side.get_by_role(role).nth(place).press(key)  # type: ignore[arg-type]

    return [step(key) for key in pressed]


def clicks(*names: str) -> Sequence[Step]:
    def step(name: str) -> Step:
        return lambda side: side.get_by_text(name, exact=True).click()

    return [step(name) for name in names]


def buttons(*names: str) -> Sequence[Step]:
    def step(name: str) -> Step:
        return lambda side: side.get_by_role("button", name=name, exact=True).click()

    return [step(name) for name in names]


def choose(*options: str, several: bool = False) -> Sequence[Step]:
    def step(option: str) -> Step:
        def choose(side: Locator) -> None:
            side.get_by_role("combobox").click()
            side.page.get_by_role("option", name=option, exact=True).click()
            if several:
                side.page.keyboard.press("Escape")

        return choose

    return [step(option) for option in options]


def parts(*names: str) -> Sequence[Step]:
    """Raise parts of a date or a time by one each."""

    def step(name: str) -> Step:
        def raise_part(side: Locator) -> None:
            side.get_by_role("spinbutton", name=re.compile(name)).press("ArrowUp")
            side.page.get_by_role("heading").first.click()

        return raise_part

    return [step(name) for name in names]


def paint(*colours: str) -> Sequence[Step]:
    def step(colour: str) -> Step:
        def paint(side: Locator) -> None:
            side.get_by_test_id("stColorPicker").get_by_role("button").click()
            box = side.page.get_by_role("dialog").get_by_role("textbox").first
            box.fill(colour)
            box.press("Enter")
            side.page.keyboard.press("Escape")
            expect(side.page.get_by_role("dialog")).to_have_count(0)

        return paint

    return [step(colour) for colour in colours]


def cells(*texts: str) -> Sequence[Step]:
    """Write into the cells of the first column, in turns."""

    def step(row: int, text: str) -> Step:
        def write(side: Locator) -> None:
            cell = side.get_by_test_id(f"glide-cell-1-{row}")
            cell.wait_for(state="attached")
            box = side.page.locator(".gdg-input")
            for _ in range(10):  # a table that is being drawn again takes no click, and may drop what is being typed
                side.locator(".dvn-scroller").dblclick(position={"x": 120, "y": 52 + 35 * row})
                with suppress(AssertionError):
                    expect(box).to_be_visible(timeout=2_000)
                    box.press("ControlOrMeta+a")
                    box.press("Delete")
                    box.press_sequentially(text)
                    expect(box).to_have_value(text)
                    box.press("Enter")
                    expect(cell).to_have_text(text, timeout=2_000)  # then it is the table's, and on its way
                    return

        return write

    return [step(number % 2, text) for number, text in enumerate(texts)]


def hand_in(*names: str) -> Step:
    files = [{"name": name, "mimeType": "text/plain", "buffer": name.encode()} for name in names]
    return lambda side: side.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)  # type: ignore[arg-type]


def take_back(place: int) -> Step:
    """Remove a file: in Streamlit's widget, or in the list below the one of `ui`."""
    return lambda side: (
        side.get_by_role("button", name=re.compile("^(Remove|Clear photo|Clear recording)")).nth(place).click()
    )


def several(*steps: Step) -> Step:
    return lambda side: [step(side) for step in steps]


ALONG = ["ArrowRight", "ArrowRight", "End", "ArrowLeft", "Home", "ArrowRight", "ArrowUp", "ArrowDown", "End", "Home"]

CASES: dict[str, Sequence[Step]] = {
    "text": texts("Text", "a", "Zoë 😀", "", " blank ", "a", "0", "None", "<b>", "b" * 300, "end", key="Enter"),
    "text-limited": texts("Text", "ab", "", "abcde", "b", "äöü", "1", "12", "123", "1234", "12345", key="Enter"),
    "text-optional": texts("Text", "a", "", "b", "", " ", "", "c", "d", "", "e", key="Enter"),
    "area": texts("Area", "a", "two\nlines", "", "\n", "x", "y", "\tz", "1", "2", "3", key="Control+Enter"),
    "whole": [
        *buttons("Increment", "Increment", "Decrement"),
        *texts("Whole", "0", "10", "3", "007", role="spinbutton", key="Enter"),
        *keys("ArrowUp", "ArrowUp", "ArrowDown", role="spinbutton"),
    ],
    "decimal": [
        *buttons("Increment", "Increment", "Decrement"),
        *texts("Decimal", "0.2", "9.99", "1e0", "3", "10", "0", "5.5", role="spinbutton", key="Enter"),
    ],
    "number-optional": texts(
        "Optional", "1", "", "2.5", "-3", "", "0", "1e3", "", "7", "", role="spinbutton", key="Enter"
    ),
    "slider": keys(*ALONG),
    "slider-range": [
        *keys("ArrowRight", "ArrowRight", "Home", "ArrowRight", "ArrowLeft"),
        *keys("ArrowLeft", "End", "ArrowLeft", "ArrowLeft", "ArrowRight", place=1),
    ],
    "slider-days": keys(*ALONG),
    "selectbox": choose("2", "3", "4", "1", "3", "2", "1", "4", "2", "1"),
    "selectbox-optional": [
        *choose("RED", "BLUE"),
        lambda side: side.get_by_role("button", name=re.compile("Clear")).click(),
        *choose("GREY", "RED", "GREEN"),
        lambda side: side.get_by_role("button", name=re.compile("Clear")).click(),
        *choose("RED", "GREY", "BLUE"),
    ],
    "radio": clicks("green", "blue", "grey", "red", "blue", "green", "red", "grey", "green", "red"),
    "multiselect": [
        *choose("blue", "grey", "green", several=True),
        *keys("Backspace", "Backspace", "Backspace", "Backspace", role="combobox"),
        *choose("red", "blue", "green", several=True),
    ],
    "select-slider": keys(*ALONG),
    "pills": clicks("green", "green", "blue", "red", "red", "grey", "green", "blue", "blue", "red"),
    "segments": clicks("green", "red", "blue", "green", "blue", "red", "red", "grey", "grey", "green"),
    "checkbox": clicks(*["Tick"] * 10),
    "toggle": clicks(*["Toggle"] * 10),
    "date": parts("month", "day", "year", "month", "day", "year", "day", "day", "month", "month"),
    "time": parts("hour", "minute", "hour", "minute", "hour", "minute", "hour", "hour", "minute", "minute"),
    "moment": parts("month", "day", "hour", "minute", "year", "month", "day", "hour", "minute", "year"),
    "colour": paint(*[f"#1f6f{number:02x}" for number in range(20, 30)]),
    "feedback": [
        lambda side, star=star: side.get_by_role("radio").nth(star).click() for star in (1, 3, 0, 4, 2, 1, 0, 3, 4, 0)
    ],
    "pagination": buttons(*[f"Page {number}" for number in (4, 2, 5, 1, 3, 2, 4, 5, 1, 2)]),
    "table": cells("fig", "plum", "kiwi", "", "x", "Zoë", "lime", "1", "2", "3"),
    "files": [
        hand_in("a.txt"),
        hand_in("b.txt", "c.txt"),
        take_back(0),
        hand_in("d.txt"),
        take_back(1),
        take_back(0),
        take_back(0),
        hand_in("a.txt"),
        hand_in("ä b.txt"),
        take_back(1),
    ],
    "camera": [take_photo, take_back(0)] * 5,
    "sound": [record, take_back(0)] * 5,
    "chat": [enter("Say something", f"message {number}", "Enter") for number in range(10)],
    "clamped": texts("Whole", "3", "9", "2", "5", "4", "10", "1", "6", "0", "7", role="spinbutton", key="Enter"),
    "linked": [
        *keys("ArrowRight", "ArrowRight", "End", "ArrowLeft", "Home"),
        *keys("End", "ArrowLeft", "ArrowLeft", "Home", "ArrowRight", place=1),
    ],
    "form": [
        several(enter("Text", text), *clicks(colour, "Send"))
        for text, colour in zip("abcdefghij", ["green", "blue", "grey", "red", "green"] * 2, strict=True)
    ],
    "fragment": keys(*ALONG),
    "reset": [
        *texts("Text", "a"),
        *buttons("Sample", "Clear", "Sample"),
        *texts("Text", "b", "c"),
        *buttons("Clear"),
        *texts("Text", "d"),
        *buttons("Sample", "Clear"),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_it_does_what_streamlits_own_does(visitor_in_used_tab: Visitor, case: str) -> None:
    visitor = visitor_in_used_tab
    visitor.page.set_viewport_size({"width": 1280, "height": 1600})
    visitor.open(case)
    plain, controlled = (visitor.page.locator(f".st-key-{side}") for side in ("plain", "controlled"))
    told = [side.get_by_test_id("stCode").last for side in (plain, controlled)]
    expect(told[1]).to_have_text(told[0].inner_text())
    for step in CASES[case]:
        before = told[0].inner_text()
        step(plain)
        expect(told[0]).not_to_have_text(before)
        visitor.settled()
        wanted = told[0].inner_text()  # now: what is pressed or sent is there in one run only
        step(controlled)
        expect(told[1]).to_have_text(wanted)
        visitor.settled()


def test_each_is_done_ten_things_with() -> None:
    assert {case: len(steps) for case, steps in CASES.items()} == dict.fromkeys(CASES, 10)
