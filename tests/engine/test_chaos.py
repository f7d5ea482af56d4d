"""The short dose of the crash laboratory: what `make chaos` does thoroughly, a few times each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from tests.lab.__main__ import play, troubles
from tests.lab.controls import CONTROLS, Control, prove
from tests.lab.faults import Result, discover
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.nursery import Nursery
from tests.lab.postgres import Postgres
from tests.lab.strace import NoStraceError

FAULTS = discover()
SHORT = {
    f"{fault.name}-{setup.name.lower()}": (fault, setup, share)
    for fault in FAULTS.values()
    for setup, share in fault.shares(fault.short).items()
}
_SIDE_BY_SIDE = 3

pytestmark = pytest.mark.xdist_group("chaos")  # with several workers, one of them does all of this, once


@pytest.fixture(scope="module")
def postgres(postgres_folder: Path) -> Iterator[Postgres]:
    """One for the whole module, which nobody stops."""
    postgres = Postgres(_new(postgres_folder / "chaos"))
    yield postgres
    postgres.close()


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path_factory.mktemp("chaos") / "victims.log")
    yield nursery
    nursery.close()


@pytest.fixture(scope="module")
def results(
    request: pytest.FixtureRequest, postgres: Postgres, nursery: Nursery, postgres_folder: Path
) -> Iterator[dict[str, Future[Result]]]:
    """All faults that were asked for, side by side: they wait more than they work."""

    def run(name: str) -> Result:
        fault, setup, share = SHORT[name]
        server = None if fault.harms_server else postgres
        with Laboratory(setup, _new(postgres_folder / name), server, nursery) as laboratory:
            return fault.run(laboratory, share)

    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    names = [item.callspec.params["name"] for item in items if item.originalname == "test_nothing_acknowledged_is_lost"]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as side_by_side:
        yield {name: side_by_side.submit(run, name) for name in names}


@pytest.mark.parametrize("name", SHORT)
def test_nothing_acknowledged_is_lost(name: str, results: dict[str, Future[Result]]) -> None:
    try:
        result = results[name].result()
    except NoStraceError as error:
        _not_here(error)
    assert [str(violation) for violation in result.violations] == []
    assert result.failures == []
    assert result.done == SHORT[name][2]
    assert result.acknowledged > 0


def test_every_fault_goes_by_the_name_of_its_module() -> None:
    assert {name: fault.run.__module__ for name, fault in FAULTS.items()} == {
        name: f"tests.lab.faults.{name}" for name in FAULTS
    }


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_the_checker_notices_what_is_lost_on_purpose_and_accuses_nobody_else(
    control: Control, tmp_path: Path, nursery: Nursery, postgres: Postgres
) -> None:
    with Laboratory(control.setup, tmp_path, postgres, nursery) as laboratory:
        try:
            assert prove(control, laboratory) is None
        except NoStraceError as error:
            _not_here(error)


def test_there_are_the_seven_negative_controls() -> None:
    assert len({control.name for control in CONTROLS}) == 7


@pytest.mark.parametrize(
    ("result", "fails", "fails_in_full"),
    [
        (Result(done=1, acknowledged=1), False, False),
        (Result(done=0, acknowledged=0, left_out="strace is not here"), True, True),
        (Result(done=1, acknowledged=1, failures=["it was refused"]), True, True),
        (Result(done=1, acknowledged=1, too_slow=["it took 11 s"]), False, True),
    ],
    ids=["all held", "left out", "did not hold", "too slow"],
)
def test_a_laboratory_that_left_something_out_or_found_something_fails(
    result: Result, fails: bool, fails_in_full: bool
) -> None:
    sound = Result(done=1, acknowledged=1)
    assert bool(troubles([sound, result], [], full=False)) == fails
    assert bool(troubles([sound, result], [], full=True)) == fails_in_full
    assert troubles([sound], ["one was not noticed"], full=False)


def test_a_control_that_can_not_be_played_fails_the_laboratory(tmp_path: Path, nursery: Nursery) -> None:
    def can_not(*_: object) -> NoReturn:
        raise NoStraceError("strace is not here")

    with Laboratory(Setup.SQLITE, tmp_path, nursery=nursery) as laboratory:
        assert "strace is not here" in (play(replace(CONTROLS[0], play=can_not), laboratory) or "")


def test_a_control_that_nobody_notices_fails_the_laboratory(tmp_path: Path, nursery: Nursery) -> None:
    sound = replace(CONTROLS[0], broken="real")
    with Laboratory(Setup.SQLITE, tmp_path, nursery=nursery) as laboratory:
        assert "not noticed" in (prove(sound, laboratory) or "")


def test_a_control_that_accuses_the_innocent_fails_the_laboratory(tmp_path: Path, nursery: Nursery) -> None:
    rash = replace(CONTROLS[0], sound=CONTROLS[0].broken)
    with Laboratory(Setup.SQLITE, tmp_path, nursery=nursery) as laboratory:
        assert "sound counterpart" in (prove(rash, laboratory) or "")


@pytest.mark.parametrize(("system", "outcome"), [("linux", pytest.fail.Exception), ("darwin", pytest.skip.Exception)])
def test_only_linux_has_to_have_strace_in_continuous_integration(
    system: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(outcome, match="strace"):
        _not_here(NoStraceError("strace is not here"))


def _not_here(error: NoStraceError) -> NoReturn:
    """On one's own machine strace may be missing. Where all is to be proven, that is no excuse, but on Linux only."""
    if os.environ.get("CI") and sys.platform == "linux":
        pytest.fail(str(error))
    pytest.skip(str(error))


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
