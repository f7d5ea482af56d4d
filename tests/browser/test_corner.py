"""The corner, and a form's own foot, say "Saved" of what is kept and of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.visitor import Visitor
from tests.support.bake import BakedProject
from tests.support.server import Server, serving

pytestmark = pytest.mark.xdist_group("corner")  # one worker, one server

APP = Path(__file__).with_name("corner_app")
SAVED = re.compile(r"^Saved \d\d:\d\d$")


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves the pages of `corner_app` with the project's core."""
    environment = {"AUTH": "none", "PYTHONPATH": str(baked_default.path)}
    with serving(baked_default, tmp_path_factory.mktemp("corner"), app=str(APP / "app.py"), **environment) as running:
        yield running


@pytest.fixture
def visitor(visitor_in_used_tab: Visitor) -> Visitor:
    return visitor_in_used_tab


def number(visitor: Visitor, label: str) -> Locator:
    return visitor.page.get_by_role("spinbutton", name=label, exact=True)


class TestSave:
    """A form that is saved holds what its page shows, or isn't saved."""

    @pytest.fixture
    def visitor(self, visitor: Visitor, request: pytest.FixtureRequest) -> Visitor:
        visitor.open(f"order?form={request.node.name}").says(re.compile("All saved|Saved"))
        return visitor

    @staticmethod
    def saved(visitor: Visitor, **values: object) -> None:
        """Wait until this is what the form holds as saved."""
        expect(visitor.page.get_by_test_id("stCode")).to_have_text(json.dumps(values, sort_keys=True))

    @staticmethod
    def refused(visitor: Visitor, message: str) -> None:
        expect(visitor.page.get_by_test_id("stAlert")).to_have_text(f"Not saved: {message}")
        expect(visitor.page.locator("[class*=st-key-keep-saving-]")).to_contain_text("Check these fields: Many.")

    def test_what_its_field_refuses_is_named_and_nothing_else_is_saved_in_its_place(self, visitor: Visitor) -> None:
        number(visitor, "Many").fill("99")
        visitor.button("Save").click()

        self.refused(visitor, "Many: 99 is too large. Enter at most 9.")
        expect(number(visitor, "Many")).to_have_value("99")
        visitor.says("Not saved: Many: 99 is too large. Enter at most 9.")
        self.saved(visitor)

        number(visitor, "Many").fill("7")
        visitor.button("Save").click()
        self.saved(visitor, many=7, name="")
        expect(visitor.page.get_by_test_id("stAlert")).to_have_count(0)

    def test_what_was_refused_before_is_not_forgotten_with_the_next_edit(self, visitor: Visitor) -> None:
        number(visitor, "Many").fill("99")
        visitor.says(re.compile("^Not saved"))
        visitor.text("Name").fill("Ada")
        visitor.text("Name").press("Enter")
        visitor.settled()
        visitor.button("Save").click()

        self.refused(visitor, "Many: 99 is too large. Enter at most 9.")
        self.saved(visitor)

    def test_a_key_that_saves_leaves_no_field_and_saves_what_is_typed_there(self, visitor: Visitor) -> None:
        number(visitor, "Many").fill("7")
        visitor.text("Name").press_sequentially("Ada")
        visitor.page.keyboard.press("Control+s")

        self.saved(visitor, many=7, name="Ada")


class TestSaveOfHalves:
    @pytest.fixture
    def visitor(self, visitor: Visitor, request: pytest.FixtureRequest) -> Visitor:
        return settled(visitor, f"trip?form={request.node.originalname}")

    def test_half_a_span_is_named_and_nothing_is_saved_in_its_place(self, visitor: Visitor) -> None:
        month = visitor.page.get_by_role("spinbutton", name="month, Span end date")
        month.click()
        month.press("Backspace")
        month.press("Backspace")
        visitor.button("Save").click()

        message = "Not saved: Span: What you typed there isn't saved yet. Complete it, or wait a moment."
        expect(visitor.page.get_by_test_id("stAlert")).to_have_text(message)
        expect(visitor.page.get_by_test_id("stCode")).to_have_text("None")
        expect(month).to_have_text("mm")

        visitor.page.keyboard.press("Escape")
        month.click()
        visitor.page.keyboard.type("6")
        visitor.button("Save").click()
        expect(visitor.page.get_by_test_id("stCode")).to_have_text("2026-05-01")

    def test_what_was_typed_into_a_date_is_saved_with_the_button_that_leaves_it(self, visitor: Visitor) -> None:
        visitor.page.get_by_role("spinbutton", name="year, Day").click()
        visitor.page.keyboard.type("2031")
        visitor.button("Save").click()
        expect(visitor.page.get_by_test_id("stCode")).to_have_text("2031-05-01")


