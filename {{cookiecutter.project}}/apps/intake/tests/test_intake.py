"""What the pages of intake do, tried as a person would."""

from __future__ import annotations

import io

import pytest

from apps.intake.requests import FORM, Request
from core import ui
from core.accounts import COMMAND_LINE
from core.files import FileRef
from core.personal import erase_person
from core.services import Services
from core.validation import check
from tests.pages import go, open_page, press

pytestmark = pytest.mark.usefixtures("as_admin")

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
"""What the form keeps of a whole request."""


def test_a_step_that_lacks_something_says_what_and_stays() -> None:
    tab = press(open_page("intake"), "Next")

    assert [message.value for message in tab.error] == ["Please fill this in."] * 2
    assert tab.subheader[0].value == "Contact"


def test_from_the_first_step_to_the_list_of_requests() -> None:
    tab = open_page("intake")
    tab.text_input[0].set_value("Ada").run()
    tab.pills[0].set_value("Harbour").run()
    press(tab, "Next")
    assert tab.subheader[0].value == "Need"
    tab.segmented_control[0].set_value("Repair").run()
    tab.text_area[0].set_value("The display flickers.").run()
    press(tab, "Next")
    tab.checkbox[0].check().run()
    press(tab, "Next")
    assert tab.subheader[0].value == "Review"
    press(tab, "Submit")

    assert tab.title[0].value == "My requests"
    assert "is saved" in tab.success[0].value
    assert any("The display flickers." in text.value for text in tab.text)
    assert go(tab, "intake").text_input[0].value == ""


def test_what_is_reviewed_and_listed_is_what_was_entered_and_its_files_stay(as_admin: Services) -> None:
    tab = open_page("intake")
    local = as_admin.accounts.find("local")
    assert local is not None
    session = as_admin.engine.open(local.session_id, local.user_id)
    digest, size = as_admin.files.keep(io.BytesIO(b"a plan"))
    plan = FileRef(digest=digest, name="plan.txt", type="text/plain", size=size)
    for name, value in {**REQUEST, "attachments": [plan]}.items():
        session.set_field(FORM, name, value)
    go(tab, "intake", step="review")
    assert {REQUEST["reason"], "1 of 5 stars", "plan.txt"} <= {text.value for text in tab.text}
    assert tab.dataframe[0].value.to_dict("records") == [{"what": "Monitor", "how_many": 2, "price": 250.5}]
    press(tab, "Submit")

    (listed,) = (text.value for text in tab.text)
    assert listed == f"{REQUEST['reason']}\n2 × Monitor, 250.50 € each"
    assert as_admin.engine.open(local.session_id).form(FORM).values == {}
    as_admin.files.erase({digest: as_admin.clock.now()}, list)
    assert as_admin.files.read(digest) == b"a plan", "only the request refers to it"
    for page in ("intake-submitted", "home-data"):
        downloads = [button.label for button in go(tab, page).get("download_button")]
        assert any(ui.plain("plan.txt") in label or "with the file" in label for label in downloads), page
    erase_person(as_admin, local, by=COMMAND_LINE).remove()
    assert list(as_admin.files.store.digests()) == []


def test_what_is_asked_only_about_equipment_counts_only_there() -> None:
    repair = {**REQUEST, "kind": "Repair", "items": [{"what": ""}], "extras": ["Headset"]}
    checked = check(Request, repair)
    assert checked.value is not None
    assert (checked.value.items, checked.value.extras) == ([], [])


def test_a_half_filled_form_is_there_again_in_a_new_tab() -> None:
    open_page("intake").text_input[0].set_value("Ada").run()

    assert open_page("intake").text_input[0].value == "Ada"
    assert any("Not submitted yet" in text.value for text in open_page("home").markdown)


def test_a_version_can_be_kept_and_restored() -> None:
    tab = open_page("intake")
    tab.text_input[0].set_value("first").run()
    press(tab, "Keep this version")
    tab.text_input[0].set_value("second").run()
    next(button for button in tab.button if button.label.startswith("Go back to")).click().run()

    assert tab.text_input[0].value == "first"
