"""Runs that do not end, fragments, dialogs, and entries that are sent away.

What is typed is kept, what is sent is sent, and the corner says "Saved" of nothing else.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.visitor import Visitor
from tests.support.bake import BakedProject
from tests.support.server import Server, serving

pytestmark = pytest.mark.xdist_group("runs")  # one worker, one server

APP = Path(__file__).with_name("runs_app")
SAVED = re.compile(r"^Saved \d\d:\d\d$")
DRAFTS = "**/keep/drafts"
FIELD_CODE = "**/Html.*.js"
ALL_READ = "() => window.__keepStatus.outbox.settling === undefined"
RUN_IS_OVER = """() => document.querySelector('[data-test-script-state="running"]') === null"""
ALL_POSTED = "() => window.__keepStatus?.outbox.looked && window.__keepStatus.outbox.items.size === 0"
SEND_AT_ONCE = """text => {
    const { outbox } = window.__keepStatus;
    const before = outbox.lastMessage.number;
    outbox.whole = (page) => {
        Object.getPrototypeOf(outbox).whole.call(outbox, page);
        if (outbox.data.status.seen === before) return;
        delete outbox.whole;
        const box = document.querySelector('[data-testid="stChatInputTextArea"]');
        Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text);
        box.dispatchEvent(new Event("input", { bubbles: true }));
        const enter = new KeyboardEvent("keydown", { key: "Enter", code: "Enter", keyCode: 13, bubbles: true });
        setTimeout(() => box.dispatchEvent(enter), 100); // by then it was read, and not yet looked after
    };
}"""
"""Type and send a message as soon as the run that the next message begins has come to its end."""
PAGE_IS_SETTLED = "() => window.__keepStatus.outbox.unsettled === false"
PAGE_IS_WHOLE = "() => window.__keepStatus?.outbox.fields.page.run"


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves the pages of `runs_app` with the project's core."""
    environment = {"AUTH": "none", "PYTHONPATH": str(baked_default.path)}
    with serving(baked_default, tmp_path_factory.mktemp("runs"), app=str(APP / "app.py"), **environment) as running:
        yield running


@pytest.fixture
def visitor(visitor_in_used_tab: Visitor) -> Visitor:
    return visitor_in_used_tab


def go(visitor: Visitor, page: str) -> None:
    """Open a page whose run may never end."""
    visitor.page.goto(f"{visitor.server.url}/{page}")


def type_kept(visitor: Visitor, field: Locator, text: str) -> None:
    """Type, without leaving the field, until the server has it."""
    with visitor.page.expect_response(DRAFTS) as answer:
        field.press_sequentially(text)
    assert answer.value.headers["keep-draft"] == "kept"


def whole(visitor: Visitor) -> None:
    """Wait for the end of a run, and of what the page makes of it."""
    visitor.until(PAGE_IS_WHOLE)
    visitor.settled()


def at_once(_visitor: Visitor) -> None:
    """The field is there as soon as the page is."""


def with_more(visitor: Visitor) -> None:
    whole(visitor)
    visitor.page.get_by_text("More", exact=True).click()


def when_asked(visitor: Visitor) -> None:
    whole(visitor)
    visitor.button("Ask").click()


@pytest.mark.parametrize(
    ("page", "shown", "label"),
    [
        ("endless", at_once, "Text"),
        ("looping", at_once, "Text"),
        ("fragments", with_more, "Text"),
        ("fragments", when_asked, "Answer"),
    ],
    ids=["a run that does not end", "a loop of reruns", "a fragment's rerun", "a dialog of a fragment"],
)
def test_what_is_typed_is_kept_from_the_moment_its_field_is_there(
    visitor: Visitor, page: str, shown: Callable[[Visitor], None], label: str
) -> None:
    go(visitor, page)
    shown(visitor)
    type_kept(visitor, visitor.text(label), "hello")
    visitor.text(label).press_sequentially(" you")

    visitor.page.reload()

    shown(visitor)
    expect(visitor.text(label)).to_have_value("hello you")


def test_what_is_typed_before_its_field_is_known_is_kept_once_it_is(visitor: Visitor) -> None:
    """What the script says of a field is shown by code that is loaded with the first of them."""
    held: list[Route] = []
    visitor.page.route(FIELD_CODE, lambda route: held.append(route))
    go(visitor, "fragments")
    with visitor.page.expect_request(FIELD_CODE):
        when_asked(visitor)
    expect(visitor.text("Answer")).to_be_visible()
    visitor.until(RUN_IS_OVER)
    visitor.text("Answer").fill("typed early")
    visitor.until(ALL_READ)
    with visitor.page.expect_response(DRAFTS) as answer:
        for route in held:
            route.continue_()
    assert answer.value.headers["keep-draft"] == "kept"

    visitor.page.reload()

    when_asked(visitor)
    expect(visitor.text("Answer")).to_have_value("typed early")


@pytest.mark.parametrize("page", ["chat", "answered"])
def test_a_message_that_was_sent_is_no_draft_any_more(visitor: Visitor, page: str) -> None:
    """Also while its answer streams. The same message may be typed again, and that is a draft."""
    go(visitor, page)
    box = visitor.page.get_by_test_id("stChatInputTextArea")
    visitor.until(PAGE_IS_WHOLE)
    box.press_sequentially(f"hello {page}")
    box.press("Enter")
    expect(visitor.page.get_by_text(f": hello {page}")).to_be_visible()

    visitor.page.reload()

    expect(visitor.page.get_by_text(f": hello {page}")).to_be_visible()
    visitor.until(ALL_POSTED)
    whole(visitor)
    expect(box).to_have_value("")
    type_kept(visitor, box, f"hello {page}")
    visitor.page.reload()
    expect(box).to_have_value(f"hello {page}")


