"""A COMMIT goes wrong: it never arrives, the server dies over it, or it is done and its answer is lost."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, suppress

from sqlalchemy import text

from core.services import build_services
from core.settings import Settings
from tests.lab.chance import chance
from tests.lab.checker import Violation
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.nursery import Victim
from tests.lab.postgres import Postgres
from tests.lab.proxy import Proxy
from tests.lab.waiting import wait_until

_TABS = (1, 4, 4)
"""Of each of the victims. With one tab only, what was done can be counted to the last edit."""
_BACK_SECONDS = 10.0
"""So long after each harm edits must have been accepted, and in the end all must be in the database."""
_COMMIT_SECONDS = 0.002
_PAUSE_SECONDS = 0.02


def run(laboratory: Laboratory, dose: int) -> Result:
    proxy, failures, violations = Proxy(laboratory.server.port), list[str](), list[Violation]()
    with ExitStack() as stack:
        stack.callback(proxy.close)
        benches = [stack.enter_context(laboratory.bench(sessions=4, purges=False)) for _ in _TABS]
        victims = [
            stack.enter_context(bench.victim(channels=tabs, database_url=proxy.url(bench.database_url)))
            for bench, tabs in zip(benches, _TABS, strict=True)
        ]
        with ExitStack() as work:
            for bench, victim in zip(benches, victims, strict=True):
                work.enter_context(bench.load.on(victim, pause=_PAUSE_SECONDS))
            longest = max(_harm_in_each_way(laboratory.server, proxy, benches) for _ in range(dose))
        drained = wait_until(lambda: _drained(victims), "nothing waits for the database")
        for bench, victim in zip(benches, victims, strict=True):
            victim.kill()
            violations += bench.check()
            failures += [*bench.failures, *_replay(bench)]
        failures += _count(benches[0])
    late = []
    if max(longest, drained) > _BACK_SECONDS:
        late = [f"it took {longest:.1f} s until edits were accepted again, {drained:.1f} s until all were stored"]
    return Result(
        done=dose,
        acknowledged=sum(bench.recorder.acknowledged for bench in benches),
        violations=violations,
        failures=failures,
        too_slow=late,
        figures={"edits accepted again after, at most, s": longest, "all stored after, s": drained},
    )


def _harm_in_each_way(server: Postgres, proxy: Proxy, benches: list[Bench]) -> float:
    """Seconds until every victim had a write acknowledged after the harm, at most."""

    def kill(process: int) -> None:
        """Kill the one process of the server that commits, or all of them. After one, the server restarts by itself."""
        time.sleep(chance().uniform(0, _COMMIT_SECONDS))
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        if chance().random() < 0.5:
            server.kill()

    longest = 0.0
    for moment in ("before", "during", "after"):
        proxy.harm_next_commit(moment, kill if moment == "during" else lambda _: None)
        wait_until(proxy.harmed.is_set, f"a connection was cut {moment} its COMMIT")
        if moment == "during":
            server.start()
        longest = max(longest, _until_all_go_on(benches))
    return longest


def _until_all_go_on(benches: list[Bench]) -> float:
    enough = [bench.recorder.acknowledged + 3 for bench in benches]
    return wait_until(
        lambda: all(bench.recorder.acknowledged >= count for bench, count in zip(benches, enough, strict=True)),
        "every victim accepts edits again",
    )


def _drained(victims: list[Victim]) -> bool:
    return not any(victim.channels[0].ask("status")["pending"] for victim in victims)


def _replay(bench: Bench) -> list[str]:
    """Write everything once more, as a flush does that was repeated for want of an answer: nothing may change."""
    services = build_services(Settings(_env_file=None, **bench.settings()))  # type: ignore[call-arg]
    stored = text("SELECT session_id, path, value, stamp, base, version FROM entries ORDER BY session_id, path")
    with services.database.connect() as connection:
        before = connection.execute(stored).all()
    services.store.upsert([e for session in bench.load.sessions for e in services.store.load(session).entries])
    with services.database.connect() as connection:
        after = connection.execute(stored).all()
    services.engine.close()
    return [] if before == after and before else ["writing everything a second time changed something"]


def _count(bench: Bench) -> list[str]:
    """Every edit counts once in its session's metrics, however often it was flushed. Refused ones may count, or not."""
    services = build_services(Settings(_env_file=None, **bench.settings()))  # type: ignore[call-arg]
    counted = sum(services.engine.open(session).metrics.interactions for session in bench.load.sessions)
    services.engine.close()
    accepted = bench.load.accepted["edit"] + bench.load.accepted["save"]
    refused = sum(refusal.startswith(("edit:", "save:")) for refusal in bench.load.refusals)
    if accepted <= counted <= accepted + refused:
        return []
    return [f"{accepted} edits were accepted and {refused} refused, but {counted} were counted"]


FAULT = Fault(
    name="commits",
    says="database killed during commit, COMMIT lost before it arrives, its answer lost after it was done",
    holds="acknowledged lost: 0; no effect twice; goes on by itself",
    full=50,
    short=3,
    run=run,
    setups=(Setup.POSTGRES, Setup.DATABASE),
    harms_server=True,
)
