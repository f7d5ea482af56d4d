"""What is typed is kept without leaving the field, by nobody but its author, and the page says truly how far it is."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, Route, WebSocket, WebSocketRoute, expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import SETTLE_MS, Visitor
from tests.lab import sheet
from tests.lab.waiting import wait_until
from tests.support.bake import BakedProject
from tests.support.server import Server, serving

SAVED = re.compile(r"^Saved \d\d:\d\d$")
DRAFTS = "**/keep/drafts"
COMPONENTS = re.compile(r"/BidiComponent[^/]*\.js")
SCRIPT = re.compile(r"/keep/scripts/status-")


@pytest.fixture
def visitor(visit: NewTab, new_person: NewPerson) -> Visitor:
    """Somebody at the first step of the intake form."""
    visitor = visit().open("intake").sign_in(new_person()).arrived("New request")
    visitor.says("All saved")  # it is there: without a connection it could not be loaded any more
    return visitor


def refuse(page: Page) -> None:
    """Let no draft reach the server."""
    page.route(DRAFTS, lambda route: route.abort())


@contextmanager
def posts(page: Page) -> Iterator[list[str]]:
    """The bodies of the drafts sent within the block."""
    bodies: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/keep/drafts"):
            bodies.append(request.post_data or "")

    page.on("request", note)
    yield bodies
    page.remove_listener("request", note)


def answer(tab: Visitor, body: str) -> int:
    """Send a draft as this browser would now. Returns how the server answers."""
    headers = {"Content-Type": "application/json", "Origin": tab.server.url}
    return tab.page.context.request.post(f"{tab.server.url}/keep/drafts", data=body, headers=headers).status


def stored(server: Server, content: str) -> list[str]:
    """The files of the server, of its database and journal among them, whose bytes have a text."""
    files = [path for path in server.data.rglob("*") if path.is_file()]
    return [path.name for path in files if content.encode() in path.read_bytes()]


NOTHING_WAITS = "() => window.__keepStatus.outbox.items.size === 0"


def conflict(visitor: Visitor) -> Locator:
    """Where a page says what was entered in two places at once."""
    return visitor.page.locator(".st-key-keep-conflicts-intake")


class Line:
    """The way between a page and its server, on which things can be held back. Made before the page loads."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._held: list[tuple[WebSocketRoute, str | bytes]] = []
        self._holding = self._swallowing = False
        page.route_web_socket(re.compile("_stcore/stream"), self._stand_between)

    def hold_back(self) -> None:
        """Hold back what the server line."""
        self._holding = True

    def swallow(self) -> None:
        """Let nothing more reach the server, as when a browser leaves a page before it has sent all."""
        self._swallowing = True

    def go_on(self) -> None:
        """Let what is sent from now on reach the server again."""
        self._swallowing = False

    def wait_for(self, content: bytes) -> None:
        """Wait until something with this content is held back."""
        deadline = time.monotonic() + SETTLE_MS / 1000
        while not any(isinstance(answer, bytes) and content in answer for _, answer in self._held):
            assert time.monotonic() < deadline, f"{content!r} was never sent"
            self._page.evaluate("null")  # what arrives is taken in meanwhile

    def let_through(self) -> None:
        self._holding = False
        for way, answer in self._held:
            way.send(answer)

    def _stand_between(self, way: WebSocketRoute) -> None:
        server = way.connect_to_server()
        self._swallowing = False  # a page loaded anew
        way.on_message(lambda message: None if self._swallowing else server.send(message))
        server.on_message(lambda answer: self._held.append((way, answer)) if self._holding else way.send(answer))


def test_what_was_typed_is_there_after_f5(visitor: Visitor) -> None:
    visitor.type("Name", "Ada L")
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Ada L")
    with visitor.page.expect_response(DRAFTS):
        visitor.type("Name", "ovelace")
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Ada Lovelace")
    visitor.says(re.compile("All saved|Saved"))
    assert visitor.outbox == {}