def settled(visitor: Visitor, path: str) -> Visitor:
    """Open a page of which everything is saved."""
    visitor.open(path).says(re.compile("^(All saved|Saved)"))
    return visitor


def type_kept(visitor: Visitor, label: str, text: str) -> None:
    """Type at the end of a field until it is kept, and leave it."""
    with visitor.page.expect_response("**/keep/drafts") as answer:
        visitor.type(label, text)
    assert answer.value.headers["keep-draft"] == "kept"
    visitor.text(label).press("Tab")
    visitor.settled()


def field(visitor: Visitor, name: str) -> Locator:
    return visitor.page.locator(f".st-key-{name}")


class TestUnsent:
    """What waits in the browser, in a form or in a field that is not left, is kept nowhere."""

    @pytest.mark.parametrize(
        ("name", "keys", "value"),
        [
            ("size", ["ArrowRight"], "1"),
            ("colour", ["ArrowDown", "ArrowDown", "Enter"], "blue"),
            ("gift", ["Space"], None),
            ("many", ["ArrowUp"], "1"),
            ("day", ["ArrowUp"], "2027"),
        ],
    )
    def test_what_keys_enter_in_a_form_waits_for_its_button(
        self, visitor: Visitor, name: str, keys: list[str], value: str | None
    ) -> None:
        settled(visitor, f"waiting?form={name}")
        part = field(visitor, f"{name}-{name}").locator("input, [role=spinbutton]").first
        part.focus()
        for key in keys:
            part.press(key)
        if name == "many":  # a number is typed text, which is kept while it waits
            visitor.says(SAVED)
        else:
            visitor.says("")
            type_kept(visitor, "Name", "kept meanwhile")
            type_kept(visitor, "Beside", "kept meanwhile")
            visitor.says("")
            visitor.button("Send").click()
            visitor.settled()
            visitor.says(SAVED)
        visitor.reload()
        if value is None:
            expect(part).to_be_checked()
        else:
            assert value in (part.input_value() if part.evaluate("part => 'value' in part") else part.inner_text())

    def test_what_waits_in_a_form_of_another_page_is_gone(self, visitor: Visitor) -> None:
        settled(visitor, "waiting?form=left")
        field(visitor, "left-gift").locator("label").click()
        visitor.says("")
        visitor.page.get_by_role("link", name="Order").last.click()
        visitor.arrived("Order")
        visitor.says(re.compile("^(All saved|Saved)"))

    def test_half_a_date_is_kept_nowhere(self, visitor: Visitor) -> None:
        settled(visitor, "halves")
        year = field(visitor, "halves-day").get_by_role("spinbutton").first
        year.click()
        visitor.says(re.compile("^(All saved|Saved)"))
        visitor.page.keyboard.type("203")
        visitor.says("")
        visitor.page.keyboard.type("0")
        with visitor.kept():
            visitor.page.get_by_role("heading").first.click()
        visitor.reload()
        expect(year).to_have_text("2030")

    def test_half_a_span_stays_on_the_page_and_is_kept_nowhere(self, visitor: Visitor) -> None:
        settled(visitor, "halves")
        month = field(visitor, "halves-span").get_by_role("spinbutton").nth(4)
        month.click()
        month.press("Backspace")
        month.press("Backspace")
        visitor.says("")
        visitor.page.get_by_role("heading").first.click()
        expect(month).to_have_text("mm")
        field(visitor, "halves-agree").locator("label").click()
        visitor.settled()
        visitor.says("")

    @pytest.mark.parametrize("name", ["colour", "colours"])
    def test_an_option_is_kept_once_it_is_chosen(self, visitor: Visitor, name: str) -> None:
        settled(visitor, "halves")
        box = field(visitor, f"halves-{name}").get_by_role("combobox")
        box.click()
        visitor.page.keyboard.type("purple")
        visitor.says("")
        visitor.page.keyboard.press("Escape")
        visitor.says(re.compile("^(All saved|Saved)"))
        box.click()
        visitor.page.keyboard.type("purple")
        with visitor.kept():
            visitor.page.keyboard.press("Enter")
        visitor.reload()
        expect(field(visitor, f"halves-{name}")).to_contain_text("purple" if name == "colours" else "Colour")
        if name == "colour":
            expect(box).to_have_value("purple")

    def test_a_colour_is_kept_once_its_palette_is_closed(self, visitor: Visitor) -> None:
        settled(visitor, "halves")
        field(visitor, "halves-paint").get_by_test_id("stColorPicker").get_by_role("button").click()
        palette = visitor.page.get_by_role("dialog")
        palette.get_by_role("textbox").first.fill("#123456")
        visitor.says("")
        with visitor.kept():
            visitor.page.keyboard.press("Escape")


