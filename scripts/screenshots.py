"""Takes the pictures of `docs/images` from a real project in a real browser: `make screenshots`, after `make test`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.test_nothing_is_lost import fill_half  # noqa: E402
from tests.browser.visitor import PASSWORD, Visitor  # noqa: E402
from tests.conftest import INSTALLED  # noqa: E402
from tests.support.bake import BakedProject  # noqa: E402
from tests.support.browser import ARGUMENTS, find_chromium  # noqa: E402
from tests.support.server import serving  # noqa: E402

IMAGES = ROOT / "docs" / "images"


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
    print(f"Wrote home.png, intake.png and sessions.png into {IMAGES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