def test_what_never_left_the_browser_is_there_after_f5(visitor: Visitor) -> None:
    refuse(visitor.page)
    visitor.type("Name", "Grace")
    visitor.says("Offline: saved in this browser")
    visitor.has_in_browser("Grace")

    visitor.page.unroute(DRAFTS)
    visitor.reload()

    expect(visitor.text("Name")).to_have_value("Grace", timeout=SETTLE_MS)
    visitor.says(re.compile("All saved|Saved"))
    assert visitor.outbox == {}


def test_what_a_closed_tab_left_is_shown_in_the_next_one(visitor: Visitor) -> None:
    refuse(visitor.page)
    visitor.type("Name", "Left behind")
    visitor.says("Offline: saved in this browser")
    context = visitor.page.context
    other = Visitor(context.new_page(), visitor.server)
    visitor.page.close()

    other.open("intake")

    expect(other.text("Name")).to_have_value("Left behind", timeout=SETTLE_MS)


def test_what_another_open_tab_types_stays_that_tab_s(visitor: Visitor) -> None:
    refuse(visitor.page)
    visitor.type("Name", "Not sent yet")
    other = Visitor(visitor.page.context.new_page(), visitor.server)
    with posts(other.page) as sent:
        other.open("intake")
        other.type("Email", "e@example.org")
        other.says(SAVED)
    assert not any("Not sent yet" in body for body in sent)
    expect(visitor.text("Name")).to_have_value("Not sent yet")
    visitor.has_in_browser("Not sent yet")


def test_every_way_of_changing_a_text_counts(visitor: Visitor) -> None:
    name = visitor.text("Name")
    visitor.type("Name", "Zoë 😀 tpyo")
    for _ in "tpyo":
        name.press("Backspace")
    visitor.page.keyboard.insert_text("漢字")  # as an input method or a paste does
    visitor.reload()
    expect(name).to_have_value("Zoë 😀 漢字")

    name.press("ControlOrMeta+a")
    name.press("Delete")
    visitor.reload()
    expect(name).to_have_value("")


def test_what_its_widget_refuses_stays_although_the_form_goes_on(visitor: Visitor) -> None:
    visitor.type("Email", "half@")
    visitor.says(SAVED)
    visitor.button("Next").click()
    visitor.settled()
    visitor.write("Name", "Ada")
    visitor.reload()
    expect(visitor.text("Email")).to_have_value("half@")
    visitor.write("Name", "Ada Lovelace")
    visitor.reload()
    expect(visitor.text("Email")).to_have_value("half@")


def test_a_text_area_and_a_number(visitor: Visitor) -> None:
    visitor.open("intake?step=need")
    number = visitor.page.get_by_role("spinbutton", name="How many")
    visitor.type("What is it for?", "Line one\nline two")
    number.fill("42")
    visitor.reload()
    expect(visitor.text("What is it for?")).to_have_value("Line one\nline two")
    expect(number).to_have_value("42")


def test_while_somebody_types_nothing_runs_little_is_sent_and_the_status_changes_once(visitor: Visitor) -> None:
    frames: list[object] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: frames.append(frame))

    clock = visitor.page.clock
    clock.install()
    visitor.page.on("websocket", listen)
    visitor.reload()
    visitor.text("Name").focus()
    visitor.says("All saved")
    visitor.page.evaluate(
        """() => {
            window.said = [];
            const line = document.querySelector(".st-key-keep-status time");
            const note = () => window.said.at(-1) !== line.textContent && window.said.push(line.textContent);
            new MutationObserver(note).observe(line, { childList: true, characterData: true, subtree: true });
        }"""
    )
    clock.pause_at(datetime.now(UTC) + timedelta(hours=1))  # whatever waits for its time has had it
    before = len(frames)
    with posts(visitor.page) as sent:
        for letter in "forty letters, typed one after the other":
            visitor.page.keyboard.type(letter)
            clock.run_for(40)
        assert len(frames) == before, "typing made the script run"
        clock.resume()
        visitor.says(SAVED)
    assert len(sent) == 2, "one after a second, one when all is typed"
    said = visitor.page.evaluate("window.said")
    assert len(said) == 2, said
    assert said[0] == "Saving…"


