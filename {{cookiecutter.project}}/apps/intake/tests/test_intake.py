"""The form of requests, tried as a person would."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import select

from apps.intake.requests import FORM, Request, RequestRow
from core.accounts import COMMAND_LINE
from core.files import FileRef
from core.personal import erase_person
from core.testing import Page, Person, TestApp
from core.validation import check

REQUEST = {
    "name": "Ada",
    "site": "Harbour",
    "kind": "New equipment",
    "category": "Monitor",
    "reason": "$100 … $200 for *one* of [these](https://example.org)",
    "items": {"rows": {}, "added": {"a-0": {"what": "Monitor", "how_many": 2, "price": 250.5}}},
    "urgency": "Today",
    "impact": "Nobody waits",
    "agreed": True,
    "last_time": 0,
}
"""The values of a complete form, as the session stores them."""


@pytest.fixture
def ada(app: TestApp) -> Person:
    return app.sign_in("home.*", "intake.*")


def fill_in_contact(page: Page) -> None:
    page.fill("Name", "Ada")
    page.fill("Site", "Harbour")
    page.press("Next")


def test_a_step_that_lacks_something_says_what_and_stays(ada: Person) -> None:
    page = ada.open("intake")
    page.press("Next")

    assert page.messages == ["Please fill this in."] * 2
    assert "Contact" in page.text


def test_a_request_goes_from_the_first_step_to_the_list(ada: Person) -> None:
    page = ada.open("intake")
    fill_in_contact(page)
    page.fill("What is it about?", "Repair")
    page.fill("What is it for?", "The display flickers.")
    page.press("Next")
    page.fill("The budget is agreed with my lead", True)
    page.press("Next")
    assert "Review" in page.text
    page.press("Submit")

    assert page.title == "My requests"
    assert any("is saved" in message for message in page.messages)
    assert "The display flickers." in page.text
    page.go_to("intake")
    assert page.value("Name") == ""


def test_a_half_filled_form_is_there_again_after_a_reload(ada: Person) -> None:
    page = ada.open("intake")
    page.fill("Name", "Ada")
    page.reload()

    assert page.value("Name") == "Ada"
    page.go_to("home")
    assert "Not submitted yet" in page.text


def test_a_version_can_be_kept_and_restored(ada: Person) -> None:
    page = ada.open("intake")
    page.fill("Name", "first")
    page.press("Keep this version")
    page.fill("Name", "second")
    page.press(next(label for label in page.buttons if label.startswith("Go back to")))

    assert page.value("Name") == "first"


def test_files_stay_with_the_request_that_they_came_with(app: TestApp, ada: Person) -> None:
    assert ada.user is not None
    session = app.services.engine.open(ada.user.session_id, ada.user.user_id)
    digest, size = app.services.files.keep(io.BytesIO(b"a plan"))
    plan = FileRef(digest=digest, name="plan.txt", type="text/plain", size=size)
    for name, value in {**REQUEST, "attachments": [plan]}.items():
        session.set_field(FORM, name, value)
    page = ada.open("intake", step="review")
    assert REQUEST["reason"] in page.text
    assert page.rows() == [{"what": "Monitor", "how_many": 2, "price": 250.5}]
    page.press("Submit")

    assert "2 × Monitor, 250.50 € each" in page.text
    app.services.files.erase({digest: app.services.clock.now()}, list)
    assert app.services.files.read(digest) == b"a plan", "only the request refers to it"
    erase_person(app.services, ada.user, by=COMMAND_LINE).remove()
    with app.database() as database:
        assert database.scalars(select(RequestRow)).all() == []


def test_items_count_only_in_requests_for_equipment() -> None:
    repair = {**REQUEST, "kind": "Repair", "items": [{"what": ""}], "extras": ["Headset"]}
    checked = check(Request, repair)
    assert checked.value is not None
    assert (checked.value.items, checked.value.extras) == ([], [])
