"""Takes the pictures of `docs/images` from a real project in a real browser: `make screenshots`, after `make test`.

One of them moves: it shows what is typed before and after a reload and the death of the server.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image, ImageDraw, ImageFont  # noqa: E402
from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402

from tests.browser.test_nothing_is_lost import fill_half  # noqa: E402
from tests.browser.visitor import PASSWORD, Visitor  # noqa: E402
from tests.conftest import INSTALLED  # noqa: E402
from tests.support.bake import BakedProject  # noqa: E402
from tests.support.browser import ARGUMENTS, find_chromium  # noqa: E402
from tests.support.server import serving  # noqa: E402

IMAGES = ROOT / "docs" / "images"


class Film:
    """An animated picture: what the page shows at some moments, each for a while, with a sentence below it."""

    size, caption_height = (960, 540), 56

    def __init__(self, page: Page) -> None:
        self.page = page
        self._frames: list[tuple[Image.Image, int]] = []

    def show(self, caption: str, milliseconds: int) -> None:
        width, height = self.size
        frame = Image.new("RGB", (width, height + self.caption_height), "#1f6f5c")
        frame.paste(Image.open(io.BytesIO(self.page.screenshot(animations="disabled", caret="initial"))), (0, 0))
        font = ImageFont.load_default(size=24)
        ImageDraw.Draw(frame).text((width / 2, height + self.caption_height / 2), caption, "white", font, anchor="mm")
        self._frames.append((frame, milliseconds))

    def type(self, caption: str, label: str, text: str) -> None:
        """Type into a field, two keys a frame."""
        field = self.page.get_by_role("textbox", name=label, exact=True)
        field.click()
        for begin in range(0, len(text), 2):
            field.press_sequentially(text[begin : begin + 2])
            self.show(caption, 150)

    def save(self, path: Path) -> None:
        first, *others = [frame for frame, _ in self._frames]
        durations = [milliseconds for _, milliseconds in self._frames]
        first.save(path, save_all=True, append_images=others, duration=durations, loop=0, quality=70, method=6)


def film(visitor: Visitor, path: Path) -> None:
    """Type, F5, it is there; type on, kill the server, start it again, it is there."""
    page = visitor.page
    page.set_viewport_size({"width": Film.size[0], "height": Film.size[1]})
    visitor.open("intake").arrived("New request")
    moving = Film(page)
    moving.show("A form of a fresh project", 600)
    moving.type("Type something …", "Name", "Ada Lovelace")
    visitor.says(re.compile("Saved"))
    moving.show("… the corner says that it is saved …", 900)
    page.reload(wait_until="commit")
    moving.show("… press F5 …", 500)
    visitor.settled()
    expect(visitor.text("Name")).to_have_value("Ada Lovelace")
    moving.show("… and it is there.", 1500)
    moving.type("Type on …", "Email", "ada@exa")
    connection = visitor.connection
    visitor.server.kill()
    moving.type("… kill -9 the server in the middle of a word …", "Email", "mple.org")
    visitor.says(re.compile("Offline"))
    moving.show("… it waits in the browser …", 1100)
    visitor.server.start()
    visitor.goes_on_after(connection)
    expect(visitor.text("Email")).to_have_value("ada@example.org")
    visitor.says(re.compile("saved|Saved"))
    moving.show("… start the server again: all of it is there.", 2500)
    moving.save(path)


def main() -> int:
    project = BakedProject(path=INSTALLED / "streamlit_keep", answers={}, output="")
    if not (project.path / ".venv").exists():
        print("There is no installed project to take pictures of. Run: make test", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    chromium = find_chromium()
    with (
        tempfile.TemporaryDirectory() as data,
        serving(project, Path(data)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        server.manage("createuser", "ada", "--name", "Ada Lovelace", "--keep-password", "--password", PASSWORD)
        filmed = Visitor(browser.new_context(viewport={"width": 960, "height": 540}).new_page(), server).open()
        filmed.sign_in("ada").page.locator(".st-key-keep-user").wait_for(state="attached")
        filmed.settled()
        film(filmed, IMAGES / "kept.webp")
        if sys.argv[1:] == ["film"]:
            return 0
        page = browser.new_context(viewport={"width": 1280, "height": 860}, device_scale_factor=1.5).new_page()
        visitor = Visitor(page, server).open()
        visitor.sign_in("admin", project.secrets()["ADMIN_INITIAL_PASSWORD"])
        visitor.choose_password()
        page.locator(".st-key-keep-user").wait_for()
        visitor.settled()
        page.screenshot(path=IMAGES / "home.png")
        page.emulate_media(color_scheme="dark")
        visitor.open("intake").arrived("New request")
        fill_half(visitor)
        visitor.scroll_to(0)
        page.mouse.move(0, 0)
        page.screenshot(path=IMAGES / "intake.png")
        for username, name, at in (("grace", "Grace Hopper", "insights"), ("alan", "Alan Turing", "intake")):
            server.manage("createuser", username, "--name", name, "--keep-password", "--password", PASSWORD)
            other = Visitor(browser.new_context().new_page(), server).open().sign_in(username)
            other.page.locator(".st-key-keep-user").wait_for()
            other.open(at)
        page.emulate_media(color_scheme="light")
        visitor.open("admin-sessions").arrived("Sessions")
        page.set_viewport_size({"width": 1280, "height": 640})
        page.screenshot(path=IMAGES / "sessions.png")
        browser.close()
    print(f"Wrote kept.webp, home.png, intake.png and sessions.png into {IMAGES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