def test_a_message_that_is_sent_right_after_a_run_is_no_text_that_was_lost(visitor: Visitor) -> None:
    """It is posted as none, and no further run hides what its own has shown."""
    visitor.open("considered")
    whole(visitor)
    visitor.until(PAGE_IS_SETTLED)
    posted: list[str] = []

    def note(route: Route) -> None:
        posted.append(route.request.post_data or "")
        route.continue_()

    visitor.page.route(DRAFTS, note)
    visitor.page.evaluate(SEND_AT_ONCE, "hello")
    visitor.button("Go on").click()

    expect(visitor.page.get_by_text("The message is hello")).to_be_visible()
    visitor.until(ALL_POSTED)
    whole(visitor)

    assert [body for body in posted if '"on_screen":false' in body] == []
    expect(visitor.page.get_by_text("The message is hello")).to_be_visible()


def test_a_text_that_is_brought_back_ends_no_run_that_somebody_began(visitor: Visitor) -> None:
    """The run that shows it comes after that, so a message is not lost."""
    page = visitor.page
    page.route(DRAFTS, lambda route: route.abort())
    visitor.open("plain")
    visitor.type("Kept", "left behind")
    visitor.has_in_browser("left behind")
    visitor.open("considered")
    whole(visitor)
    held: list[Route] = []
    with page.expect_request(DRAFTS):
        page.route(DRAFTS, lambda route: held.append(route))  # from here on nothing is let through or turned away
        page.evaluate("() => window.__keepStatus.outbox.posting.retryNow()")
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill("hello")
    box.press("Enter")
    page.route(DRAFTS, lambda route: route.continue_())
    for route in held:
        route.continue_()

    expect(page.get_by_text("Heard so far: hello")).to_be_visible()
    visitor.until(ALL_POSTED)
    visitor.open("plain")
    expect(visitor.text("Kept")).to_have_value("left behind")


def test_what_is_typed_while_a_callback_assigns_it_is_shown_and_kept(visitor: Visitor) -> None:
    """Streamlit leaves what is being typed on the screen, so the callback's value is shown nowhere."""
    visitor.open("assigned")
    visitor.text("Postcode").fill("20095")
    visitor.text("Postcode").press("Tab")
    type_kept(visitor, visitor.text("City"), "typed")
    expect(visitor.page.get_by_text("The city is found")).to_be_visible()
    visitor.settled()
    visitor.until(ALL_POSTED)
    visitor.says(SAVED)

    expect(visitor.text("City")).to_have_value("typed")
    visitor.page.reload()

    whole(visitor)
    expect(visitor.text("City")).to_have_value("typed")


def test_what_was_sent_with_a_form_that_is_cleared_stays_cleared(visitor: Visitor) -> None:
    """Twice the same: the browser says nothing of having cleared the fields."""
    visitor.open("cleared")
    name, note, gift = visitor.text("Name"), visitor.text("Note"), visitor.page.get_by_role("checkbox")
    for count in (1, 2):
        type_kept(visitor, name, "Ada")
        note.press_sequentially("typed quickly")
        visitor.page.locator(".st-key-entry-gift label").click()
        visitor.button("Add").click()
        expect(visitor.page.get_by_text("Ada True red")).to_have_count(count)

        visitor.reload()

        visitor.until(ALL_POSTED)
        whole(visitor)
        expect(name).to_have_value("")
        expect(note).to_have_value("")
        expect(gift).not_to_be_checked()


def test_the_corner_says_nothing_of_what_is_not_kept(visitor: Visitor) -> None:
    visitor.open("plain")
    kept, loose = visitor.text("Kept"), visitor.text("Loose")
    whole(visitor)
    visitor.says("")
    type_kept(visitor, kept, "a")
    visitor.says(SAVED)

    loose.press_sequentially("b")
    visitor.says("")
    loose.press("Tab")
    visitor.settled()
    visitor.says("")

    type_kept(visitor, kept, "c")
    visitor.says(SAVED)
    visitor.page.locator(".st-key-tick label").click()
    visitor.says("")
    type_kept(visitor, kept, "d")
    visitor.says(SAVED)
    visitor.button("Add to cart").click()
    visitor.says("")
    expect(visitor.page.get_by_text("Lost on reload")).to_contain_text("cart, loose, tick")


def test_what_waits_for_its_form_is_not_said_to_be_saved(visitor: Visitor) -> None:
    visitor.open("cleared")
    whole(visitor)
    visitor.says("All saved")

    visitor.page.locator(".st-key-entry-gift label").click()

    visitor.says("")


def test_what_the_server_has_not_answered_is_not_said_to_be_saved(visitor: Visitor) -> None:
    visitor.open("ticked")
    whole(visitor)
    visitor.says("All saved")
    os.killpg(visitor.server.pid, signal.SIGSTOP)
    try:
        visitor.page.locator(".st-key-ticked-agree label").click()
        visitor.says("Saving…")
    finally:
        os.killpg(visitor.server.pid, signal.SIGCONT)
    visitor.says(SAVED)
