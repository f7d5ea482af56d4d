"""Test the pages of a project without a browser: sign in, open a page, fill, press, reload, and read what it shows.

    def test_a_half_filled_form_is_there_again(app: TestApp) -> None:
        page = app.sign_in("intake.use").open("intake")
        page.fill("Your name", "Ada")
        page.reload()
        assert page.value("Your name") == "Ada"

The project's `conftest.py` loads the fixtures: `pytest_plugins = ["core.testing.fixtures"]`. Each test has an empty
SQLite database, a journal and files of its own, and a clock that stands still until `app.clock.advance(seconds)`.
"""

from core.testing.app import Person, TestApp
from core.testing.page import Page

__all__ = ["Page", "Person", "TestApp"]