def test_what_is_typed_before_the_outbox_is_there_is_kept(visitor: Visitor) -> None:
    """Streamlit loads the code that runs components when the first of them arrives, which is after the fields."""
    held: list[Route] = []
    visitor.page.route(COMPONENTS, lambda route: held.append(route))
    with visitor.page.expect_request(COMPONENTS):
        visitor.page.reload()
    visitor.type("Name", "Too eager")
    expect(visitor.status).to_have_count(0)
    for route in held:
        route.continue_()
    visitor.says(SAVED)
    visitor.page.unroute(COMPONENTS)
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Too eager")


def test_what_is_typed_while_the_outbox_s_own_script_does_not_come_is_kept(visitor: Visitor) -> None:
    """As when a proxy answers in the server's place: the page asks until it comes."""
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=502)

    visitor.page.route(SCRIPT, refuse)
    visitor.page.reload()
    visitor.type("Name", "Too eager")
    wait_until(lambda: visitor.page.evaluate("1") and len(set(asked)) > 1, "it is asked for again")
    expect(visitor.status).to_have_text("")
    visitor.page.unroute(SCRIPT)
    visitor.says(SAVED)
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Too eager")


def test_without_a_connection_it_stays_in_the_browser(visitor: Visitor) -> None:
    visitor.says("All saved")
    voice = visitor.page.locator(".st-key-keep-status [role=status]")
    expect(voice).to_have_text("")
    visitor.page.context.set_offline(True)
    visitor.type("Name", "On a train")
    visitor.says("Offline: saved in this browser")
    expect(voice).to_have_text("Offline: saved in this browser")
    visitor.has_in_browser("On a train")

    visitor.page.context.set_offline(False)

    visitor.says(SAVED)
    expect(voice).to_have_text(SAVED)
    assert visitor.outbox == {}
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("On a train")


def test_when_the_server_is_killed_while_somebody_types(visitor: Visitor, server: Server) -> None:
    refuse(visitor.page)
    visitor.type("Name", "Half a wor")
    visitor.says(re.compile("Saving…|Offline: saved in this browser"))
    server.kill()
    visitor.says("Offline: saved in this browser")
    before = visitor.connection
    visitor.page.unroute(DRAFTS)
    server.start()
    visitor.goes_on_after(before)
    expect(visitor.text("Name")).to_have_value("Half a wor", timeout=SETTLE_MS)
    visitor.says(re.compile("All saved|Saved"))
    assert visitor.outbox == {}


def test_one_types_on_however_long_the_server_is_away(visitor: Visitor, server: Server) -> None:
    visitor.page.clock.install()
    visitor.reload()
    visitor.type("Name", "Before ")
    visitor.says(SAVED)
    server.kill()
    try:
        visitor.says("Offline: saved in this browser")
        typed = "Before "
        for letter in "and while Streamlit would have opened a dialog about it":
            visitor.page.clock.run_for(1000)
            visitor.page.keyboard.type(letter)
            typed += letter
        expect(visitor.text("Name")).to_have_value(typed)
        expect(visitor.page.get_by_role("dialog")).to_have_count(0)
        before = visitor.connection
    finally:
        server.start()
    visitor.goes_on_after(before)
    expect(visitor.text("Name")).to_have_value(typed, timeout=SETTLE_MS)


