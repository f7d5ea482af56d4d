"""What nobody needs any more is removed, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from core.clock import FakeClock
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.web.housekeeping import batches
from tests.engine.writing import put


def clean_up(services: Services) -> Counter[str]:
    """Clean up without pauses, and return what was removed."""
    cleaned = Counter[str]()
    for now in batches(services):
        cleaned = now
    return cleaned


def test_only_what_is_past_its_time_is_removed(make_settings: Callable[..., Settings], clock: FakeClock) -> None:
    with use_services(build_services(make_settings(), clock)) as services:
        Base.metadata.create_all(services.database)
        for number in range(450):  # more than two batches
            put(services.engine, f"browser{number}", {"form/f/field/a": number})
        services.engine.open("person", "ada").set_field("f", "a", 1)
        assert clean_up(services) == {}

        clock.advance(services.settings.session_timeout + 301)
        put(services.engine, "today", {"form/f/field/a": 1})
        assert clean_up(services)["sessions"] == 450
        assert {header.session_id for header in services.store.headers(10)} == {"person", "today"}


def test_an_ended_token_is_remembered_for_a_while_and_then_forgotten(
    make_settings: Callable[..., Settings], clock: FakeClock
) -> None:
    with use_services(build_services(make_settings(), clock)) as services:
        Base.metadata.create_all(services.database)
        services.accounts.tokens.register("a" * 64, "anon-a", "Firefox on Linux")
        clock.advance(services.settings.session_timeout + 1)
        clean_up(services)
        state = services.accounts.identities.ask("a" * 64, "anon")
        assert state.standing == "ended"

        clock.advance(services.settings.session_retention)
        assert clean_up(services)["tokens"] == 1
        assert not services.accounts.identities.ask("a" * 64, "anon").registered


def test_a_session_with_edits_that_wait_is_not_removed(
    make_settings: Callable[..., Settings], clock: FakeClock
) -> None:
    with use_services(build_services(make_settings(), clock)) as services:
        Base.metadata.create_all(services.database)
        put(services.engine, "browser", {"form/f/field/a": 1})
        services.engine.flush()
        clock.advance(services.settings.session_timeout + 301)
        session = services.engine.open("browser")
        session.set_field("f", "a", 2)
        assert clean_up(services) == {}
        assert services.engine.open("browser").form("f").values == {"a": 2}


def test_only_one_process_cleans_up_at_a_time(
    make_settings: Callable[..., Settings], clock: FakeClock, database_url: str
) -> None:
    settings = make_settings(database_url=database_url)
    one, other = build_services(settings, clock), build_services(settings, clock)
    with use_services(one), use_services(other):
        Base.metadata.create_all(one.database)
        for number in range(150):
            put(one.engine, f"browser{number}", {"form/f/field/a": number})
        one.engine.flush()
        clock.advance(settings.session_timeout + 301)
        under_way = batches(one)
        assert next(under_way)["sessions"] < 150
        assert clean_up(other) == {}
        clock.advance(86400)  # the first one is dead: nothing was heard of it for a day
        assert clean_up(other)["sessions"] > 0
        assert list(under_way) == []
        assert one.store.count() == 0
