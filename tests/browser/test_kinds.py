"""Each kind of widget, set in a real browser: F5, another page and another server leave its value, its type, and
what it shows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import hears_what_is_forbidden
from tests.browser.visitor import SETTLE_MS, Visitor
from tests.support.bake import BakedProject
from tests.support.server import serving

pytestmark = pytest.mark.xdist_group("kinds")  # one worker, one server

APP = Path(__file__).with_name("kinds_app")
SET = "set"
NOTE = b"a note"
CAMERA_SHOWS = """field => {
    const video = field.querySelector("video");
    return video?.width > 0 && video.srcObject?.active && video.videoWidth > 0;
}"""
"""A second after its camera is there Streamlit knows how wide it is, and then asks the browser for another picture."""
STAGES = ("reloaded", "after another page", "after another server")


def enter(field: Locator, text: str) -> None:
    field.fill(text)
    field.press("Tab")


def turn(field: Locator, *parts: str) -> None:
    """Raise parts of a date or a time by one each, and leave the field."""
    for part in parts:
        field.get_by_role("spinbutton", name=re.compile(part)).press("ArrowUp")
    field.page.get_by_role("heading").first.click()


def choose(field: Locator, *options: str) -> None:
    for option in options:
        field.get_by_role("combobox").click()
        field.page.get_by_role("option", name=option, exact=True).click()
    field.page.keyboard.press("Escape")


def paint(field: Locator, colour: str) -> None:
    field.get_by_role("button").click()
    box = field.page.get_by_role("dialog").get_by_role("textbox").first
    box.fill(colour)
    box.press("Enter")
    field.page.keyboard.press("Escape")


def overwrite(field: Locator, text: str) -> None:
    """Write into the first cell of a table."""
    field.get_by_test_id("glide-cell-1-0").wait_for(state="attached")
    box = field.page.locator(".gdg-input")
    for _ in range(10):  # a table that is being drawn again takes no click
        field.locator(".dvn-scroller").dblclick(position={"x": 120, "y": 52})
        with suppress(AssertionError):
            expect(box).to_be_visible(timeout=2_000)
            break
    box.fill(text)
    box.press("Enter")


def hand_in(field: Locator) -> None:
    field.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": "note.txt", "mimeType": "text/plain", "buffer": NOTE}
    )


def take_photo(field: Locator) -> None:
    """Take a photo once there is something to take: a press before that is passed over without a word."""
    for _ in range(SETTLE_MS // 100):
        if field.evaluate(CAMERA_SHOWS):
            break
        field.page.wait_for_timeout(100)
    else:
        raise AssertionError("The camera shows nothing.")
    field.get_by_role("button", name="Take Photo").click()


def record(field: Locator) -> None:
    field.get_by_role("button", name="Record", exact=True).click()
    # Of one that ends before it has a length, Streamlit says that an error has occurred.
    expect(field.get_by_test_id("stAudioInputWaveformTimeCode")).not_to_have_text("00:00")
    field.get_by_role("button", name="Stop recording").click()


KINDS: dict[str, tuple[Callable[[Locator], object], str]] = {
    # How it is set, and what the page then gets; of what the browser's made-up devices give, how that begins.
    "text_input": (lambda field: enter(field.get_by_role("textbox"), "Zoë 😀"), "'Zoë 😀'"),
    "text_area": (lambda field: enter(field.get_by_role("textbox"), "two\nlines"), r"'two\nlines'"),
    "number_input whole": (lambda field: enter(field.get_by_role("spinbutton"), "7"), "7"),
    "number_input decimal": (lambda field: enter(field.get_by_role("spinbutton"), "2"), "2.0"),
    "slider": (lambda field: field.get_by_role("slider").press("ArrowRight"), "1"),
    "slider range": (lambda field: field.get_by_role("slider").first.press("ArrowRight"), "(3, 8)"),
    "slider of days": (lambda field: field.get_by_role("slider").press("ArrowRight"), "datetime.date(2026, 5, 2)"),
    "selectbox": (lambda field: choose(field, "3"), "3"),
    "radio": (lambda field: field.get_by_text("green", exact=True).click(), "'green'"),
    "multiselect": (lambda field: choose(field, "blue", "red"), "['blue', 'red']"),
    "select_slider": (lambda field: field.get_by_role("slider").press("ArrowRight"), "'green'"),
    "pills": (lambda field: field.get_by_text("two", exact=True).click(), "'two'"),
    "segmented_control": (
        lambda field: [field.get_by_text(each, exact=True).click() for each in ("right", "left")],
        "['right', 'left']",
    ),
    "checkbox": (lambda field: field.get_by_text("Tick").click(), "True"),
    "toggle": (lambda field: field.get_by_text("Toggle").click(), "True"),
    "date_input": (lambda field: turn(field, "month", "day"), "datetime.date(2026, 6, 2)"),
    "date_input range": (
        lambda field: turn(field, "day, Span start"),
        "(datetime.date(2026, 5, 2), datetime.date(2026, 5, 3))",
    ),
    "time_input": (lambda field: turn(field, "hour"), "datetime.time(10, 0)"),
    "datetime_input": (lambda field: turn(field, "day", "hour"), "datetime.datetime(2026, 5, 2, 13, 0)"),
    "color_picker": (lambda field: paint(field, "#1f6f5c"), "'#1f6f5c'"),
    "feedback": (lambda field: field.get_by_role("radio").nth(3).click(), "3"),
    "pagination": (lambda field: field.get_by_role("button", name="Page 4").click(), "4"),
    "data_editor": (lambda field: overwrite(field, "fig"), "{'name': ['fig', 'pear'], 'count': [1, 2]}"),
    "file_uploader": (hand_in, f"KeptFile text/plain {hashlib.sha256(NOTE).hexdigest()}"),
    "camera_input": (take_photo, "KeptFile image/"),
    "audio_input": (record, "KeptFile audio/"),
    "chat_input": (lambda field: field.get_by_role("textbox").fill("half a sen"), "'half a sen'"),
}


RECORDED = {"camera_input", "audio_input"}


@dataclass(frozen=True)
class Seen:
    """What the page had of each widget at one time."""

    returned: dict[str, str]
    shown: dict[str, str]


def widget(page: Page, name: str) -> Locator:
    number = list(KINDS).index(name)
    return page.locator(f"[class*='st-key-kind-{number} '], [class*='st-key-kind-{number}-']").first


def returned(page: Page) -> dict[str, str]:
    """What each widget returned in the run the page shows, as Python writes it."""
    told: dict[str, str] = json.loads(page.get_by_test_id("stCode").inner_text())
    return told


def shown(page: Page, name: str) -> str:
    """What a widget says to a screen reader: its parts, their values, what is checked."""
    if name in ("data_editor", "chat_input"):
        return ""  # a picture; a draft that is sent with one run only, which a field that is still loading may miss
    return widget(page, name).aria_snapshot()


def looked_at(page: Page, before: Seen) -> Seen:
    """What the page has, as soon as it shows what it showed before. What it doesn't show in time, a test tells."""
    for name, wanted in before.shown.items():
        if not wanted:
            continue
        with suppress(AssertionError):
            expect(widget(page, name)).to_match_aria_snapshot(wanted)
    return Seen(returned(page), {name: shown(page, name) for name in KINDS})


