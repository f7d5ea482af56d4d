"""The short dose of the crash laboratory: what `make chaos` does thoroughly, a few times each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.controls import CONTROLS, Control, prove
from chaos.faults import Fault, discover
from chaos.laboratory import Laboratory, Setup
from chaos.postgres import Postgres
from chaos.strace import NoStraceError

FAULTS = discover()
SHORT = [(fault, setup, share) for fault in FAULTS.values() for setup, share in fault.shares(fault.short).items()]


@pytest.fixture(scope="module")
def postgres(postgres_folder: Path) -> Iterator[Postgres]:
    """One for the whole module. A fault that stops it starts it again."""
    folder = postgres_folder / "chaos"
    folder.mkdir()
    postgres = Postgres(folder)
    yield postgres
    postgres.close()


@pytest.mark.parametrize(("fault", "setup", "share"), SHORT, ids=[f"{f.name}-{s.name.lower()}" for f, s, _ in SHORT])
def test_nothing_acknowledged_is_lost(
    fault: Fault, setup: Setup, share: int, tmp_path: Path, postgres: Postgres
) -> None:
    with Laboratory(setup, tmp_path, postgres) as laboratory:
        try:
            result = fault.run(laboratory, share)
        except NoStraceError as error:
            pytest.skip(str(error))
    assert [str(violation) for violation in result.violations] == []
    assert result.failures == []
    assert result.done == share
    assert result.acknowledged > 0


def test_every_fault_goes_by_the_name_of_its_module() -> None:
    assert {name: fault.run.__module__ for name, fault in FAULTS.items()} == {
        name: f"chaos.faults.{name}" for name in FAULTS
    }


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_the_checker_notices_what_is_lost_on_purpose_and_accuses_nobody_else(control: Control, tmp_path: Path) -> None:
    with Laboratory(Setup.SQLITE, tmp_path) as laboratory:
        try:
            assert prove(control, laboratory) is None
        except NoStraceError as error:
            pytest.skip(str(error))


def test_there_are_the_five_negative_controls() -> None:
    assert len({control.name for control in CONTROLS}) == 5


def test_a_control_that_nobody_notices_fails_the_laboratory(tmp_path: Path) -> None:
    sound = replace(CONTROLS[0], broken="real")
    with Laboratory(Setup.SQLITE, tmp_path) as laboratory:
        assert "not noticed" in (prove(sound, laboratory) or "")


def test_a_control_that_accuses_the_innocent_fails_the_laboratory(tmp_path: Path) -> None:
    rash = replace(CONTROLS[0], sound=CONTROLS[0].broken)
    with Laboratory(Setup.SQLITE, tmp_path) as laboratory:
        assert "sound counterpart" in (prove(rash, laboratory) or "")
