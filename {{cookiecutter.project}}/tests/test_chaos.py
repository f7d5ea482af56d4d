"""The short dose of the crash laboratory: what `make chaos` does thoroughly, a few times each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.faults import Fault, discover
from chaos.laboratory import Laboratory, Setup
from chaos.postgres import Postgres
from chaos.strace import NoStraceError

FAULTS = discover()
SHORT = [(fault, setup, share) for fault in FAULTS.values() for setup, share in fault.shares(fault.short).items()]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One for the whole module. A fault that stops it starts it again."""
    postgres = Postgres(tmp_path_factory.mktemp("chaos"))
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
