"""What the page of insights shows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from apps.intake.requests import RequestRow
from core.services import Services
from tests.pages import open_page


def test_a_request_counts_as_soon_as_it_is_stored(as_admin: Services) -> None:
    before = int(open_page("insights").metric[0].value.replace(",", ""))
    texts = dict.fromkeys(("session_id", "kind", "urgency", "reason"), "") | {"site": "Harbour", "category": "Laptop"}
    row = RequestRow(number="R-1", at=datetime.now(UTC), more="{}", **texts)
    with Session(as_admin.database) as database:
        database.add(row)
        database.commit()

    assert int(open_page("insights").metric[0].value.replace(",", "")) == before + 1


@pytest.mark.usefixtures("as_admin")
def test_filters_are_there_again() -> None:
    open_page("insights").multiselect[0].set_value(["Laptop"]).run()

    assert open_page("insights").multiselect[0].value == ["Laptop"]
