"""What nobody needs any more is removed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from core.clock import FakeClock
from core.services import build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.web.housekeeping import clean_up


def test_only_what_is_past_its_time_is_removed(make_settings: Callable[..., Settings], clock: FakeClock) -> None:
    with use_services(build_services(make_settings(), clock)) as services:
        Base.metadata.create_all(services.database)
        for number in range(450):  # more than two batches
            services.engine.record(f"browser{number}", {"form/f/field/a": number})
        services.engine.open("person", "ada").set_field("f", "a", 1)
        assert clean_up(services) == 0

        clock.advance(services.settings.session_timeout + 1)
        services.engine.record("today", {"form/f/field/a": 1})
        assert clean_up(services) == 450
        assert {header.session_id for header in services.store.headers(10)} == {"person", "today"}


def test_an_ended_token_is_remembered_for_a_while_and_then_forgotten(
    make_settings: Callable[..., Settings], clock: FakeClock
) -> None:
    with use_services(build_services(make_settings(), clock)) as services:
        Base.metadata.create_all(services.database)
        services.accounts.register("a" * 64, "anon-a", "Firefox on Linux")
        clock.advance(services.settings.session_timeout + 1)
        clean_up(services)
        state = services.accounts.check("a" * 64)
        assert state is not None
        assert state.standing == "ended"

        clock.advance(services.settings.session_retention)
        clean_up(services)
        assert services.accounts.check("a" * 64) is None