def test_while_the_database_takes_nothing_it_says_so_and_recovers_by_itself(visitor: Visitor, server: Server) -> None:
    visitor.type("Name", "A")
    visitor.says(SAVED)
    connection = sqlite3.connect(server.data / "sessions.db", isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        visitor.type("Name", "da")
        expect(visitor.status).to_have_text(SAVED)
        until_it_says_so(visitor)
        visitor.until("() => !Object.keys(localStorage).some((key) => key.startsWith('keep.outbox.'))")  # it is durable
    finally:
        connection.close()
    visitor.says(SAVED)
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Ada")


def until_it_says_so(visitor: Visitor) -> None:
    """Wait until the server has tried in vain to write into its database, then type on."""
    deadline = time.monotonic() + 3 * SETTLE_MS / 1000
    while not (visitor.server.health() or {}).get("failures"):
        assert time.monotonic() < deadline, "the server never noticed"
        visitor.page.wait_for_timeout(100)
    visitor.type("Email", "e")
    visitor.says("Database offline: saved on the server")


STRANGERS = (
    {"status": 200, "content_type": "text/html", "body": "<html>please sign in"},
    {"status": 204},
    {"status": 400},
    {"status": 403},
    {"status": 404, "body": "no backend"},
    {"status": 405},
    {"status": 408},
    {"status": 410},
    {"status": 413},
    {"status": 422},
    {"status": 503},
    {"status": 302, "headers": {"Location": "/"}},
    {"status": 200, "content_type": "text/html", "body": "<html>closed", "headers": {"Last": "yes"}},
)


def test_an_answer_that_is_not_the_server_s_own_is_no_answer(visitor: Visitor) -> None:
    """A proxy without a server behind it, the sign-in page of a hotel: something else answers in its place."""
    answers = iter(STRANGERS)
    last = STRANGERS[-1]

    def answer(route: Route) -> None:
        route.fulfill(
            **{**(given := next(answers, last)), "headers": {"Retry-After": "0.02", **given.get("headers", {})}}
        )

    visitor.page.route(DRAFTS, answer)
    with visitor.page.expect_response(lambda response: response.headers.get("last") == "yes"):
        visitor.type("Name", "Ada")
    visitor.says("Offline: saved in this browser")
    visitor.has_in_browser("Ada")

    visitor.page.unroute(DRAFTS)

    visitor.says(SAVED)
    assert visitor.outbox == {}
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Ada")


def test_what_the_server_can_not_take_keeps_nothing_else_waiting(visitor: Visitor) -> None:
    """Such as a text that is too large for a proxy."""
    visitor.page.route(
        DRAFTS,
        lambda route: route.fulfill(status=413) if "huge" in (route.request.post_data or "") else route.continue_(),
    )
    visitor.type("Name", "huge")
    visitor.says("Offline: saved in this browser")
    with visitor.page.expect_response(lambda answer: answer.url.endswith("/keep/drafts") and answer.status == 204):
        visitor.type("Email", "small")
    visitor.until("() => Object.keys(localStorage).filter((key) => key.startsWith('keep.outbox.')).length === 1")
    visitor.has_in_browser("huge")


def test_what_its_field_refuses_stays_in_the_browser_until_it_is_corrected_or_discarded(visitor: Visitor) -> None:
    refused = re.compile("^Not saved: How many: 400 is too large. Enter at most 100")
    number = visitor.page.get_by_role("spinbutton", name="How many")
    discard = visitor.page.locator(".st-key-keep-status").get_by_role("button", name="Discard")
    visitor.open("intake?step=need")
    number.fill("400")
    visitor.says(refused)
    visitor.reload()
    expect(number).to_have_value("400")
    visitor.says(refused)
    expect(discard).to_be_hidden()
    visitor.open("intake")
    visitor.says(refused)
    other = Visitor(visitor.page.context.new_page(), visitor.server)
    visitor.page.close()
    other.open("intake?step=need")
    number = other.page.get_by_role("spinbutton", name="How many")
    expect(number).to_have_value("400")
    assert len(other.outbox) == 1

    number.fill("40")

    other.says(SAVED)
    assert other.outbox == {}
    number.fill("500")
    other.says(re.compile("^Not saved: How many: 500"))
    other.open("intake").page.locator(".st-key-keep-status").get_by_role("button", name="Discard").click()
    other.says(re.compile("All saved|Saved"))
    assert other.outbox == {}
    other.open("intake?step=need")
    expect(number).to_have_value("40")


def test_a_text_too_long_for_the_server_is_named_and_stays(visitor: Visitor) -> None:
    visitor.text("Name").fill("x" * 400_000)
    visitor.says(re.compile("^Not saved: Name: "))
    visitor.reload()
    visitor.says(re.compile("^Not saved: Name: "))
    expect(visitor.text("Name")).to_have_value("x" * 400_000)
    visitor.text("Name").fill("Ada")
    visitor.says(SAVED)
    assert visitor.outbox == {}


def test_a_field_that_may_not_be_written_any_more_stops_no_other(visitor: Visitor) -> None:
    """As after an update of the server: what a page gave out before it counts no longer."""
    refuse(visitor.page)
    visitor.type("Email", "e@example.org")
    visitor.has_in_browser("e@example.org")
    visitor.open("home")  # replays it, and can't
    visitor.page.evaluate(
        """() => {
            const [[key, item]] = Object.entries(localStorage).filter(([key]) => key.startsWith("keep.outbox."));
            localStorage.setItem(key, JSON.stringify({ ...JSON.parse(item), token: "of.another-version" }));
        }"""
    )
    visitor.page.unroute(DRAFTS)

    visitor.open("intake?step=need")
    visitor.says("Saved in this browser until you open its page again: Email")
    visitor.type("What is it for?", "A workshop")
    visitor.until("() => Object.keys(localStorage).filter((key) => key.startsWith('keep.outbox.')).length === 1")
    visitor.has_in_browser("e@example.org")
    visitor.open("intake")

    expect(visitor.text("Email")).to_have_value("e@example.org")
    visitor.says(re.compile("All saved|Saved"))
    assert visitor.outbox == {}
    visitor.open("intake?step=need")
    expect(visitor.text("What is it for?")).to_have_value("A workshop")


def test_a_browser_whose_storage_was_full_stores_again_when_there_is_room(visitor: Visitor) -> None:
    refuse(visitor.page)
    visitor.page.evaluate(
        """() => {
            for (let size = 1 << 22; size >= 1; size >>= 1) {
                for (let number = 0; ; number += 1) {
                    try { localStorage.setItem(`full.${size}.${number}`, "x".repeat(size)); } catch { break; }
                }
            }
        }"""
    )
    visitor.type("Name", "Ada")
    visitor.says("Offline: keep this page open")
    visitor.page.evaluate(
        "Object.keys(localStorage).forEach((key) => key.startsWith('full.') && localStorage.removeItem(key))"
    )
    visitor.type("Email", "e@example.org")
    visitor.says("Offline: saved in this browser")
    visitor.has_in_browser("Ada")
    visitor.has_in_browser("e@example.org")


def test_a_form_put_back_stays_as_it_was_put_back(visitor: Visitor) -> None:
    visitor.write("Email", "the@first.example")
    visitor.page.get_by_text("Versions", exact=True).click()
    visitor.button("Save this version").click()
    restore = visitor.page.get_by_role("button", name=re.compile("Restore"))
    expect(restore).to_be_visible(timeout=SETTLE_MS)
    visitor.settled()
    visitor.type("Email", ".org")
    restore.click()
    expect(visitor.text("Email")).to_have_value("the@first.example", timeout=SETTLE_MS)
    visitor.says(SAVED)
    visitor.reload()
    expect(visitor.text("Email")).to_have_value("the@first.example")


def test_a_form_put_back_stays_so_however_late_its_page_hears_of_it(visitor: Visitor) -> None:
    visitor.page.clock.install()
    line = Line(visitor.page)
    visitor.reload()
    visitor.write("Email", "the@first.example")
    visitor.page.get_by_text("Versions", exact=True).click()
    visitor.button("Save this version").click()
    expect(visitor.page.get_by_role("button", name=re.compile("Restore"))).to_be_visible(timeout=SETTLE_MS)
    visitor.settled()
    visitor.type("Email", ".org")
    line.hold_back()
    visitor.page.get_by_role("button", name=re.compile("Restore")).click()
    line.wait_for(b"the@first.example")
    visitor.page.clock.run_for(1000)
    line.let_through()
    expect(visitor.text("Email")).to_have_value("the@first.example", timeout=SETTLE_MS)
    visitor.says(SAVED)
    visitor.reload()
    expect(visitor.text("Email")).to_have_value("the@first.example")


def test_what_the_browser_had_not_sent_when_the_page_went_arrives_all_the_same(visitor: Visitor) -> None:
    line = Line(visitor.page)
    visitor.reload()
    line.swallow()
    visitor.page.get_by_text("Tell me by email").click()
    expect(visitor.page.get_by_role("switch")).to_be_checked()
    visitor.reload()
    expect(visitor.page.get_by_role("switch")).to_be_checked()


def test_another_tab_s_edit_leaves_what_one_is_typing_alone_and_either_can_be_chosen(visitor: Visitor) -> None:
    line = Line(visitor.page)
    visitor.reload()
    other = Visitor(visitor.page.context.new_page(), visitor.server).open("intake")
    line.swallow()  # Streamlit's messages have with them what is being typed
    refuse(visitor.page)
    visitor.type("Name", "Ada L")
    visitor.has_in_browser("Ada L")
    other.write("Name", "Grace")
    line.go_on()
    visitor.page.unroute(DRAFTS)

    # Nobody touches either page: both ask for live refresh.
    for tab in (visitor, other):
        expect(conflict(tab)).to_contain_text("Ada L", timeout=SETTLE_MS)
    visitor.until(NOTHING_WAITS)
    expect(visitor.text("Name")).to_have_value("Ada L")
    expect(visitor.text("Name")).to_be_focused()
    expect(other.text("Name")).to_have_value("Grace")

    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Grace")
    visitor.button("Use this instead").click()
    expect(visitor.text("Name")).to_have_value("Ada L")
    expect(conflict(visitor)).to_have_count(0)
    expect(other.text("Name")).to_have_value("Ada L", timeout=SETTLE_MS)


def test_what_one_has_typed_and_not_left_stays_on_the_screen_and_is_offered_when_another_tab_replaced_it(
    visitor: Visitor,
) -> None:
    other = Visitor(visitor.page.context.new_page(), visitor.server).open("intake")
    with visitor.page.expect_response(DRAFTS):
        visitor.type("Name", "Ada L")
    expect(other.text("Name")).to_have_value("Ada L", timeout=SETTLE_MS)
    other.write("Name", "Grace")

    expect(conflict(visitor)).to_contain_text("Grace", timeout=SETTLE_MS)
    expect(conflict(visitor)).to_contain_text("Ada L")
    visitor.until(NOTHING_WAITS)
    expect(visitor.text("Name")).to_have_value("Ada L")
    visitor.type("Name", "ovelace")
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Ada Lovelace")


def test_signing_out_with_another_tab_mid_edit_leaves_nothing_in_the_browser_or_the_store(
    visitor: Visitor, new_person: NewPerson
) -> None:
    other = Visitor(visitor.page.context.new_page(), visitor.server)
    line = Line(other.page)
    other.open("intake").write("Email", "entered@before.example")
    for tab in (visitor, other):
        refuse(tab.page)
    line.swallow()
    with posts(other.page) as unsent:
        for tab, text in ((visitor, "Ada's name"), (other, "Ada's swallowed secret")):
            tab.type("Name", text)
            tab.says("Offline: saved in this browser")
    cookies = visitor.page.context.cookies()

    visitor.sign_out()

    expect(other.text("Username")).to_be_visible(timeout=SETTLE_MS)
    for tab in (visitor, other):
        assert tab.outbox == {}
        assert "Ada's" not in tab.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert answer(other, unsent[-1]) == 403
    other.sign_in(new_person()).arrived("New request")
    visitor.open("intake").arrived("New request")
    for tab in (visitor, other):
        expect(tab.text("Name")).to_have_value("")
        assert "Ada's" not in tab.page.content()
    # What was still on its way is nobody's now: not the next person's, and not hers by the cookie that was hers.
    assert answer(other, unsent[-1]) == 403
    visitor.page.context.add_cookies(cookies)  # type: ignore[arg-type]
    assert answer(other, unsent[-1]) == 401
    assert stored(visitor.server, "entered@before.example")
    assert not stored(visitor.server, "Ada's swallowed secret")


def test_the_next_person_never_sees_or_sends_what_another_one_typed(visitor: Visitor, new_person: NewPerson) -> None:
    refuse(visitor.page)
    visitor.type("Name", "Ada's secret")
    visitor.says("Offline: saved in this browser")
    visitor.page.context.clear_cookies()  # Ada is gone without signing out
    visitor.page.close()
    bob = Visitor(visitor.page.context.new_page(), visitor.server)

    with posts(bob.page) as sent:
        bob.open("intake").sign_in(new_person()).arrived("New request")
        bob.type("Email", "bob@example.org")
        bob.says(SAVED)

    assert not any("Ada's secret" in body for body in sent)
    assert "Ada's secret" not in bob.page.content()
    assert bob.outbox == {}
    expect(bob.text("Name")).to_have_value("")


def test_when_a_sign_in_ends_what_was_typed_waits_for_its_author(
    visit: NewTab, new_person: NewPerson, server: Server
) -> None:
    name = new_person()
    visitor = visit().open("intake").sign_in(name).arrived("New request")
    refuse(visitor.page)
    visitor.type("Name", "Too late")
    visitor.has_in_browser("Too late")
    with sqlite3.connect(server.data / "sessions.db") as database:
        database.execute("UPDATE tokens SET expires_at = '2020-01-01 00:00:00'")
    visitor.page.unroute(DRAFTS)
    expect(visitor.text("Username")).to_be_visible(timeout=SETTLE_MS)

    visitor.sign_in(name).arrived("New request")

    expect(visitor.text("Name")).to_have_value("Too late", timeout=SETTLE_MS)
    visitor.says(SAVED)


BLOCKED = """for (const kind of ['localStorage', 'sessionStorage'])
    Object.defineProperty(window, kind, { get() { throw new DOMException('blocked', 'SecurityError'); } });"""
REFUSED = """const refuse = () => { throw new DOMException('refused', 'SecurityError'); };
for (const name of ['getItem', 'setItem', 'removeItem', 'key']) Storage.prototype[name] = refuse;
for (const name of ['request', 'query']) LockManager.prototype[name] = async () => refuse();"""
FULL = """for (const storage of [localStorage, sessionStorage])
    for (let size = 2 ** 22; size >= 1; size /= 2)
        for (let more = true; more;)
            try { storage.setItem(`full ${storage.length}`, 'x'.repeat(size)); } catch { more = false; }"""


@pytest.mark.parametrize("how", [BLOCKED, REFUSED, FULL], ids=["blocked", "refused", "full"])
def test_a_browser_that_stores_nothing_says_so_once_and_the_app_works_on(
    visit: NewTab, new_person: NewPerson, how: str
) -> None:
    visitor = visit()
    visitor.page.add_init_script(how)
    visitor.open("intake").sign_in(new_person()).arrived("New request")
    visitor.says("This browser blocks storage: typing is saved once it is sent")
    visitor.type("Name", "Ada")
    visitor.says(SAVED)
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Ada")


def test_a_password_is_never_stored_or_sent(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open("intake")
    with posts(visitor.page) as sent:
        visitor.text("Username").fill(new_person())
        visitor.text("Password").press_sequentially("a secret phrase")
        stored = visitor.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "a secret phrase" not in stored
    assert sent == []


def test_a_server_that_asks_to_wait_is_given_time(visitor: Visitor) -> None:
    visitor.page.route(DRAFTS, lambda route: route.fulfill(status=429, headers={"Retry-After": "1"}), times=2)
    with posts(visitor.page) as sent:
        visitor.text("Name").fill("Patience")
        visitor.says(SAVED)
    assert len(sent) == 3
    visitor.reload()
    expect(visitor.text("Name")).to_have_value("Patience")


@pytest.fixture
def sheet_page(browser: Browser, baked_default: BakedProject, tmp_path: Path) -> Iterator[Visitor]:
    """Somebody who hasn't signed in, at a page that has a field inside `st.form`."""
    code = str(baked_default.path)
    with serving(baked_default, tmp_path / "sheet", app=str(sheet.APP), PYTHONPATH=code) as server:
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        yield Visitor(context.new_page(), server).open()
        context.close()


def test_inside_a_form_and_without_signing_in(sheet_page: Visitor) -> None:
    sheet_page.type("Inside", "Not handed in")
    sheet_page.reload()
    expect(sheet_page.text("Inside")).to_have_value("Not handed in")
    sheet_page.type("Inside", " yet")
    sheet_page.says(SAVED)
    sheet_page.reload()
    expect(sheet_page.text("Inside")).to_have_value("Not handed in yet")
    sheet_page.button("Hand in").click()
    sheet_page.settled()
    sheet_page.reload()
    expect(sheet_page.text("Inside")).to_have_value("Not handed in yet")