def set_each(visitor: Visitor) -> Seen:
    """Set one widget after the other, and wait until all of it is at the server."""
    page = visitor.page
    for name, (act, wanted) in KINDS.items():
        if name == "chat_input":  # what is typed there makes no run
            with page.expect_response("**/keep/drafts"):
                act(widget(page, name))
            continue
        act(widget(page, name))
        expect(page.get_by_test_id("stCode")).to_contain_text(
            json.dumps({name: wanted})[1 : -2 if name in RECORDED else -1]
        )
        visitor.settled()
    visitor.says(re.compile("Saved"))
    return Seen(returned(page), {name: shown(page, name) for name in KINDS})


@pytest.fixture(scope="module")
def stages(
    baked_default: BakedProject, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Seen]]:
    """What was seen of each widget, stage by stage."""
    environment = {"AUTH": "none", "PYTHONPATH": str(baked_default.path)}
    with serving(baked_default, tmp_path_factory.mktemp("kinds"), app=str(APP / "app.py"), **environment) as server:
        context = browser.new_context(viewport={"width": 1280, "height": 2600}, locale="en-US")
        forbidden = hears_what_is_forbidden(context)
        visitor = Visitor(context.new_page(), server).open()
        page = visitor.page
        initial = returned(page)
        before = set_each(visitor)
        seen = {SET: before}
        visitor.reload()
        seen["reloaded"] = looked_at(page, before)
        page.get_by_role("link", name="Elsewhere").click()
        visitor.arrived("Elsewhere")
        page.get_by_role("link", name="Kinds").last.click()
        visitor.arrived("Kinds")
        seen["after another page"] = looked_at(page, before)
        visitor.meets_another_server()
        seen["after another server"] = looked_at(page, before)
        assert initial.keys() == KINDS.keys()
        assert not {name for name in KINDS if initial[name] == KINDS[name][1]}, "each is set to something else"
        assert forbidden == []
        yield seen
        context.close()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", KINDS)
def test_a_widget_has_the_value_and_type_it_was_set_to(stages: dict[str, Seen], name: str, stage: str) -> None:
    assert stages[stage].returned[name] == (stages[SET].returned[name] if name in RECORDED else KINDS[name][1])
    assert stages[stage].shown[name] == stages[SET].shown[name]