class TestLater:
    """What is sent with the next message, or is under way for a while."""

    @pytest.fixture
    def visitor(self, visitor: Visitor, request: pytest.FixtureRequest) -> Visitor:
        return settled(visitor, f"later?form={request.node.originalname}")

    @staticmethod
    def ticked(visitor: Visitor) -> None:
        """Wait until the page has run by itself once more."""
        count = visitor.page.get_by_text(re.compile("^tick "))
        before = count.inner_text()
        expect(count).not_to_have_text(before)

    def test_half_a_date_is_none_however_often_the_page_runs_by_itself(self, visitor: Visitor) -> None:
        year = visitor.page.get_by_role("spinbutton", name="year, Day")
        year.click()
        visitor.page.keyboard.type("203")
        visitor.says("")
        self.ticked(visitor)
        self.ticked(visitor)
        visitor.says("")
        visitor.page.keyboard.type("1")
        with visitor.kept():
            visitor.page.get_by_role("heading").first.click()

    def test_a_file_is_kept_once_it_has_arrived(self, visitor: Visitor) -> None:
        held: list[Route] = []
        visitor.page.route("**/upload_file/**", lambda route: held.append(route))
        chooser = visitor.page.get_by_test_id("stFileUploaderDropzoneInput").first
        with visitor.page.expect_request("**/upload_file/**"):
            chooser.set_input_files({"name": "note.txt", "mimeType": "text/plain", "buffer": b"a note"})
        visitor.says("")
        self.ticked(visitor)
        visitor.says("")
        with visitor.kept():
            for route in held:
                route.continue_()
        visitor.reload()
        expect(visitor.page.get_by_text("note.txt").first).to_be_visible()

    def test_a_recording_is_kept_once_it_has_ended(self, visitor: Visitor) -> None:
        sound = visitor.page.get_by_test_id("stAudioInput")
        sound.get_by_role("button", name="Record", exact=True).click()
        visitor.says("")
        with visitor.kept():
            sound.get_by_role("button", name="Stop recording").click()

    def test_a_file_beside_a_message_is_kept_once_that_is_sent(self, visitor: Visitor) -> None:
        chooser = visitor.page.get_by_test_id("stChatInput").locator("input[type=file]")
        chooser.set_input_files({"name": "note.txt", "mimeType": "text/plain", "buffer": b"a note"})
        visitor.says("")
        box = visitor.page.get_by_test_id("stChatInputTextArea")
        with visitor.page.expect_response("**/keep/drafts"):
            box.press_sequentially("look at this")
        visitor.says("")


class TestIgnored:
    def test_a_choice_without_a_run_waits_for_the_next_message(self, visitor: Visitor) -> None:
        settled(visitor, "ignored")
        field(visitor, "ignored-ignored").locator("label").click()
        visitor.says("")
        with visitor.kept():
            visitor.page.get_by_text("Heard", exact=True).click()
        visitor.reload()
        expect(visitor.page.get_by_role("checkbox", name="Ignored")).to_be_checked()


class TestPlain:
    """What nobody keeps, changed where only a part of the page runs."""

    @pytest.fixture
    def visitor(self, visitor: Visitor) -> Visitor:
        settled(visitor, "parts")
        type_kept(visitor, "Kept", "a")
        visitor.says(SAVED)
        return visitor

    @pytest.mark.parametrize("button", ["Add", "Add here"])
    def test_what_a_button_adds_is_not_said_to_be_saved(self, visitor: Visitor, button: str) -> None:
        visitor.button("Nothing").click()
        expect(visitor.page.get_by_text("Nothing was done")).to_be_visible()
        visitor.says(SAVED)
        visitor.button(button).click()
        visitor.says("")
        with visitor.kept():
            field(visitor, "parts-agree").locator("label").click()
        visitor.says(SAVED)

    @pytest.mark.parametrize(("opened", "label"), [("More", "tick"), ("Ask", "really")])
    def test_what_a_plain_widget_there_holds_is_not_said_to_be_saved(
        self, visitor: Visitor, opened: str, label: str
    ) -> None:
        visitor.button(opened).click()
        field(visitor, label).locator("label").click()
        visitor.says("")

    def test_what_is_refused_there_is_said_until_it_is_corrected(self, visitor: Visitor) -> None:
        number(visitor, "Many").fill("99")
        number(visitor, "Many").press("Tab")
        visitor.says("Not saved: Many: 99 is too large. Enter at most 9.")
        with visitor.kept():
            number(visitor, "Many").fill("8")
            number(visitor, "Many").press("Tab")


