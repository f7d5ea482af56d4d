"""The network between one of two replicas and the database is cut while people type at both, and heals."""

from __future__ import annotations

from contextlib import closing

from tests.lab.faults import Fault, Result
from tests.lab.fleet import Fleet, at_work, lost, more
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.proxy import Proxy
from tests.lab.waiting import wait_until

_PEOPLE = 20
_FEWER = 4
"""People of a dose for the tests."""
_CUT_OFF = 1
"""The number of the replica that is."""
_BACK_SECONDS = 10.0


def run(laboratory: Laboratory, dose: int) -> Result:
    with (
        closing(Proxy(laboratory.server.port)) as proxy,
        laboratory.bench() as bench,
        closing(Fleet(bench, 2, database_url=proxy.url(bench.database_url))) as fleet,
    ):
        back = []
        with at_work(fleet, _PEOPLE if dose > 1 else _FEWER) as people:
            cut_off = [person for person in people if person.is_at(_CUT_OFF)]
            others = [person for person in people if person not in cut_off]
            for number in range(dose):
                told = [person.refused for person in cut_off]
                if number % 2:
                    proxy.go_silent()
                else:
                    proxy.go_away()
                wait_until(
                    lambda told=told: all(p.refused > then for p, then in zip(cut_off, told, strict=True)),  # type: ignore[misc]
                    "everybody who is cut off is told that nothing is kept",
                )
                more(others)
                proxy.come_back()
                back.append(more(people))
        return Result(
            done=dose,
            acknowledged=sum(person.count for person in people),
            violations=lost(bench, people),
            failures=[] if cut_off and others else ["the balancer had everybody at one replica"],
            too_slow=[f"everybody went on after {max(back):.1f} s only"] if max(back) > _BACK_SECONDS else [],
            figures={
                "everybody goes on after, at most, s": round(max(back), 2),
                "refused meanwhile": float(sum(person.refused for person in cut_off)),
            },
        )


FAULT = Fault(
    name="cut",
    says="the network between one of two replicas and the database is cut or silent, and heals, while people type",
    holds="edits there refused aloud, those at the other kept; nothing newer overwritten",
    full=50,
    short=1,
    run=run,
    setups=(Setup.DATABASE,),
    elsewhere="a journal is on one machine",
)
