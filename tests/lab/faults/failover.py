"""The primary PostgreSQL dies while people type at two replicas, and its synchronous standby takes its place."""

from __future__ import annotations

from contextlib import ExitStack, closing

from tests.lab.faults import Fault, Result
from tests.lab.fleet import Fleet, at_work, lost, more
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.postgres import Postgres
from tests.lab.proxy import Proxy
from tests.lab.waiting import wait_until

_PEOPLE = 20
_FEWER = 4
"""People of a dose for the tests, and of the negative control."""
_BACK_SECONDS = 10.0


class _Cluster:
    """A primary, its standby, and the address that moves with the primary."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._folder, self._primary, self._made = laboratory.folder, laboratory.server, 0
        self._ends = ExitStack()
        self.address = Proxy(self._primary.port)
        self._ends.callback(self.address.close)
        self._standby = self._new_standby()

    def fail_over(self) -> None:
        """Promote the standby, and send everybody there. Nothing of it waits for another standby yet."""
        self._standby.promote()
        self._primary = self._standby
        self.address.turn_to(self._primary.port)

    def kill(self) -> None:
        self._primary.kill()

    def renew(self) -> None:
        """Give the new primary a standby, for which its commits wait as before."""
        self._standby = self._new_standby()

    def hold_back(self) -> None:
        """Let nothing get to the standby any more, and nobody wait for it."""
        self._primary.configure(synchronous_standby_names="")
        self._standby.configure(primary_conninfo="")
        wait_until(lambda: not self._primary.standbys(), "the standby follows no more")

    def close(self) -> None:
        self._ends.close()

    def _new_standby(self) -> Postgres:
        self._made += 1
        folder = self._folder / f"standby-{self._made}"
        folder.mkdir(mode=0o755)
        standby = Postgres(folder, primary=self._primary)
        self._ends.callback(standby.close)
        # Once promoted it has no standby of its own, and would wait for one.
        standby.configure(synchronous_standby_names="")
        self._primary.configure(synchronous_standby_names="*")
        wait_until(lambda: self._primary.standbys() == ["sync"], "every commit waits for the standby")
        return standby


def run(laboratory: Laboratory, dose: int) -> Result:
    with closing(_Cluster(laboratory)) as cluster, laboratory.bench() as bench:
        bench.database_url = cluster.address.url(bench.database_url)
        with closing(Fleet(bench, 2)) as fleet:
            back = []
            with at_work(fleet, _PEOPLE if dose > 1 else _FEWER) as people:
                for number in range(dose):
                    told = [person.refused for person in people]
                    cluster.kill()
                    if number % 2 == 0:  # the other times it takes over at once
                        wait_until(
                            lambda told=told: all(p.refused > then for p, then in zip(people, told, strict=True)),  # type: ignore[misc]
                            "everybody is told that nothing is kept",
                        )
                    cluster.fail_over()
                    back.append(more(people))
                    cluster.renew()
            violations = lost(bench, people)
            with at_work(fleet, _FEWER) as unlucky:
                cluster.hold_back()
                more(unlucky)
            cluster.kill()
            cluster.fail_over()
            noticed = lost(bench, unlucky)
        return Result(
            done=dose,
            acknowledged=sum(person.count for person in people),
            violations=violations,
            failures=[] if noticed else ["nobody noticed what a standby that was held back can't have"],
            too_slow=[f"everybody went on after {max(back):.1f} s only"] if max(back) > _BACK_SECONDS else [],
            figures={
                "everybody goes on after, at most, s": round(max(back), 2),
                "refused meanwhile": float(sum(person.refused for person in people)),
                "negative control, lost and noticed": float(len(noticed)),
            },
        )


FAULT = Fault(
    name="failover",
    says="the primary PostgreSQL dies while people type at two replicas, and its synchronous standby takes its place",
    holds="acknowledged lost: 0 at the new primary, nothing newer overwritten, edits meanwhile refused aloud or kept",
    full=20,
    short=1,
    run=run,
    setups=(Setup.DATABASE,),
    elsewhere="a journal is on one machine",
    harms_server=True,
)