class TestHidden:
    """A field that is taken out of the page and put back, without a run, shows what was typed there."""

    @pytest.fixture
    def visitor(self, visitor: Visitor, request: pytest.FixtureRequest) -> Visitor:
        settled(visitor, f"hidden?form={request.node.originalname}")
        self.open(visitor)
        return visitor

    @staticmethod
    def open(visitor: Visitor) -> None:
        visitor.button("More").click()
        expect(visitor.text("Note")).to_be_visible()

    @staticmethod
    def close(visitor: Visitor) -> None:
        visitor.page.keyboard.press("Escape")
        expect(visitor.text("Note")).to_have_count(0)

    def test_what_was_kept_is_there_and_one_types_on(self, visitor: Visitor) -> None:
        with visitor.page.expect_response("**/keep/drafts"):
            visitor.type("Note", "hello")
        visitor.says(SAVED)
        for more in (" you", " there"):
            self.close(visitor)
            self.open(visitor)
            expect(visitor.text("Note")).to_have_value(re.compile("^hello"))
            with visitor.page.expect_response("**/keep/drafts"):
                visitor.type("Note", more)
        visitor.says(SAVED)
        visitor.reload()
        self.open(visitor)
        expect(visitor.text("Note")).to_have_value("hello you there")

    def test_so_is_what_was_typed_just_before(self, visitor: Visitor) -> None:
        visitor.text("Note").press_sequentially("hello")
        self.close(visitor)
        self.open(visitor)
        expect(visitor.text("Note")).to_have_value("hello")
        visitor.says(SAVED)

    def test_so_is_what_the_page_has_run_with_meanwhile(self, visitor: Visitor) -> None:
        with visitor.page.expect_response("**/keep/drafts"):
            visitor.type("Note", "hello")
        self.close(visitor)
        with visitor.kept():
            visitor.page.get_by_text("Agree", exact=True).click()
        self.open(visitor)
        expect(visitor.text("Note")).to_have_value("hello")

    def test_so_is_what_was_refused_and_it_can_be_corrected(self, visitor: Visitor) -> None:
        number(visitor, "Many").fill("99")
        visitor.says(re.compile("^Not saved: Many: 99"))
        self.close(visitor)
        visitor.says(re.compile("^Not saved: Many: 99"))
        self.open(visitor)
        expect(number(visitor, "Many")).to_have_value("99")
        number(visitor, "Many").fill("9")
        visitor.says(SAVED)

    def test_what_the_page_has_put_there_meanwhile_stays(self, visitor: Visitor) -> None:
        with visitor.page.expect_response("**/keep/drafts"):
            visitor.type("Note", "hello")
        self.close(visitor)
        visitor.button("Clear").click()
        visitor.settled()
        self.open(visitor)
        expect(visitor.text("Note")).to_have_value("")


def test_two_widgets_of_one_field_show_the_same_once_it_is_left(visitor: Visitor) -> None:
    settled(visitor, "twice")
    for here, there, text in (("One", "Two", "first"), ("Two", "One", " second"), ("One", "Two", " third")):
        before = visitor.text(here).input_value()
        type_kept(visitor, here, text)
        expect(visitor.text(there)).to_have_value(before + text)
        expect(visitor.text(here)).to_have_value(before + text)


def test_a_key_like_one_of_ours_is_told_from_it(visitor: Visitor) -> None:
    visitor.open("named").says("")
    expect(visitor.page.get_by_text("Lost on reload")).to_contain_text("keep-me")
    type_kept(visitor, "Kept", "a")
    visitor.says(SAVED)
    visitor.text("Mine").fill("b")
    visitor.text("Mine").press("Tab")
    visitor.settled()
    visitor.says("")
    visitor.button("Nothing").click()
    visitor.settled()
    visitor.says("")


def test_a_key_that_is_a_field_s_on_another_page_is_a_plain_widget_s_here(visitor: Visitor) -> None:
    settled(visitor, "twice")
    type_kept(visitor, "One", "kept")
    visitor.page.get_by_role("link", name="Named").last.click()
    visitor.arrived("Named")
    visitor.text("Another").fill("plain")
    visitor.text("Another").press("Tab")
    expect(visitor.page.get_by_test_id("stCode")).to_have_text("plain")
    expect(visitor.text("Another")).to_have_value("plain")
    visitor.says("")


def test_what_waits_in_a_form_of_a_dialog_waits_for_its_button(visitor: Visitor) -> None:
    settled(visitor, "parts")
    visitor.button("Write").click()
    field(visitor, "parts-sure").locator("label").click()
    visitor.says("")
    type_kept(visitor, "Answer", "b")
    visitor.says("")
    with visitor.kept():
        visitor.button("Reply").click()
