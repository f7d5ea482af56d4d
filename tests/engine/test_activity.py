"""What people do is added up by day and page: once, however often and wherever it is taken in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from core.clock import FakeClock
from core.services import Services, build_services
from core.session import UserSession
from core.settings import Settings
from core.state.changes import Change
from core.state.counts import ELSEWHERE, LONGEST_PAUSE, by_page, count
from core.storage.activity import ALL_PAGES, KEPT_DAYS
from core.storage.models import Base
from core.web.housekeeping import clean_up

FIRST = date(2026, 1, 1)


@pytest.fixture
def project(
    database_url: str, make_settings: Callable[..., Settings], clock: FakeClock
) -> Iterator[Callable[..., Services]]:
    """Servers of one project, each with a journal of its own."""
    opened: list[Services] = []

    def server(**changes: object) -> Services:
        folder = make_settings().journal_path.parent
        changes.setdefault("journal_path", folder / f"journal{len(opened)}.db")
        settings = make_settings(database_url=database_url, **changes)
        services = build_services(settings, clock)
        Base.metadata.create_all(services.database)
        opened.append(services)
        return services

    yield server
    for services in opened:
        services.close()


def tab(services: Services, person: str, name: str = "t") -> UserSession:
    session = services.engine.open(person, person)
    session.attach_tab(name)
    return session


def totals(services: Services) -> dict[tuple[str, str], tuple[int, int, int, float]]:
    return {
        (day.day.isoformat(), day.page): (day.people, day.page_views, day.interactions, day.seconds)
        for day in services.activity.days(FIRST)
    }


def count_all(services: Services) -> None:
    services.engine.flush()
    while services.activity.take_in(2):
        pass
    services.activity.add_up()


def work(session: UserSession, clock: FakeClock) -> None:
    session.visit("home")
    clock.advance(20)
    session.visit("intake")
    clock.advance(40)
    session.set_field("intake", "name", "Ada")
    clock.advance(LONGEST_PAUSE + 1)
    session.set_field("intake", "name", "Ada L.")


def test_a_day_is_added_up_by_page_and_for_all(project: Callable[..., Services], clock: FakeClock) -> None:
    services = project()
    work(tab(services, "ada"), clock)
    tab(services, "ada", "second tab").visit("home")
    tab(services, "bob").visit("home")
    count_all(services)

    assert totals(services) == {
        ("2026-01-01", "home"): (2, 3, 0, 20.0),
        ("2026-01-01", "intake"): (1, 1, 2, 40.0),
        ("2026-01-01", ALL_PAGES): (2, 4, 2, 60.0),
    }


def test_counting_again_and_in_another_process_changes_nothing(
    project: Callable[..., Services], clock: FakeClock
) -> None:
    one, other = project(), project()
    work(tab(one, "ada"), clock)
    count_all(one)
    before = totals(one)
    with one.database.begin() as connection:
        connection.exec_driver_sql("UPDATE sessions SET counted = 0")
    count_all(other)
    count_all(one)

    assert totals(one) == before


def test_what_a_server_brings_late_is_still_counted(project: Callable[..., Services], clock: FakeClock) -> None:
    here, cut_off = project(), project()
    work(tab(cut_off, "ada", "there"), clock)
    work(tab(here, "ada", "here"), clock)
    count_all(here)
    clock.advance(3 * 86400)
    tab(here, "ada", "here").visit("home")
    count_all(here)
    cut_off.engine.flush()
    count_all(here)

    assert totals(here)["2026-01-01", "intake"] == (1, 2, 4, 80.0)
    assert totals(here)["2026-01-04", ALL_PAGES][:2] == (1, 1)


def test_who_is_deleted_leaves_no_row_and_the_days_stay_what_they_were(
    project: Callable[..., Services], clock: FakeClock
) -> None:
    services = project()
    work(tab(services, "ada"), clock)
    tab(services, "bob").visit("home")
    count_all(services)
    before = totals(services)
    services.engine.purge("ada")
    tab(services, "bob").visit("admin")
    count_all(services)

    with services.database.connect() as connection:
        assert connection.exec_driver_sql("SELECT DISTINCT session_id FROM activity").scalars().all() == ["bob"]
    assert totals(services)["2026-01-01", "intake"] == before["2026-01-01", "intake"]
    assert totals(services)["2026-01-01", ALL_PAGES][0] == 2


def test_housekeeping_counts_before_it_removes_and_forgets_who_it_was(
    project: Callable[..., Services], clock: FakeClock
) -> None:
    services = project()
    work(tab(services, "ada"), clock)
    clock.advance((KEPT_DAYS + 2) * 86400)
    services.engine.flush()
    removed = clean_up(services)

    assert totals(services)["2026-01-01", "intake"] == (1, 1, 2, 40.0)
    assert removed.activity == 2
    assert services.activity.forget(10) == 0


def test_a_damaged_count_is_left_out_and_holds_nobody_up(project: Callable[..., Services], clock: FakeClock) -> None:
    services = project()
    tab(services, "ada").visit("home")
    tab(services, "bob").visit("home")
    services.engine.flush()
    with services.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE entries SET value = '1:00000000:{}' WHERE session_id = 'ada' AND path LIKE 'metric/%%'"
        )
    count_all(services)

    assert totals(services)["2026-01-01", "home"][0] == 1


def test_counting_asks_the_database_nothing_beyond_the_edit_itself(
    project: Callable[..., Services], database_url: str
) -> None:
    at_once = database_url.startswith("postgresql")
    services = project(durability="database" if at_once else "local")
    session = tab(services, "ada")
    session.visit("home")
    asked: list[str] = []

    @event.listens_for(services.database, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    session.commit([Change("form/f/field/a", 1)])
    uncounted, asked[:] = list(asked), []
    session.commit([Change("form/f/field/a", 2)], counting="interactions")

    assert asked == uncounted
    assert bool(asked) == at_once


# A tab's own counts


def test_a_pause_counts_where_the_person_was_and_a_long_one_nowhere() -> None:
    counted = count({}, "page_views", page="a", before="", pause=None)
    counted = count(counted, "page_views", page="b", before="a", pause=12.0)
    counted = count(counted, "interactions", page=None, before="b", pause=LONGEST_PAUSE + 1)
    counted = count(counted, "interactions", page=None, before="b", pause=-5.0)

    assert by_page(counted) == {"a": (1, 0, 12.0), "b": (1, 2, 0.0)}


def test_what_was_counted_before_pages_were_told_apart_counts_for_no_page() -> None:
    counted = count({"page_views": 3, "interactions": 4}, "interactions", page=None, before="a", pause=None)

    assert by_page(counted) == {"a": (0, 1, 0.0), ELSEWHERE: (3, 4, 0.0)}


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["pages", "page_views", "a"]), inner),
    )
)
def test_reading_counts_never_fails_whatever_is_stored(stored: object) -> None:
    for counts in by_page(stored).values():
        assert len(counts) == 3
