"""The database is gone for a minute, while many processes have people at work."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.load import Client
from tests.lab.nursery import Victim
from tests.lab.proxy import Proxy
from tests.lab.waiting import wait_until

_FULL, _SHORT = 50, 3
_LONG_OUTAGE_SECONDS, _SHORT_OUTAGE_SECONDS = 60.0, 3.0
_BACK_SECONDS = 10.0
"""So long after the return nothing may wait any more."""
_PAUSE_SECONDS = 0.2
"""Between two things that one person does."""


def run(laboratory: Laboratory, dose: int) -> Result:
    seconds = _LONG_OUTAGE_SECONDS if dose >= _FULL else _SHORT_OUTAGE_SECONDS
    proxy = Proxy(laboratory.server.port)
    with ExitStack() as stack:
        stack.callback(proxy.close)
        benches = [stack.enter_context(laboratory.bench(sessions=4, purges=False)) for _ in range(dose)]
        pairs = [
            (b, stack.enter_context(b.victim(channels=2, database_url=proxy.url(b.database_url)))) for b in benches
        ]
        return _harm(laboratory, pairs, proxy, seconds)


def _harm(laboratory: Laboratory, pairs: list[tuple[Bench, Victim]], proxy: Proxy, seconds: float) -> Result:
    benches = [bench for bench, _ in pairs]
    _work(pairs, seconds=1.0)
    proxy.go_away()
    _work(pairs, seconds=seconds)
    proxy.come_back()
    accepted = [sum(count for do, count in bench.load.accepted.items() if do != "flush") for bench in benches]
    refusals = [r for bench in benches for r in bench.load.refusals if not r.startswith("flush:")]
    back = _until_all_is_well(pairs)
    shown = [_shown(bench, victim) for bench, victim in pairs]
    failures, violations = [], []
    for (bench, victim), views in zip(pairs, shown, strict=True):
        victim.kill()
        violations += bench.check()
        stored = bench.recorder.records[0].state
        failures += bench.failures
        failures += [
            f"{s}: a page shows something else than what is stored" for s, v in views if v != stored.get(s, {})
        ]
    if laboratory.setup.durability == "local":
        failures += refusals[:3]
        failures += ["no edit was accepted while the database was gone" for count in accepted if not count]
    elif any(accepted) or not refusals:
        failures.append(f"{sum(accepted)} edits were acknowledged while the database was gone")
    late = [f"after the return it took {back:.1f} s until all was well"] if back > _BACK_SECONDS else []
    figures = {
        "outage, s": seconds,
        "edits accepted meanwhile": float(sum(accepted)),
        "edits refused meanwhile, each with the reason": float(len(refusals)),
        "slowest answer to an edit meanwhile, s": max(bench.load.slowest.get("edit", 0.0) for bench in benches),
        "all in the database and edits accepted after the return, at most, s": back,
    }
    acknowledged = sum(bench.recorder.acknowledged for bench in benches)
    return Result(
        done=len(pairs),
        acknowledged=acknowledged,
        violations=violations,
        failures=failures,
        too_slow=late,
        figures=figures,
    )


def _work(pairs: list[tuple[Bench, Victim]], *, seconds: float) -> None:
    """Have people at work everywhere, until each had an answer. What was accepted, refused and slow is counted anew."""

    def work(pair: tuple[Bench, Victim]) -> None:
        bench, victim = pair
        bench.load.refusals.clear()
        bench.load.accepted.clear()
        bench.load.slowest.clear()
        for channel in victim.channels:
            for session in bench.load.sessions:
                channel.ask("read", session=session)
        answered = bench.recorder.edits_answered
        with bench.load.on(victim, pause=_PAUSE_SECONDS):
            time.sleep(seconds)
            wait_until(lambda: bench.recorder.edits_answered > answered, "an edit was accepted or refused")

    with ThreadPoolExecutor(len(pairs)) as pool:
        list(pool.map(work, pairs))


def _until_all_is_well(pairs: list[tuple[Bench, Victim]]) -> float:
    """Seconds until nothing waits for the database anywhere, and an edit is accepted by every victim."""
    waiting = [victim.channels[0] for _, victim in pairs]

    def drained() -> bool:
        waiting[:] = [channel for channel in waiting if channel.ask("status")["pending"]]
        return not waiting

    refused = [(bench, Client(bench.recorder, victim.channels[0])) for bench, victim in pairs]

    def accepted() -> bool:
        refused[:] = [(b, client) for b, client in refused if not client.edit(b.load.sessions[0], "order", "name")]
        return not refused

    back = wait_until(drained, "nothing waits for the database any more")
    return back + wait_until(accepted, "edits are accepted again")


def _shown(bench: Bench, victim: Victim) -> list[tuple[str, dict[str, str]]]:
    """What each of the victim's tabs shows of each session."""
    reads = [(session, channel) for channel in victim.channels for session in bench.load.sessions]
    return [(session, channel.ask("read", session=session)["values"]) for session, channel in reads]


FAULT = Fault(
    name="outage",
    says="database gone for 60 s (in the tests 3 s)",
    holds="edits accepted throughout or refused aloud; backlog empty within 10 s of the return",
    full=_FULL,
    short=_SHORT,
    run=run,
    setups=(Setup.POSTGRES, Setup.DATABASE),
)
