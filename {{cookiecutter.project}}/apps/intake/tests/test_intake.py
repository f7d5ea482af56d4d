"""The form of requests, tried as a person would."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from apps.intake.requests import Request, RequestRow
from core.testing import Page, Person, TestApp


@pytest.fixture
def ada(app: TestApp) -> Person:
    return app.sign_in("home.*", "intake.*")


def fill_in_contact(page: Page) -> None:
    page.fill("Name", "Ada")
    page.fill("Site", "Harbour")
    page.press("Next")


def submit(page: Page) -> None:
    """Go on from the step about the need."""
    page.press("Next")
    page.fill("The budget is agreed with my lead", True)
    page.press("Next")
    page.press("Submit")


def test_a_step_that_lacks_something_says_what_and_stays(ada: Person) -> None:
    page = ada.open("intake")
    page.press("Next")

    assert page.messages == ["Please fill this in."] * 2
    assert "Contact" in page.text


def test_a_request_goes_from_the_first_step_to_the_list(ada: Person) -> None:
    page = ada.open("intake")
    fill_in_contact(page)
    page.fill("What is it about?", "Repair")
    page.fill("What is it for?", "$100 … $200 for *one* of [these](https://example.org)")
    submit(page)

    assert page.title == "My requests"
    assert any("is saved" in message for message in page.messages)
    assert "$100 … $200 for *one* of [these](https://example.org)" in page.text
    page.go_to("intake")
    assert page.value("Name") == ""


def test_a_half_filled_form_is_there_again_after_a_reload(ada: Person) -> None:
    page = ada.open("intake")
    page.fill("Name", "Ada")
    page.reload()

    assert page.value("Name") == "Ada"
    page.go_to("home")
    assert "Started but not submitted" in page.text


def test_a_version_can_be_kept_and_restored(ada: Person) -> None:
    page = ada.open("intake")
    page.fill("Name", "first")
    page.press("Save this version")
    page.fill("Name", "second")
    page.press(next(label for label in page.buttons if label.startswith("Restore")))

    assert page.value("Name") == "first"


def test_an_attachment_stays_with_its_request(app: TestApp, ada: Person) -> None:
    page = ada.open("intake")
    fill_in_contact(page)
    page.fill("What is it about?", "Repair")
    page.fill("What is it for?", "It flickers, as the file shows")
    page.upload("Attachments", ("plan.txt", b"a plan", "text/plain"))
    page.reload()
    page.go_to("intake", step="need")
    submit(page)

    with app.database() as database:
        (request,) = database.scalars(select(RequestRow)).all()
        (plan,) = request.enclosed.attachments
        assert app.services.files.read(plan.digest) == b"a plan"


def test_items_count_only_in_requests_for_equipment() -> None:
    repair = Request.model_validate(
        {
            "name": "Ada",
            "site": "Harbour",
            "kind": "Repair",
            "category": "Monitor",
            "reason": "It flickers",
            "items": [{"what": ""}],
            "extras": ["Headset"],
            "urgency": "Today",
            "impact": "Nobody waits",
            "agreed": True,
        }
    )
    assert (repair.items, repair.extras) == ([], [])
