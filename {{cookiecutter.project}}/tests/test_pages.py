"""Every page of the project, your own included, as each kind of visitor sees it."""

from __future__ import annotations

from core.discovery import discover
from core.testing import TestApp

PAGES = [page.name for page in discover()]


def test_an_administrator_can_open_every_page(app: TestApp) -> None:
    page = app.sign_in(role="admin").open(PAGES[0])
    for name in PAGES:
        page.go_to(name)
        assert page.title, f"{name} has no title"
        assert not any("can't be shown" in text for text in (page.title, *page.messages)), page.text


def test_a_person_without_a_role_is_shown_no_page_that_requires_a_permission(app: TestApp) -> None:
    page = app.sign_in().open(PAGES[0])
    for spec in app.pages:
        page.go_to(spec.name)
        assert ("Not allowed" in page.title) == bool(spec.permissions), spec.name


def test_a_stranger_is_asked_to_sign_in_on_every_page(app: TestApp) -> None:
    page = app.stranger().open(PAGES[0])
    for name in PAGES:
        page.go_to(name)
        assert page.value("Username") == "", name
        assert "Sign in" in page.buttons, name


def test_a_sign_in_ends_after_the_longest_time(app: TestApp) -> None:
    page = app.sign_in(role="admin").open(PAGES[0])
    assert page.title
    app.clock.advance(app.services.settings.session_absolute_timeout + 60)
    page.run()

    assert not page.title
    assert not page.buttons
