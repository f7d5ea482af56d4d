"""`kill -9` at a random moment, with twenty sessions at work in several threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.lab.chance import chance
from tests.lab.checker import Violation
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory

_KILLS_PER_BENCH = 25
"""Sessions live through so many kills; then others begin with an empty database."""
_SIDE_BY_SIDE = 2
_MOST_OPERATIONS = 60
"""How much is done at most between the start of a victim and its death."""


def run(laboratory: Laboratory, dose: int) -> Result:
    kills = [min(_KILLS_PER_BENCH, dose - begun) for begun in range(0, dose, _KILLS_PER_BENCH)]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as side_by_side:
        results = list(side_by_side.map(partial(_on_one_bench, laboratory), kills))
    return Result(
        done=dose,
        acknowledged=sum(result.acknowledged for result in results),
        violations=[violation for result in results for violation in result.violations],
        failures=[failure for result in results for failure in result.failures],
    )


def _on_one_bench(laboratory: Laboratory, kills: int) -> Result:
    with laboratory.bench() as bench:
        violations = [violation for _ in range(kills) for violation in _kill_once(bench)]
        acknowledged = bench.recorder.acknowledged
        return Result(done=kills, acknowledged=acknowledged, violations=violations, failures=bench.failures)


def _kill_once(bench: Bench) -> list[Violation]:
    # From "always flushing" to "all in the journal"; from "hardly begun" to "long at work".
    with bench.victim(debounce_delay=chance().choice((0.01, 0.05, 3600))) as victim, bench.load.on(victim):
        bench.recorder.wait_for(bench.recorder.acknowledged + chance().randrange(_MOST_OPERATIONS))
        time.sleep(chance().uniform(0, 0.01))
        victim.kill()
    return bench.check()


FAULT = Fault(
    name="kill",
    says="SIGKILL at random under load, 20 sessions",
    holds="acknowledged lost: 0",
    full=1000,
    short=25,
    run=run,
)
