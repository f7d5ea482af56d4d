"""Undo by button and by keys, over a reload."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import Visitor


def button(visitor: Visitor, which: str) -> Locator:
    return visitor.page.locator(f".st-key-keep-{which}-intake button").first  # Streamlit has a second one for phones


def begun(visitor: Visitor, username: str) -> Visitor:
    visitor.open("intake").sign_in(username).arrived("New request")
    expect(button(visitor, "undo")).to_be_disabled()
    visitor.write("Name", "Ada")
    visitor.write("Email", "ada@example.org")
    visitor.write("Name", "Ada Lovelace")
    return visitor


def test_the_keys_undo_and_redo_outside_of_text_fields_also_after_a_reload(
    visit: NewTab, new_person: NewPerson
) -> None:
    visitor = begun(visit(), new_person())
    visitor.page.get_by_role("heading", name="New request").first.click()
    visitor.page.keyboard.press("Control+z")
    expect(visitor.text("Name")).to_have_value("Ada")
    visitor.settled()
    visitor.page.keyboard.press("Control+z")
    expect(visitor.text("Email")).to_have_value("")
    visitor.settled()
    visitor.reload()
    expect(visitor.text("Email")).to_have_value("")
    visitor.page.keyboard.press("Control+Shift+Z")
    expect(visitor.text("Email")).to_have_value("ada@example.org")
    visitor.settled()
    visitor.page.keyboard.press("Control+Shift+Z")
    expect(visitor.text("Name")).to_have_value("Ada Lovelace")
    expect(button(visitor, "redo")).to_be_disabled()


def test_the_key_that_undoes_redoes_nothing_where_all_is_undone(visit: NewTab, new_person: NewPerson) -> None:
    visitor = begun(visit(), new_person())
    visitor.page.get_by_role("heading", name="New request").first.click()
    for label, value in (("Name", "Ada"), ("Email", ""), ("Name", "")):
        visitor.page.keyboard.press("Control+z")
        expect(visitor.text(label)).to_have_value(value)
        visitor.settled()
    expect(button(visitor, "undo")).to_be_disabled()
    expect(button(visitor, "redo")).to_be_enabled()
    visitor.page.keyboard.press("Control+z")
    visitor.settled()
    expect(visitor.text("Name")).to_have_value("")


def test_what_is_chosen_again_right_after_an_undo_stays(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open("intake").sign_in(new_person()).arrived("New request")
    sent: list[bytes] = []
    visitor.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(bytes(frame))))
    visitor.reload()
    box = visitor.page.get_by_role("switch", name="Tell me by email")
    for _ in range(2):
        visitor.page.get_by_text("Tell me by email").click()
        expect(box).to_be_checked()
        visitor.settled()
        button(visitor, "undo").click()
        expect(box).not_to_be_checked()
    visitor.page.get_by_text("Tell me by email").click()
    visitor.settled()
    expect(box).to_be_checked()
    numbers = [int.from_bytes(frame[-4:], "little") for frame in sent if frame[-6:-4] == b"\xc5\x3e"]
    assert numbers[:5] == [1, 2, 3, 4, 5], "the messages carry their numbers"
    visitor.reload()
    expect(box).to_be_checked()
