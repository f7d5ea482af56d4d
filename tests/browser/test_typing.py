"""A text reaches the field it was typed into and no other, and what its field didn't take counts for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.conftest import hears_what_is_forbidden
from tests.browser.visitor import Visitor
from tests.support.bake import BakedProject
from tests.support.server import Server, serving

pytestmark = pytest.mark.xdist_group("typing")  # one worker, one server

APP = Path(__file__).with_name("typing_app")
SAVED = re.compile(r"^Saved \d\d:\d\d$")
DRAFTS = "**/keep/drafts"
NONE_IS_HELD = """() => {
    const { items, posting } = window.__keepStatus.outbox;
    return ![...items.values()].some((item) => posting.isHeld(item));
}"""
REMEMBER_SOCKET = """(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (...content) {
        window.socket = this;
        return send.apply(this, content);
    };
})()"""


@pytest.fixture(scope="module")
def typing_server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server where nobody signs in, whose pages may be part of those of another site of this machine."""
    environment = {"AUTH": "none", "CONTENT_SOURCES": "frame-ancestors http://localhost:*"}
    environment["PYTHONPATH"] = str(baked_default.path)
    with serving(baked_default, tmp_path_factory.mktemp("typing"), app=str(APP / "app.py"), **environment) as server:
        yield server


