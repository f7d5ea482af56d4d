"""The clock of one of two replicas is ten minutes fast or slow, and each text goes to the other one in turn."""

from __future__ import annotations

from contextlib import closing

from tests.lab.faults import Fault, Result
from tests.lab.fleet import Fleet, at_work, differing, lost, more
from tests.lab.laboratory import Laboratory, Setup

_PEOPLE = 20
_FEWER = 4
"""People of a dose for the tests."""
_SECONDS = 600.0
_FLEETS = 2


def run(laboratory: Laboratory, dose: int) -> Result:
    clocks = (_SECONDS, -_SECONDS)[: min(dose, _FLEETS)]
    found = [_play(laboratory, dose // len(clocks), ahead) for ahead in clocks]
    return Result(
        done=dose,
        acknowledged=sum(each.acknowledged for each in found),
        violations=[violation for each in found for violation in each.violations],
        failures=[failure for each in found for failure in each.failures],
        figures={"clock off by, s": _SECONDS},
    )


def _play(laboratory: Laboratory, rounds: int, ahead: float) -> Result:
    with laboratory.bench() as bench, closing(Fleet(bench, 2, sticky=False, sheet_ahead_seconds=ahead)) as fleet:
        with at_work(fleet, _PEOPLE if rounds > 1 else _FEWER) as people:
            for _ in range(rounds):
                more(people)
        noticed = any("clock" in says for says in differing(bench, len(fleet)))
        return Result(
            done=rounds,
            acknowledged=sum(person.count for person in people),
            violations=lost(bench, people),
            failures=[] if noticed else ["Health and doctor don't name the clock that is off"],
        )


FAULT = Fault(
    name="skewed",
    says="the clock of one of two replicas is ten minutes off, and each text goes to the other one in turn",
    holds="what was acknowledged last stays, in the person's own session; Health and doctor name the clock",
    full=20,
    short=1,
    run=run,
    setups=(Setup.DATABASE,),
    elsewhere="a journal is on one machine",
)
