"""How often people got their work back: counted without a write per run, and added up over days and processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from core.clock import FakeClock, HybridClock
from core.services import Services
from core.storage.database import open_database
from core.storage.models import Base
from core.storage.recoveries import BOUNDS_MS, Recoveries, together

FIRST = date(2026, 1, 1)


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_two_processes_and_two_days_are_added_up_and_writing_again_changes_nothing(
    database: Engine, clock: FakeClock
) -> None:
    old = HybridClock(clock).tick()
    clock.advance(60)
    one, other = Recoveries(database, clock), Recoveries(database, clock)
    clock.advance(60)
    one.note(seconds=0.004, fields=3, last_stamp=old)
    other.note(seconds=0.004, fields=2, last_stamp=HybridClock(clock).tick())
    for _ in range(2):
        one.write()
        other.write()
    clock.advance(86400)
    one.note(seconds=0.004, fields=1, last_stamp=old)
    one.write()
    one.write()

    days = one.by_day(FIRST)
    assert {day.day: (of.recovered, of.after_start, of.fields) for day, of in days.items()} == {
        1: (2, 1, 5),
        2: (1, 1, 1),
    }
    assert together(days.values()).recovered == 3
    one.close()
    other.close()


def test_a_share_is_told_as_the_bound_it_does_not_exceed(database: Engine, clock: FakeClock) -> None:
    recoveries = Recoveries(database, clock)
    for milliseconds in [4] * 94 + [40] * 5 + [BOUNDS_MS[-1] + 1]:
        recoveries.note(seconds=milliseconds / 1000, fields=1, last_stamp="")
    recoveries.write()
    (day,) = recoveries.by_day(FIRST).values()

    assert [day.at_most_ms(share) for share in (0.5, 0.94, 0.95, 1.0)] == [5, 5, 50, float("inf")]
    recoveries.close()


def test_a_page_with_nothing_to_bring_back_is_no_recovery(as_admin: Services) -> None:
    page = """
from core import bootstrap_session, ui

bootstrap_session()
ui.text_input("Name", form="profile", field="name")
"""
    AppTest.from_string(page).run().text_input[0].set_value("Ada").run()
    as_admin.recoveries.write()
    today = as_admin.clock.now().date()
    before = together(as_admin.recoveries.by_day(today).values())
    AppTest.from_string(page).run()
    as_admin.recoveries.write()
    after = together(as_admin.recoveries.by_day(today).values())

    assert (before.recovered, before.fields) == (0, 0)
    assert (after.recovered, after.after_start, after.fields) == (1, 0, 1)
