"""One of several replicas dies at random, or, every tenth time, all are restarted one after another, while people type.

Every fourth time nobody is kept at a replica: each request goes to another one.
"""

from __future__ import annotations

from contextlib import closing

from tests.lab.chance import chance
from tests.lab.faults import Fault, Result
from tests.lab.fleet import Fleet, at_work, lost, more
from tests.lab.laboratory import Bench, Laboratory, Setup

_REPLICAS, _PEOPLE = 3, 20
_FEWER = 2
"""Replicas, and people for each of them, of a dose for the tests."""
_SCATTERED_EVERY, _RESTARTED_EVERY = 4, 10
_AGAIN_SECONDS = 5.0
_EXIT_SECONDS = 10.0


def run(laboratory: Laboratory, dose: int) -> Result:
    scattered = dose // _SCATTERED_EVERY or 1  # each fleet is used for all of its share
    found = [
        _play(laboratory, dose - scattered, sticky=True),
        _play(laboratory, scattered, sticky=False),
    ]
    return Result(
        done=dose,
        acknowledged=sum(each.acknowledged for each in found),
        violations=[violation for each in found for violation in each.violations],
        failures=[failure for each in found for failure in each.failures],
        too_slow=[what for each in found for what in each.too_slow],
        figures={
            "kept again after, at most, s": max(each.figures["again"] for each in found),
            "exit after SIGTERM, at most, s": max(each.figures["exit"] for each in found),
        },
    )


def _play(laboratory: Laboratory, dose: int, *, sticky: bool) -> Result:
    replicas, people = (_REPLICAS, _PEOPLE) if dose > _SCATTERED_EVERY else (_FEWER, _FEWER * _FEWER)
    with laboratory.bench() as bench, closing(Fleet(bench, replicas, sticky=sticky)) as fleet:
        with at_work(fleet, people) as at_it:
            ends = []
            for number in range(dose):
                ends.append(_harm(fleet, dies=number % _RESTARTED_EVERY != (_RESTARTED_EVERY - 1 if sticky else 0)))
                more(at_it)
        longest = max(person.longest for person in at_it)
        return Result(
            done=dose,
            acknowledged=sum(person.count for person in at_it),
            violations=lost(bench, at_it),
            failures=_failures(bench),
            too_slow=[f"a text was kept after {longest:.1f} s only"] if longest > _AGAIN_SECONDS else [],
            figures={"again": round(longest, 2), "exit": round(max(ends), 2)},
        )


def _harm(fleet: Fleet, *, dies: bool) -> float:
    """Kill a replica, or restart all of them in turn. Returns the seconds that an orderly end took at most."""
    if dies:
        victim = chance().randrange(len(fleet))
        fleet.kill(victim)
        fleet.start(victim)
        return 0.0
    ends = []
    for replica in range(len(fleet)):
        ends.append(fleet.terminate(replica))
        fleet.start(replica)
    return max(ends)


def _failures(bench: Bench) -> list[str]:
    """Return what the replicas logged as an error."""
    logs = {path.name: path.read_text(errors="replace") for path in bench.folder.glob("replica-*.log")}
    return [f"{name}: {line}" for name, log in logs.items() for line in log.splitlines() if "Traceback" in line][:5]


FAULT = Fault(
    name="replicas",
    says="one of several replicas behind a load balancer dies, or all are restarted in turn, while people type",
    holds="acknowledged lost: 0, everybody goes on within 5 s, at whichever replica",
    full=200,
    short=2,
    run=run,
    setups=(Setup.DATABASE,),
    elsewhere="a journal is on one machine",
)
