"""The replicas note themselves, and one that differs from the others is named with what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from core.clock import FakeClock
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.file_store import FileStore
from core.storage.migrate import upgrade
from core.storage.replicas import NOTED_SECONDS, Replica, Replicas, differences
from core.web.replica import Strays, get_strays, note_replica

SAME = {"SECRET_KEY": "a", "FILES_URL": "f"}


def note(services: Services, name: str, clock: FakeClock, **changes: object) -> Replicas:
    replicas = Replicas(services.database, clock, name)
    noted = {"version": "1", "pages": 2, "pending": 0, "strays": 0, "facts": SAME, **changes}
    replicas.note(**noted)  # type: ignore[arg-type]
    return replicas


def test_a_replica_is_seen_until_it_leaves_or_is_silent(services: Services) -> None:
    clock = FakeClock()
    first, second = (note(services, name, clock) for name in ("one", "two"))
    assert [(each.name, each.pages) for each in first.running()] == [("one", 2), ("two", 2)]
    second.leave()
    assert [each.name for each in first.running()] == ["one"]
    clock.advance(10 * NOTED_SECONDS)
    assert list(first.running()) == [], "killed, it can't take itself off"
    note(services, "three", clock)
    assert [each.name for each in first.running()] == ["three"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"facts": {**SAME, "SECRET_KEY": "b"}}, "odd differs from one and two in SECRET_KEY"),
        ({"facts": {**SAME, "FILES_URL": "g"}}, "odd differs from one and two in FILES_URL"),
        ({"version": "2"}, "odd differs from one and two in the version"),
        ({"strays": 3}, "odd got what is typed into pages that are open at another server"),
    ],
)
def test_the_one_that_differs_is_named(services: Services, changes: dict[str, object], says: str) -> None:
    clock = FakeClock()
    for name in ("one", "two"):
        replicas = note(services, name, clock)
        assert list(differences(replicas.running())) == []
    note(services, "odd", clock, **changes)
    (found,) = differences(replicas.running())
    assert found[0].startswith(says)
    assert found[1]


def test_of_two_that_differ_nobody_knows_which_is_right(services: Services) -> None:
    clock = FakeClock()
    note(services, "one", clock)
    replicas = note(services, "two", clock, facts={**SAME, "SECRET_KEY": "b"})
    (found,) = differences(replicas.running())
    assert found[0] == "one and two differ from each other in SECRET_KEY"


@pytest.mark.parametrize(("minutes", "says"), [(10, "+600 s"), (-10, "-600 s")])
def test_a_clock_that_is_wrong_is_named(services: Services, minutes: int, says: str) -> None:
    clock = FakeClock()
    replicas = note(services, "one", clock)
    (replica,) = replicas.running()
    off = Replica(**{**replica.model_dump(), "ahead_seconds": timedelta(minutes=minutes).total_seconds()})
    (found,) = differences([replica, off])
    assert says in found[0]


def test_only_servers_that_share_files_have_the_same_place(tmp_path: Path) -> None:
    shared, again, private = (FileStore(folder, tmp_path) for folder in ("shared", "shared", "private"))
    assert shared.place_id() == again.place_id() != private.place_id()
    assert list(shared.digests()) == []


@pytest.mark.parametrize(
    ("name", "unlike"),
    [
        ("SECRET_KEY", {"secret_key": "1" * 64}),
        ("SESSION_ENCRYPTION_KEYS", {"session_encryption_keys": [Fernet.generate_key().decode()]}),
        ("FILES_URL", {"files_url": "private"}),
    ],
)
def test_a_server_with_a_setting_of_its_own_is_noticed(
    make_settings: Callable[..., Settings], tmp_path: Path, name: str, unlike: dict[str, object]
) -> None:
    """As the servers note themselves, each with the settings it runs with."""
    common = {"secret_key": "0" * 64, "files_url": str(tmp_path / "shared")}
    if "files_url" in unlike:
        unlike = {"files_url": str(tmp_path / "private")}
    fleet = {"one": common, "two": common, "odd": {**common, **unlike}}
    get_strays().take()  # those of tests before this one, in the same process
    for server, settings in fleet.items():
        built = build_services(make_settings(**settings, journal_path=tmp_path / f"{server}.db"))
        with use_services(built):
            if server == "one":
                upgrade(built.database)
            replicas = Replicas(built.database, built.clock, server)
            asyncio.run(note_replica(replicas))
            found = list(differences(replicas.running()))
    ((says, fix),) = found
    assert says == f"odd differs from one and two in {name}"
    assert name in fix


def test_who_types_again_and_again_into_a_page_of_another_server_has_strayed() -> None:
    strays = Strays()
    for owner, texts in (("once", 1), ("again and again", 3)):
        for _ in range(texts):
            strays.note(owner)
    strays.note("with a file", is_upload=True)
    assert strays.take() == 2
    assert strays.take() == 0
