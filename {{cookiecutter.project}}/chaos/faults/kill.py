"""`kill -9` at a random moment, with twenty sessions at work in several threads."""

from __future__ import annotations

import random
import time

from chaos.checker import Violation
from chaos.faults import Fault, Result
from chaos.laboratory import Bench, Laboratory

_KILLS_PER_BENCH = 25
"""Sessions live through so many kills; then others begin with an empty database."""
_MOST_OPERATIONS = 60
"""How much is done at most between the start of a victim and its death."""


def run(laboratory: Laboratory, dose: int) -> Result:
    violations: list[Violation] = []
    failures: list[str] = []
    acknowledged = 0
    for begun in range(0, dose, _KILLS_PER_BENCH):
        with laboratory.bench() as bench:
            for _ in range(min(_KILLS_PER_BENCH, dose - begun)):
                violations += _kill_once(bench)
            acknowledged += bench.recorder.acknowledged
            failures += bench.failures
    return Result(done=dose, acknowledged=acknowledged, violations=violations, failures=failures)


def _kill_once(bench: Bench) -> list[Violation]:
    # From "always flushing" to "all in the journal"; from "hardly begun" to "long at work".
    with bench.victim(debounce_delay=random.choice((0.01, 0.05, 3600))) as victim, bench.load.on(victim):
        bench.recorder.wait_for(bench.recorder.acknowledged + random.randrange(_MOST_OPERATIONS))
        time.sleep(random.uniform(0, 0.01))
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