@pytest.fixture
def visitor(browser: Browser, typing_server: Server) -> Iterator[Visitor]:
    """A browser that has opened nothing yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 1800}, locale="en-US")
    forbidden = hears_what_is_forbidden(context)
    yield Visitor(context.new_page(), typing_server)
    context.close()
    assert forbidden == []


def number(visitor: Visitor, label: str) -> Locator:
    return visitor.page.get_by_role("spinbutton", name=label, exact=True)


def test_a_text_reaches_the_field_it_was_typed_into_and_no_other(visitor: Visitor) -> None:
    """Their widgets share CSS classes: Streamlit writes most characters of a key as a dash."""
    visitor.open("names")
    labels = visitor.page.locator(".stMain :is(input, textarea)").evaluate_all(
        "fields => fields.map(field => field.ariaLabel)"
    )
    plain = {"Search", "Loose", "Beside it"}
    kept = [label for label in labels if label not in plain]
    assert len(kept) == 16
    assert plain < set(labels)

    for label in kept:
        visitor.type(label, f"typed into {label}")
    visitor.says(SAVED)
    for label in ["Loose", "Beside it", "Search"]:
        visitor.type(label, f"typed into {label}")
    visitor.says("")  # of what nobody keeps
    visitor.reload()

    for label in kept:
        expect(visitor.text(label)).to_have_value(f"typed into {label}")
    for label in plain:
        expect(visitor.text(label)).to_have_value("")
    expect(visitor.text("Search")).to_be_focused()  # who types on types where they were


@pytest.mark.parametrize("label", ["Short", "Long", "Say it"])
def test_what_a_field_did_not_take_counts_for_nothing(visitor: Visitor, label: str) -> None:
    """Streamlit takes back what makes a text longer than `max_chars`, which it counts in UTF-16 code units."""
    visitor.open("limits").says(re.compile("saved|Saved"))
    visitor.text(label).fill("abc")
    visitor.says(SAVED)
    visitor.text(label).press("End")

    visitor.page.keyboard.insert_text("😀😀")
    expect(visitor.text(label)).to_have_value("abc")
    visitor.type("Last", "a")
    visitor.says(SAVED)
    visitor.reload()

    expect(visitor.text(label)).to_have_value("abc")
    visitor.type(label, "de")
    visitor.says(SAVED)
    visitor.type(label, "f")
    expect(visitor.text(label)).to_have_value("abcde")
    visitor.type("Last", "b")
    visitor.says(SAVED)  # nothing of a text of six characters, which nobody can see


def test_what_waits_since_its_field_was_left_is_posted_however_long_another_text_takes(visitor: Visitor) -> None:
    visitor.open("limits").says(re.compile("saved|Saved"))
    visitor.text("Say it").fill("abc")
    visitor.says(SAVED)
    visitor.text("Say it").press("End")
    held: list[Route] = []
    visitor.page.keyboard.insert_text("😀😀")
    expect(visitor.text("Say it")).to_have_value("abc")  # entered once more, and Streamlit says nothing of it
    with visitor.page.expect_request(DRAFTS):
        visitor.page.route(DRAFTS, lambda route: held.append(route))
        visitor.type("Last", "a")
    visitor.until(NONE_IS_HELD)
    visitor.page.route(DRAFTS, lambda route: route.continue_())
    for route in held:
        route.continue_()

    visitor.says(SAVED)


def test_a_message_that_asks_for_no_run_is_waited_for_by_nobody(visitor: Visitor) -> None:
    visitor.page.add_init_script(REMEMBER_SOCKET)
    visitor.open("limits").says(re.compile("saved|Saved"))
    visitor.type("Last", "a")  # somebody did something, which that message has not brought about
    visitor.page.evaluate("() => window.socket.send(new Uint8Array([0x60, 1]))")  # `load_git_info`
    assert visitor.page.evaluate("() => window.__keepStatus.outbox.lastMessage.unanswered") is None
    visitor.says(SAVED)


def test_a_number_is_what_its_keys_and_buttons_made_of_it(visitor: Visitor) -> None:
    visitor.open("limits").says(re.compile("saved|Saved"))
    many, inside = number(visitor, "Many"), number(visitor, "Inside")
    many.fill("5")
    many.press("ArrowUp")
    visitor.settled()  # a run that replaces the page may take a press with it
    inside.fill("7")
    visitor.page.get_by_test_id("stForm").get_by_role("button", name="Increment").click()
    expect(inside).to_have_value("8")
    visitor.says(SAVED)
    visitor.reload()

    expect(many).to_have_value("6")
    expect(inside).to_have_value("8")


def test_one_exception_stops_nothing(visitor: Visitor) -> None:
    visitor.page.add_init_script(
        """const send = window.fetch;
        window.fetch = (url, options) => {
            if (!String(url).endsWith("keep/drafts")) return send(url, options);
            window.fetch = send;
            throw new TypeError("an extension of this browser is broken");
        };"""
    )
    visitor.open("limits").says(re.compile("saved|Saved"))
    with visitor.page.expect_response(DRAFTS):
        visitor.text("Last").fill("sent all the same")
    visitor.says(SAVED)


def test_a_browser_that_blocks_all_cookies_is_told_at_once(cookieless: Page, typing_server: Server) -> None:
    visitor = Visitor(cookieless, typing_server).open("limits")
    visitor.says("This browser blocks cookies: a field is saved when you leave it")

    with visitor.noted():
        visitor.text("Last").fill("left")
        visitor.text("Last").press("Tab")
    visitor.reload()

    expect(visitor.text("Last")).to_have_value("left")
    visitor.says("This browser blocks cookies: a field is saved when you leave it")


@pytest.fixture
def portal(typing_server: Server, tmp_path: Path) -> Iterator[str]:
    """The address of another site on this machine, whose page shows one of ours in a frame."""
    frame = f'<iframe src="{typing_server.url}/limits" width="900" height="1200"></iframe>'
    (tmp_path / "index.html").write_text(frame)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as portal:
        thread = Thread(target=portal.serve_forever)
        thread.start()
        yield f"http://localhost:{portal.server_port}"
        portal.shutdown()
        thread.join()


def test_a_page_that_is_part_of_another_site_says_what_it_can_t_keep(visitor: Visitor, portal: str) -> None:
    visitor.page.goto(portal)

    status = visitor.page.frame_locator("iframe").locator(".st-key-keep-status time")
    expect(status).to_have_text("This browser blocks cookies: a field is saved when you leave it")
