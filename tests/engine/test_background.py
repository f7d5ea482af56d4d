"""Background tasks go on whatever they raise, and what fails is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.apps.admin.pages.health import troubles
from core.background import Background
from core.clock import FakeClock
from core.errors import FilesUnavailableError, JournalError, StoreUnavailableError
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.web import routes
from core.web.housekeeping import batches
from core.web.ingress import Connections
from core.web.live_tab import LiveTab
from core.web.session_revocation import SessionRevocation

ERRORS = [AttributeError("moved"), OSError("gone"), KeyError("x"), StoreUnavailableError("away"), RecursionError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_task_is_repeated_whatever_it_raises(error: Exception) -> None:
    background, seen = Background(), list[dict[str, str]]()

    async def run() -> None:
        again = asyncio.Event()

        async def task() -> None:
            seen.append(dict(background.failing))
            if len(seen) < 3:
                raise error
            if len(seen) > 3:
                again.set()

        repeating = asyncio.create_task(background.repeat("watching", task, seconds=0))
        await again.wait()
        repeating.cancel()
        with suppress(asyncio.CancelledError):
            await repeating

    asyncio.run(run())
    failed = {"watching": f"{type(error).__name__}: {error}"}
    assert seen[:4] == [{}, failed, failed, {}]


def test_what_fails_is_seen_by_the_route_and_on_the_health_page(services: Services) -> None:
    async def run() -> None:
        again = asyncio.Event()

        async def fail() -> None:
            if services.background.failing:
                again.set()
            raise AttributeError("moved in Streamlit")

        task = asyncio.create_task(services.background.repeat("cleaning up", fail, seconds=0))
        await again.wait()
        task.cancel()

    asyncio.run(run())
    assert TestClient(Starlette(routes=routes())).get("/keep/health").json()["background"] == ["cleaning up"]
    assert [trouble.says for trouble in troubles(services) if "cleaning up" in trouble.says]


def test_a_part_of_cleaning_up_that_fails_keeps_no_other_from_it(
    make_settings: Callable[..., Settings], clock: FakeClock
) -> None:
    def refuse(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM sessions"):
            raise OSError("an error nobody thought of")

    with use_services(build_services(make_settings(), clock)) as services:
        Base.metadata.create_all(services.database)
        services.accounts.tokens.register("a" * 64, "anon-a", "Firefox on Linux")
        clock.advance(services.settings.session_timeout + services.settings.session_retention + 1)
        event.listen(services.database, "before_cursor_execute", refuse)
        with pytest.raises(OSError, match="nobody thought of"):
            list(batches(services))
        assert not services.accounts.identities.ask("a" * 64, "anon").registered, "what comes after it was done"


def test_a_page_that_can_not_be_reached_keeps_no_other_open(services: Services) -> None:
    done: list[str] = []

    def run(page: str) -> None:
        done.append(page)
        if page == "page 0":
            raise AttributeError("Streamlit has no such attribute")

    connections = Connections()
    revocation = SessionRevocation(connections, run=run, end=run)
    for number in range(3):

        async def cut(number: int = number) -> None:
            done.append(f"cut {number}")

        token = f"{number:064x}"
        connections.attach(
            connections.open(cut), LiveTab(lambda _edits: None, session_id="s"), f"page {number}", owner=token
        )
        services.accounts.tokens.revoke(token)
    with pytest.raises(AttributeError):
        asyncio.run(revocation.check(services.accounts))
    assert done == ["page 0", "page 1", "page 2"]
    with pytest.raises(AttributeError):
        asyncio.run(revocation.check(services.accounts))
    assert done[3:] == ["page 0", "cut 0", "page 1", "cut 1", "page 2", "cut 2"]


def test_a_leftover_that_vanishes_is_no_error(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "files" / "tmp"
    folder.mkdir(parents=True)
    (folder / "vanished").symlink_to(tmp_path / "nothing")  # as one that goes between being found and looked at
    assert services.files.store.remove_leftovers(services.clock.now()) == 0
    (tmp_path / "files" / "aa").mkdir()
    (tmp_path / "files" / "aa" / ("a" * 64)).mkdir()
    with pytest.raises(FilesUnavailableError):
        services.files.store.remove("a" * 64)


def test_closing_lets_go_of_everything_whatever_fails(make_settings: Callable[..., Settings]) -> None:
    services = build_services(make_settings())
    Base.metadata.create_all(services.database)
    services.engine.open("s").set_field("f", "a", 1)

    def refuse(*_: object) -> None:
        raise OSError("an error nobody thought of")

    event.listen(services.database, "before_cursor_execute", refuse)
    services.accounts.close = refuse  # type: ignore[method-assign]
    with pytest.raises(OSError, match="nobody thought of"):
        services.close()
    assert services.journal is not None
    with pytest.raises(JournalError):
        services.journal.count()
    again = build_services(services.settings)
    assert again.engine.open("s").form("f").values == {"a": 1}
    again.close()
